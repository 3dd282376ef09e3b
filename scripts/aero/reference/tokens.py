"""Reads token files of AERO, nanoGPT and llm.c in the order in which training visits them."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 128
STREAM, CHUNK = 0, 1
IGNORED = -100
LLMC = {20240520: (1, 2), 20240801: (7, 4)}  # by magic: version, and bytes of a token
LLMC_HEADER_BYTES = 1024

MASK64 = (1 << 64) - 1


def splitmix64(x: int) -> int:
    """Mixes a number of 64 bits as SplitMix64 does, modulo 2^64."""
    x = (x + 0x9E3779B97F4A7C15) & MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
    return x ^ (x >> 31)


def splitmix64_of_each(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mixes each number of an array as splitmix64() does."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def permute(indices: np.ndarray, size: int, seed: int, epoch: int) -> np.ndarray:
    """Returns P_{seed, epoch}(i) for each i of `indices`; P is a bijection of [0, size).

    P is a balanced Feistel network of six rounds on the smallest even number of bits that holds
    `size`. It is repeated (cycle walking) while the result is outside [0, size).
    """
    half = 1
    while 1 << (2 * half) < size:
        half += 1
    mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
    key = splitmix64(splitmix64(seed & MASK64) ^ epoch)

    def network(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
        left, right = x >> shift, x & mask
        for number in range(6):
            salt = np.uint64((key + number) & MASK64)
            mixed = splitmix64_of_each(salt + (right << np.uint64(8)))
            left, right = right, left ^ (mixed & mask)
        return (left << shift) | right

    result = network(indices.astype(np.uint64))
    while (outside := result >= np.uint64(size)).any():
        result[outside] = network(result[outside])
    return result.astype(np.int64)


class CorpusError(ValueError):
    """Reports a fault of a corpus. The text names the file and says what is wrong with it."""


def _header(path: Path, wanted: str) -> tuple[str, bytes]:
    """Returns a token file's format, which for "auto" its magic decides, and its first bytes."""
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}") from error
    magic = int.from_bytes(header[:4], "little")
    found = "nanogpt"
    if header.startswith(b"AEROTOKN"):
        found = "aero"
    elif magic in LLMC:
        found = "llmc"
    elif path.suffix != ".bin":
        raise CorpusError(f"{path}: not a token file of AERO, nanoGPT or llm.c")
    if wanted not in ("auto", found) and not (wanted == "nanogpt" and found == "llmc"):
        raise CorpusError(f"{path}: not a token file of the format {wanted}")
    return (found if wanted == "auto" else wanted), header


class TokenFile:
    """Maps one shard into memory. Raises CorpusError for a file that its header does not fit."""

    def __init__(self, path: Path, kind: str = "auto") -> None:
        self.path = path
        self.kind, header = _header(path, kind)
        self.vocab_size: int | None = None  # unknown for nanoGPT's and llm.c's files
        self.tokenizer_sha256 = ""  # unknown for those, too
        self.layout, self.chunk_length = STREAM, 0
        if self.kind == "aero":
            width, count, offset = self._read_aero(header)
        elif self.kind == "llmc":
            width, count, offset = self._read_llmc(header)
        else:
            width, count, offset = 2, path.stat().st_size // 2, 0
        size = path.stat().st_size
        if count == 0 or size != offset + count * width:
            raise CorpusError(f"{path}: {size} bytes for {count} tokens of {width}")
        dtype = "<u2" if width == 2 else "<u4"
        self.tokens = np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=(count,))

    def _read_aero(self, header: bytes) -> tuple[int, int, int]:
        if len(header) < HEADER_BYTES:
            raise CorpusError(f"{self.path}: truncated inside its header")
        version, width, count, vocab, layout, length, _ = struct.unpack_from("<IIQIIII", header, 8)
        if version != 1 or width not in (2, 4) or layout not in (STREAM, CHUNK):
            raise CorpusError(f"{self.path}: version {version}, width {width}, layout {layout}")
        self.vocab_size, self.layout, self.chunk_length = vocab, layout, length
        if any(header[40:72]):
            self.tokenizer_sha256 = header[40:72].hex()
        return width, count, HEADER_BYTES

    def _read_llmc(self, header: bytes) -> tuple[int, int, int]:
        """Reads 256 int32: magic, version, count, then zeros (llm.c, dev/data/data_common.py)."""
        if len(header) < HEADER_BYTES:
            raise CorpusError(f"{self.path}: truncated inside its header")
        magic, version, count = struct.unpack_from("<iii", header)
        expected, width = LLMC[magic]
        if version != expected or count < 0:
            raise CorpusError(f"{self.path}: version {version}, {count} tokens")
        return width, count, LLMC_HEADER_BYTES

    def check_vocabulary(self, vocab_size: int) -> None:
        """Raises CorpusError where a model's embedding has no row for a token."""
        for first in range(0, len(self.tokens), 1 << 24):
            largest = int(self.tokens[first : first + (1 << 24)].max())
            if largest >= vocab_size:
                raise CorpusError(
                    f"{self.path}: token {largest} is beyond the model's vocabulary of {vocab_size}"
                )


def write_token_file(path: Path, tokens: np.ndarray, vocab_size: int) -> None:
    """Writes a stream of one document, with its index file beside it."""
    payload = tokens.astype("<u2" if vocab_size <= 1 << 16 else "<u4")
    checksum = zlib.crc32(payload.tobytes())
    header = b"AEROTOKN" + struct.pack(
        "<IIQIIII", 1, payload.itemsize, len(payload), vocab_size, STREAM, 0, checksum
    )
    header = header.ljust(72, b"\0") + struct.pack("<Q", 1)
    path.write_bytes(header.ljust(HEADER_BYTES, b"\0") + payload.tobytes())
    path.with_suffix(".idx").write_bytes(b"AEROIDX1" + struct.pack("<QQ", 1, 0))


def _manifest_shards(manifest: Path, name: str) -> list[Path]:
    """Lists the shards of a split that the manifest of an AERO corpus names."""
    try:
        splits = json.loads(manifest.read_text(encoding="utf-8"))["splits"]
        return [manifest.parent / entry["file"] for entry in splits.get(name, [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{manifest}: not the manifest of an AERO corpus") from error


def _names_split(stem: str, name: str) -> bool:
    """Returns whether a file name has the split's name as a word.

    "val" is a word of fineweb_val_000000, but not of interval.
    """
    return re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", stem) is not None


def shards_of(corpus: Path, name: str, kind: str = "auto") -> list[Path]:
    """Lists a split's token files: a manifest's, NAME.bin (nanoGPT) or *NAME*.bin (llm.c)."""
    if corpus.is_file():
        return [corpus]
    if not corpus.is_dir():
        raise CorpusError(f"{corpus}: no such folder of tokens")
    manifest, single = corpus / "manifest.json", corpus / f"{name}.bin"
    if kind in ("auto", "aero") and manifest.is_file():
        return _manifest_shards(manifest, name)
    if single.is_file():
        return [single]
    files = sorted(corpus.glob("*.bin"))
    return [f for f in files if not f.name.startswith(".") and _names_split(f.stem, name)]


class Split:
    """Holds the samples of a split, each of T = `context` tokens, shard after shard.

    `kind` is data.format of a config. Raises CorpusError where there is no sample.
    """

    def __init__(self, corpus: Path, name: str, context: int, kind: str = "auto") -> None:
        self.context = context
        self.shards = [TokenFile(path, kind) for path in shards_of(corpus, name, kind)]
        sizes = [self._samples(shard) for shard in self.shards]
        self.ends = np.cumsum(sizes)
        self.size = int(self.ends[-1]) if sizes else 0
        if self.size == 0:
            raise CorpusError(f"{corpus}: no sample of {context} tokens in split {name!r}")

    def check_vocabulary(self, vocab_size: int) -> None:
        """Raises CorpusError where a model's embedding has no row for a token of a shard."""
        for shard in self.shards:
            shard.check_vocabulary(vocab_size)

    def _samples(self, shard: TokenFile) -> int:
        if shard.layout == STREAM:
            return max(0, (len(shard.tokens) - 1) // self.context)
        if shard.chunk_length != self.context:
            raise CorpusError(
                f"{shard.path}: the corpus has chunks of {shard.chunk_length} tokens, "
                f"the model's context is {self.context}"
            )
        return len(shard.tokens) // self.context

    def sample(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs and targets, [T] each."""
        number = int(np.searchsorted(self.ends, index, side="right"))
        shard = self.shards[number]
        first = (index - (int(self.ends[number - 1]) if number else 0)) * self.context
        inputs = shard.tokens[first : first + self.context].astype(np.int64)
        if shard.layout == STREAM:
            return inputs, shard.tokens[first + 1 : first + self.context + 1].astype(np.int64)
        return inputs, np.append(inputs[1:], IGNORED)

    def batch(self, indices: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs and targets, [B, T] each."""
        pairs = [self.sample(int(index)) for index in indices]
        return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])

    def training_indices(self, first: int, count: int, seed: int) -> np.ndarray:
        """Returns the samples at the positions first, first + 1, ... of shuffled training."""
        positions = np.arange(first, first + count, dtype=np.int64)
        indices = np.empty_like(positions)
        for epoch in np.unique(positions // self.size):
            inside = positions // self.size == epoch
            indices[inside] = permute(positions[inside] % self.size, self.size, seed, int(epoch))
        return indices
