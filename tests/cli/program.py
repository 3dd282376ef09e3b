"""Provides the tests of `aero` with a small corpus, a small config and a way to call it."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VOCABULARY = 64
CONTEXT = 16


def write_tokens(path: Path, tokens: list[int], vocabulary: int = VOCABULARY) -> None:
    """Writes a token file of the stream layout (docs/data.md)."""
    payload = struct.pack(f"<{len(tokens)}H", *tokens)
    header = struct.pack(
        "<8sIIQIIII32sQQQ32s",
        b"AEROTOKN",
        1,
        2,
        len(tokens),
        vocabulary,
        0,
        0,
        zlib.crc32(payload),
        bytes(32),
        1,
        0,
        0,
        bytes(32),
    )
    path.write_bytes(header + payload)
    path.with_suffix(".idx").write_bytes(b"AEROIDX1" + struct.pack("<QQ", 1, 0))


def make_corpus(folder: Path, train: int = 4000, val: int = 600) -> Path:
    """Writes tokens with a pattern that a model can learn: each follows from the one before."""
    folder.mkdir(parents=True)
    splits: dict[str, list[dict[str, Any]]] = {}
    for split, count in (("train", train), ("val", val)):
        tokens = [(7 * i * i + 3 * i) % VOCABULARY for i in range(count)]
        write_tokens(folder / f"{split}-00000.tok", tokens)
        splits[split] = [
            {"file": f"{split}-00000.tok", "tokens": count, "documents": 1, "sha256": ""}
        ]
    manifest = {
        "format": "aero-corpus",
        "version": 1,
        "layout": "stream",
        "context": 0,
        "tokenizer": None,
        "splits": splits,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def make_config(path: Path, corpus: Path, run: Path, **changes: dict[str, Any]) -> Path:
    config: dict[str, Any] = {
        "seed": 3,
        "run": {"folder": str(run)},
        "model": {
            "n_layer": 2,
            "n_head": 2,
            "d_model": 16,
            "context": CONTEXT,
            "vocab_size": VOCABULARY,
            "dropout": {"embedding": 0.1, "residual": 0.1},
        },
        "data": {"path": str(corpus)},
        "train": {"duration": "60", "batch_size": 4, "accumulation": 2, "threads": 1},
        "eval": {"every": "10"},
        "checkpoint": {"every": "5"},
    }
    for section, keys in changes.items():
        config[section] = {**config.get(section, {}), **keys}
    path.write_text(json.dumps(config))
    return path


def call(
    program: str,
    *arguments: str | Path,
    timeout: float = 120,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    command = [program, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, env=env
    )


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """Returns the lines of metrics.jsonl without the keys that depend on the clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("seconds", None)
        line.pop("tokens_per_second", None)
    return lines


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """Stops a process for a with block, and continues it whatever happens."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
