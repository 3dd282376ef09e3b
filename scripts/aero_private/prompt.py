"""The client's tokens: ids as text, a file of them, or text through a tokenizer."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import PrivateError


def _ids(text: str, where: str) -> list[int]:
    words = re.split(r"[\s,]+", text.strip())
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise PrivateError(f"{where}: expected token ids such as 1 2 3, found {text!r}") from error


def tokens_from(text: str) -> list[list[int]]:
    """Sequences of --tokens: ids between spaces or commas, or a file with one sequence a line."""
    path = Path(text)
    if re.fullmatch(r"[\d\s,-]+", text):
        return [_ids(text, "--tokens")]
    if not path.is_file():
        raise PrivateError(f"--tokens {text!r}: neither token ids such as 1 2 3 nor a file of them")
    lines = path.read_text(encoding="utf-8").splitlines()
    sequences = [_ids(line, f"{path}:{i}") for i, line in enumerate(lines, 1) if line.strip()]
    if not sequences:
        raise PrivateError(f"{path}: no tokens")
    return sequences


def _tokenizer(file: Path | None) -> object:
    if file is None:
        raise PrivateError(
            "neither the checkpoint nor its run has a tokenizer.json; give --tokenizer FILE, or "
            "the prompt as --tokens"
        )
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise PrivateError(f"{file}: no tokenizer ({error})") from error


def tokens_of_prompt(text: str, file: Path | None) -> list[list[int]]:
    """One sequence."""
    ids = _tokenizer(file).encode(text).ids
    if not ids:
        raise PrivateError("--prompt: no tokens in the text")
    return [ids]


def words_of(ids: list[int], file: Path | None) -> list[str]:
    """Each token as text, or its id where there is no tokenizer."""
    if file is None:
        return [str(token) for token in ids]
    tokenizer = _tokenizer(file)
    return [repr(tokenizer.decode([token])) for token in ids]


def check_tokens(sequences: list[list[int]], words: int, context: int) -> None:
    """Raises PrivateError for what the model cannot take."""
    lengths = {len(sequence) for sequence in sequences}
    if len(lengths) > 1:
        raise PrivateError(
            f"sequences of {min(lengths)} to {max(lengths)} tokens; all of one run have one length"
        )
    for sequence in sequences:
        if len(sequence) > context:
            raise PrivateError(
                f"{len(sequence)} tokens, but the model's context is {context}; shorten the prompt"
            )
        for token in sequence:
            if not 0 <= token < words:
                raise PrivateError(f"token {token} is outside the vocabulary of {words} words")
