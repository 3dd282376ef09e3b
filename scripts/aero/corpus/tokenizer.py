"""Trains a byte-level BPE tokenizer for a corpus, or uses one that the user names."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tokenizers

try:
    import sentencepiece
except ImportError:  # only models of SentencePiece need it
    sentencepiece = None  # type: ignore[assignment]  # None stands for the missing module

from aero.corpus.errors import CorpusError
from aero.corpus.settings import DEFAULT_EOS, Settings
from aero.corpus.token_file import write_durably

BPE_MIN_FREQUENCY = 2
_EOS_NAMES = (DEFAULT_EOS, "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]")


class Encoder(Protocol):
    """Turns texts into token ids; special tokens are neither added nor read out of the text."""

    kind: str  # "bpe" or another model of a tokenizer.json, or "sentencepiece"
    vocab_size: int

    def token_id(self, token: str) -> int | None:
        """Returns the id of a token by its name, or None."""
        ...

    def encode(self, texts: list[str]) -> list[np.ndarray]:
        """Returns the ids of each text."""
        ...

    def own_eos(self) -> str | None:
        """Returns the name of the token that ends a text, where the tokenizer has one."""
        ...

    def is_text(self, token: str) -> bool:
        """Returns whether ordinary text is encoded to this token, so that it ends nothing."""
        ...

    def special_tokens(self) -> list[str]:
        """Lists the names of the special tokens, by id."""
        ...


@dataclass(frozen=True)
class TokenizerInfo:
    """Describes, in the manifest, the tokenizer beside it."""

    kind: str
    file: str
    sha256: str
    vocab_size: int
    eos: str | None
    eos_id: int | None


class HuggingFaceEncoder:
    """Runs a tokenizer.json by Hugging Face tokenizers."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        self.kind = type(self._tokenizer.model).__name__.lower()
        self._vocabulary: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        self.vocab_size = max(self._vocabulary.values(), default=-1) + 1

    def token_id(self, token: str) -> int | None:
        return self._vocabulary.get(token)

    def encode(self, texts: list[str]) -> list[np.ndarray]:
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]

    def own_eos(self) -> str | None:
        names = [name for name in _EOS_NAMES if name in self._vocabulary]
        return next((name for name in names if not self.is_text(name)), next(iter(names), None))

    def is_text(self, token: str) -> bool:
        token_id = self._vocabulary[token]
        if token_id in self._tokenizer.get_added_tokens_decoder():
            return False
        text = self._tokenizer.decode([token_id], skip_special_tokens=False)
        return self._tokenizer.encode(text, add_special_tokens=False).ids == [token_id]

    def special_tokens(self) -> list[str]:
        added = sorted(self._tokenizer.get_added_tokens_decoder().items())
        return [token.content for _, token in added if token.special]


class SentencePieceEncoder:
    """Runs a SentencePiece model by the package sentencepiece."""

    def __init__(self, path: Path) -> None:
        if sentencepiece is None:
            raise CorpusError(
                f"{path}: a SentencePiece model needs the package sentencepiece: "
                "pip install sentencepiece"
            )
        self.kind = "sentencepiece"
        self._model: Any = sentencepiece.SentencePieceProcessor()
        self._model.LoadFromSerializedProto(path.read_bytes())
        self.vocab_size: int = self._model.vocab_size()

    def token_id(self, token: str) -> int | None:
        found: int = self._model.piece_to_id(token)
        return found if self._model.id_to_piece(found) == token else None

    def encode(self, texts: list[str]) -> list[np.ndarray]:
        return [np.array(self._model.encode(text), dtype=np.int64) for text in texts]

    def own_eos(self) -> str | None:
        eos_id = self._model.eos_id()
        return self._model.id_to_piece(eos_id) if eos_id >= 0 else None

    def is_text(self, token: str) -> bool:
        text = self._model.decode([self._model.piece_to_id(token)])
        return bool(text) and self._model.encode(text) == [self._model.piece_to_id(token)]

    def special_tokens(self) -> list[str]:
        pieces = range(self.vocab_size)
        return [self._model.id_to_piece(i) for i in pieces if self._model.is_control(i)]


@functools.lru_cache(maxsize=1)
def load_encoder(path: Path) -> Encoder:
    """Loads the encoder of a tokenizer.json or tokenizer.model; the process keeps it."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the workers are the parallelism
    try:
        if path.suffix == ".json":
            return HuggingFaceEncoder(path)
        return SentencePieceEncoder(path)
    except CorpusError:
        raise
    except Exception as error:  # both libraries raise bare exceptions for a bad file
        reason = " ".join(str(error).split())
        raise CorpusError(f"{path}: not a readable tokenizer ({reason})") from None


def given_tokenizer(name: str) -> Path:
    """Returns the file that --tokenizer means: the one it names, or one in the folder it names."""
    path = Path(name)
    if path.is_dir():
        inside = [path / file for file in ("tokenizer.json", "tokenizer.model")]
        path = next((file for file in inside if file.is_file()), path)
    if not path.exists():
        raise CorpusError(f"{name}: no such tokenizer; check the path")
    if not path.is_file() or path.suffix not in (".json", ".model"):
        raise CorpusError(
            f"{name}: not a tokenizer; give a tokenizer.json, a SentencePiece .model, "
            "or a folder that holds one"
        )
    return path


def train_bpe(texts: Iterable[str], settings: Settings, path: Path, show_progress: bool) -> None:
    """Trains and writes a byte-level BPE like GPT-2's: no normalisation, every byte is a token."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=settings.vocab_size,
        min_frequency=BPE_MIN_FREQUENCY,
        special_tokens=[settings.eos or DEFAULT_EOS],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=show_progress,
    )
    tokenizer.train_from_iterator(texts, trainer)
    write_durably(path, tokenizer.to_str(pretty=True).encode())


def reads_text_as_eos(path: Path, tokenizer: TokenizerInfo) -> bool:
    """Returns whether the token that ends documents may also be in the middle of one."""
    return tokenizer.eos_id is not None and load_encoder(path).is_text(tokenizer.eos or "")


def install_tokenizer(given: Path, folder: Path) -> Path:
    """Copies the user's tokenizer, byte for byte, to its place in the output folder."""
    target = folder / f"tokenizer{given.suffix}"
    write_durably(target, given.read_bytes())
    return target


def describe_tokenizer(path: Path, settings: Settings) -> TokenizerInfo:
    """Returns the manifest's description of the tokenizer. Raises CorpusError where it has no EOS.

    In chunk layout no EOS is written, so a tokenizer without one is accepted.
    """
    encoder = load_encoder(path)
    eos = settings.eos or encoder.own_eos()
    eos_id = None if eos is None else encoder.token_id(eos)
    if eos_id is None and (settings.eos or settings.layout == "stream"):
        wanted = f'token "{eos}"' if eos else "end-of-text token"
        offered = ", ".join(encoder.special_tokens()[:8]) or "none"
        raise CorpusError(
            f"{settings.tokenizer or path}: no {wanted} to end documents; choose one by --eos "
            f"(special tokens: {offered})"
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return TokenizerInfo(encoder.kind, path.name, sha256, encoder.vocab_size, eos, eos_id)
