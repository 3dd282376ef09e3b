"""AERO's token files, and the order in which training visits them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

HEADER_BYTES = 128
STREAM, CHUNK = 0, 1
IGNORED = -100

MASK64 = (1 << 64) - 1


def splitmix64(x: int | np.ndarray) -> int | np.ndarray:
    """The mixing function of SplitMix64, modulo 2^64, on an int or on an array of uint64."""
    if isinstance(x, int):
        x = (x + 0x9E3779B97F4A7C15) & MASK64
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
        return x ^ (x >> 31)
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def permute(indices: np.ndarray, size: int, seed: int, epoch: int) -> np.ndarray:
    """P_{seed, epoch}(i) for each i of `indices`: a bijection of [0, size).

    A balanced Feistel network of six rounds on the smallest even number of bits that holds `size`,
    repeated (cycle walking) while it leaves [0, size).
    """
    half = 1
    while 1 << (2 * half) < size:
        half += 1
    mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
    key = splitmix64(int(splitmix64(seed & MASK64)) ^ epoch)

    def network(x: np.ndarray) -> np.ndarray:
        left, right = x >> shift, x & mask
        for number in range(6):
            salt = np.uint64((int(key) + number) & MASK64)
            mixed = splitmix64(salt + (right << np.uint64(8)))
            left, right = right, left ^ (mixed & mask)
        return (left << shift) | right

    result = network(indices.astype(np.uint64))
    while (outside := result >= np.uint64(size)).any():
        result[outside] = network(result[outside])
    return result.astype(np.int64)


class TokenFile:
    """One memory-mapped shard. Raises ValueError for a file that is not what its header says."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES or header[:8] != b"AEROTOKN":
            raise ValueError(f"{path}: not an AERO token file")
        version, width, count, vocab, layout, length, _ = struct.unpack_from("<IIQIIII", header, 8)
        if version != 1 or width not in (2, 4) or layout not in (STREAM, CHUNK):
            raise ValueError(f"{path}: version {version}, width {width}, layout {layout}")
        if path.stat().st_size != HEADER_BYTES + count * width:
            raise ValueError(f"{path}: {path.stat().st_size} bytes for {count} tokens of {width}")
        self.vocab_size, self.layout, self.chunk_length = vocab, layout, length
        kind = "<u2" if width == 2 else "<u4"
        self.tokens = np.memmap(path, dtype=kind, mode="r", offset=HEADER_BYTES, shape=(count,))


def write_token_file(path: Path, tokens: np.ndarray, vocab_size: int) -> None:
    """A stream of one document, with its index file beside it."""
    payload = tokens.astype("<u2" if vocab_size <= 1 << 16 else "<u4")
    checksum = zlib.crc32(payload.tobytes())
    header = b"AEROTOKN" + struct.pack(
        "<IIQIIII", 1, payload.itemsize, len(payload), vocab_size, STREAM, 0, checksum
    )
    header = header.ljust(72, b"\0") + struct.pack("<Q", 1)
    path.write_bytes(header.ljust(HEADER_BYTES, b"\0") + payload.tobytes())
    path.with_suffix(".idx").write_bytes(b"AEROIDX1" + struct.pack("<QQ", 1, 0))


class Split:
    """The samples of a split, of T = `context` tokens: shards one after the other."""

    def __init__(self, folder: Path, name: str, context: int) -> None:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.context = context
        self.shards = [TokenFile(folder / entry["file"]) for entry in manifest["splits"][name]]
        sizes = [self._samples(shard) for shard in self.shards]
        self.ends = np.cumsum(sizes)
        self.size = int(self.ends[-1]) if sizes else 0
        if self.size == 0:
            raise ValueError(f"{folder}: no sample of {context} tokens in split {name!r}")

    def _samples(self, shard: TokenFile) -> int:
        if shard.layout == STREAM:
            return max(0, (len(shard.tokens) - 1) // self.context)
        if shard.chunk_length != self.context:
            raise ValueError(
                f"the corpus has chunks of {shard.chunk_length} tokens, "
                f"the model's context is {self.context}"
            )
        return len(shard.tokens) // self.context

    def sample(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets, [T] each."""
        number = int(np.searchsorted(self.ends, index, side="right"))
        shard = self.shards[number]
        first = (index - (int(self.ends[number - 1]) if number else 0)) * self.context
        inputs = shard.tokens[first : first + self.context].astype(np.int64)
        if shard.layout == STREAM:
            return inputs, shard.tokens[first + 1 : first + self.context + 1].astype(np.int64)
        return inputs, np.append(inputs[1:], IGNORED)

    def batch(self, indices: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets, [B, T] each."""
        pairs = [self.sample(int(index)) for index in indices]
        return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])

    def training_indices(self, first: int, count: int, seed: int) -> np.ndarray:
        """The samples at the global positions first, first + 1, ..., of shuffled training."""
        positions = np.arange(first, first + count, dtype=np.int64)
        indices = np.empty_like(positions)
        for epoch in np.unique(positions // self.size):
            inside = positions // self.size == epoch
            indices[inside] = permute(positions[inside] % self.size, self.size, seed, int(epoch))
        return indices
