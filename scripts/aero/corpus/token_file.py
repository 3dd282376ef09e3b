"""Writes token files, version 1, and their indexes. docs/data.md describes the format."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

MAGIC = b"AEROTOKN"
INDEX_MAGIC = b"AEROIDX1"
VERSION = 1
HEADER_BYTES = 128
LAYOUTS = {"stream": 0, "chunk": 1}

_HEADER = struct.Struct("<8sIIQIIII32sQQQ32x")


@dataclass(frozen=True)
class TokenFormat:
    """Holds what all shards of a corpus share."""

    vocab_size: int
    layout: str
    context: int  # chunk length in tokens, 0 for stream
    tokenizer_sha256: bytes

    @property
    def width(self) -> int:
        """Returns how many bytes a token takes."""
        return 2 if self.vocab_size <= 1 << 16 else 4

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """Returns the tokens' type, little-endian."""
        return np.dtype("<u2" if self.width == 2 else "<u4")


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_durably(path: Path, data: bytes) -> None:
    """Writes a whole file and forces it to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


class ShardWriter:
    """Writes one token file: appends documents, and fills in the header at the end."""

    def __init__(self, path: Path, form: TokenFormat) -> None:
        self.path = path
        self.tokens = 0
        self._form = form
        self._starts = array("Q")
        self._characters = 0
        self._bytes = 0
        self._crc = 0
        self._file: BinaryIO = path.open("wb", buffering=1 << 20)
        self._file.write(bytes(HEADER_BYTES))

    def add(self, tokens: np.ndarray, characters: int, text_bytes: int) -> None:
        """Appends one document, an array of the format's dtype."""
        payload = tokens.tobytes()
        self._starts.append(self.tokens)
        self._file.write(payload)
        self._crc = zlib.crc32(payload, self._crc)
        self.tokens += len(tokens)
        self._characters += characters
        self._bytes += text_bytes

    def close(self) -> dict[str, str | int]:
        """Finishes the file and its index, and returns the shard's entry in the manifest."""
        form = self._form
        self._file.seek(0)
        self._file.write(
            _HEADER.pack(
                MAGIC,
                VERSION,
                form.width,
                self.tokens,
                form.vocab_size,
                LAYOUTS[form.layout],
                form.context,
                self._crc,
                form.tokenizer_sha256,
                len(self._starts),
                self._characters,
                self._bytes,
            )
        )
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        starts = np.frombuffer(self._starts, dtype=np.uint64).astype("<u8")
        index = INDEX_MAGIC + struct.pack("<Q", len(starts)) + starts.tobytes()
        write_durably(self.path.with_suffix(".idx"), index)
        return {
            "file": self.path.name,
            "tokens": self.tokens,
            "documents": len(starts),
            "sha256": file_sha256(self.path),
        }

    def abandon(self) -> None:
        """Closes the file without finishing it."""
        self._file.close()


class SplitWriter:
    """Writes the shards of one split. A shard ends before the document that would overfill it."""

    def __init__(self, folder: Path, split: str, form: TokenFormat, shard_tokens: int) -> None:
        self.documents = 0
        self.tokens = 0
        self.characters = 0
        self.bytes = 0
        self._folder = folder
        self._split = split
        self._form = form
        self._shard_tokens = shard_tokens
        self._shard: ShardWriter | None = None
        self._finished: list[dict[str, str | int]] = []

    def add(self, tokens: np.ndarray, characters: int, text_bytes: int) -> None:
        """Appends one document."""
        if self._shard is not None and self._shard.tokens + len(tokens) > self._shard_tokens:
            self._finish_shard()
        if self._shard is None:
            name = f"{self._split}-{len(self._finished):05d}.tok"
            self._shard = ShardWriter(self._folder / name, self._form)
        self._shard.add(tokens, characters, text_bytes)
        self.documents += 1
        self.tokens += len(tokens)
        self.characters += characters
        self.bytes += text_bytes

    def close(self) -> list[dict[str, str | int]]:
        """Finishes the last shard, and returns the manifest's entries of all shards."""
        self._finish_shard()
        return self._finished

    def abandon(self) -> None:
        """Closes what is open after a failure."""
        if self._shard is not None:
            self._shard.abandon()

    def counts(self) -> dict[str, int]:
        """Returns the split's part of the manifest's counts."""
        return {
            "documents": self.documents,
            "tokens": self.tokens,
            "characters": self.characters,
            "bytes": self.bytes,
        }

    def _finish_shard(self) -> None:
        if self._shard is not None:
            self._finished.append(self._shard.close())
            self._shard = None
