"""Reads the client's tokens from ids, a file of ids, or text that a tokenizer encodes."""

from __future__ import annotations

import re
from pathlib import Path

from tokenizers import Tokenizer

from aero.core.errors import UsageError
from aero.core.options import shown

_ID = re.compile(r"[+-]?[0-9]{1,15}")


def _ids(text: str, where: str) -> list[int]:
    words = re.split(r"\s*,\s*|\s+", text.strip())
    if not all(_ID.fullmatch(word) for word in words):
        raise UsageError(f"{where}: expected token ids such as 1 2 3, found {shown(text)}")
    return [int(word) for word in words]


def tokens_from(text: str) -> list[list[int]]:
    """Reads --tokens: ids between spaces or commas, or a file with one sequence on each line."""
    if re.fullmatch(r"[0-9\s,+-]+", text):
        return [_ids(text, "--tokens")]
    path = Path(text)
    if "\0" in text or not path.is_file():
        raise UsageError(
            f"--tokens {shown(text)}: neither token ids such as 1 2 3 nor a file of them"
        )
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
        raise UsageError(f"--tokens {path}: {why}") from error
    sequences = [_ids(line, f"{path}:{i}") for i, line in enumerate(lines, 1) if line.strip()]
    if not sequences:
        raise UsageError(f"{path}: no tokens")
    return sequences


def _tokenizer(file: Path | None) -> Tokenizer:
    if file is None:
        raise UsageError(
            "neither the checkpoint nor its run has a tokenizer.json; give --tokenizer FILE, or "
            "the prompt as --tokens"
        )
    try:
        content = file.read_text(encoding="utf-8")
        tokenizer = Tokenizer.from_str(content)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; name a tokenizer.json") from error
    except Exception as error:  # the library raises nothing narrower
        raise UsageError(
            f"{file}: not a tokenizer.json that Hugging Face tokenizers can read; name the file "
            f"that the corpus was made with"
        ) from error
    # scripts/prepare_corpus.py reads texts in the same way: a special token's name is plain text.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def tokens_of_prompt(text: str, file: Path | None) -> list[list[int]]:
    """Returns one sequence, with the ids that the text has in a corpus, which is all UTF-8."""
    try:
        valid = text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"--prompt: not UTF-8 text (byte {error.start + 1}); convert it, for example with "
            f"iconv, or give --tokens"
        ) from error
    ids = _tokenizer(file).encode(valid, add_special_tokens=False).ids
    if not ids:
        raise UsageError("--prompt: no tokens in the text")
    return [ids]


# `aero generate` knows the same names (src/tokenizer/tokenizer.cpp).
_ENDS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]")


def end_of_text(file: Path | None) -> int | None:
    """Returns the token at which a text ends; None where the tokenizer has none.

    A tokenizer trained on HTML may have learned "</s>" as a piece of text, which ends nothing.
    """
    if file is None:
        return None
    tokenizer = _tokenizer(file)
    added = tokenizer.get_added_tokens_decoder()
    for name in _ENDS:
        token = tokenizer.token_to_id(name)
        if token is None:
            continue
        is_text = tokenizer.encode(name, add_special_tokens=False).ids == [token]
        if token in added or not is_text:
            return int(token)
    return None


def text_of(ids: list[int], file: Path | None) -> str | None:
    """Decodes all ids together; returns None without a tokenizer."""
    return None if file is None else str(_tokenizer(file).decode(ids, skip_special_tokens=False))


def words_of(ids: list[int], file: Path | None) -> list[str]:
    """Returns each token as text, or its id where there is no tokenizer."""
    if file is None:
        return [str(token) for token in ids]
    tokenizer = _tokenizer(file)
    return [repr(tokenizer.decode([token], skip_special_tokens=False)) for token in ids]


def check_tokens(sequences: list[list[int]], words: int, context: int) -> None:
    """Raises UsageError for sequences that the model cannot take."""
    lengths = {len(sequence) for sequence in sequences}
    if len(lengths) > 1:
        raise UsageError(
            f"sequences of {min(lengths)} to {max(lengths)} tokens; all must have one length"
        )
    for sequence in sequences:
        if len(sequence) > context:
            raise UsageError(
                f"{len(sequence)} tokens, but the model's context is {context}; shorten the prompt"
            )
        for token in sequence:
            if not 0 <= token < words:
                raise UsageError(
                    f"token {token} is outside the vocabulary of {words} words; a prompt needs the "
                    f"tokenizer that the model was trained with"
                )
