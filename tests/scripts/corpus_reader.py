"""Reads AERO's corpora by docs/data.md alone, and makes documents for them."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

from aero.commands import prepare_corpus

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "prepare_corpus.py"
EOS = "<|endoftext|>"
SMALL = ("--vocab-size", "300", "--val-fraction", "0")


@dataclass
class Tokens:
    """Reads one .tok file and its .idx, and checks them field by field."""

    width: int
    count: int
    vocab_size: int
    layout: int
    context: int
    tokenizer_sha256: str
    documents: int
    characters: int
    bytes: int
    ids: tuple[int, ...]
    starts: tuple[int, ...]

    def document_ids(self) -> list[tuple[int, ...]]:
        """Returns the tokens of each document, EOS included."""
        ends = (*self.starts[1:], self.count)
        return [self.ids[a:b] for a, b in zip(self.starts, ends, strict=True)]


def read_tokens(path: Path) -> Tokens:
    raw = path.read_bytes()
    assert raw[0:8] == b"AEROTOKN"
    version, width = struct.unpack_from("<II", raw, 8)
    (count,) = struct.unpack_from("<Q", raw, 16)
    vocab_size, layout, context, crc = struct.unpack_from("<IIII", raw, 24)
    documents, characters, text_bytes = struct.unpack_from("<QQQ", raw, 72)
    assert version == 1
    assert raw[96:128] == bytes(32)
    assert len(raw) == 128 + count * width
    assert zlib.crc32(raw[128:]) == crc
    ids = struct.unpack(f"<{count}{'H' if width == 2 else 'I'}", raw[128:])
    assert all(i < vocab_size for i in ids)
    index = path.with_suffix(".idx").read_bytes()
    assert index[0:8] == b"AEROIDX1"
    (starts_count,) = struct.unpack_from("<Q", index, 8)
    assert len(index) == 16 + 8 * starts_count
    starts = struct.unpack_from(f"<{starts_count}Q", index, 16)
    assert starts_count == documents
    assert list(starts) == sorted(set(starts))
    assert not starts or starts[0] == 0
    return Tokens(
        width,
        count,
        vocab_size,
        layout,
        context,
        raw[40:72].hex(),
        documents,
        characters,
        text_bytes,
        ids,
        starts,
    )


def manifest_of(corpus: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((corpus / "manifest.json").read_text())
    return manifest


def read_split(corpus: Path, split: str) -> list[Tokens]:
    return [read_tokens(corpus / shard["file"]) for shard in manifest_of(corpus)["splits"][split]]


def texts_of(corpus: Path, split: str = "train") -> list[str]:
    """Returns the documents of a stream corpus, decoded by Hugging Face tokenizers."""
    tokenizer = tokenizers.Tokenizer.from_file(str(corpus / "tokenizer.json"))
    eos_id = tokenizer.token_to_id(EOS)
    texts = []
    for ids in (ids for shard in read_split(corpus, split) for ids in shard.document_ids()):
        assert ids[-1] == eos_id
        assert eos_id not in ids[:-1]
        texts.append(tokenizer.decode(list(ids[:-1]), skip_special_tokens=False))
    return texts


def dropped(corpus: Path) -> dict[str, int]:
    return {name: n for name, n in manifest_of(corpus)["counts"]["dropped"].items() if n}


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Documents.


def code(number: int, lines: int = 30) -> str:
    """Returns a Python file that passes every filter; each number gives another one."""
    body = "".join(f"    value_{i} = number * {i} + {number}\n" for i in range(lines))
    return f"def function_{number}(number):\n{body}    return value_{lines - 1}\n"


def write(folder: Path, texts: list[str], suffix: str = ".py") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"file_{number:04d}{suffix}").write_bytes(text.encode())
    return folder


def jsonl(texts: list[str], key: str = "text") -> bytes:
    return "".join(json.dumps({"id": i, key: text}) + "\n" for i, text in enumerate(texts)).encode()


def run(*args: str | Path) -> int:
    return prepare_corpus.run([str(arg) for arg in (*args, "--workers", 1, "--quiet")])


def run_apart(*args: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def is_held_out(text: str, fraction: float) -> bool:
    """Restates the documented rule."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") < fraction * 2**64
