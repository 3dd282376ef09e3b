"""Tests that a doubtful corpus is refused, and that a corpus that changes ends its run."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from pathlib import Path

import pytest
from program import VOCABULARY, call, make_config, make_corpus


def llmc_file(path: Path, magic: int = 20240520, count: int = 2000) -> None:
    tokens = [(7 * i * i + 3 * i) % VOCABULARY for i in range(count)]
    header = struct.pack("<3i", magic, 1, count).ljust(1024, b"\0")
    path.write_bytes(header + struct.pack(f"<{count}H", *tokens))


def llmc_corpus(folder: Path) -> Path:
    folder.mkdir()
    for split in ("train", "val"):
        llmc_file(folder / f"web_{split}_0.bin")
    return folder


def train(aero: str, tmp_path: Path, data: Path) -> subprocess.CompletedProcess[str]:
    config = make_config(tmp_path / "c.json", data, tmp_path / "run", train={"duration": "2"})
    return call(aero, "train", config)


def test_files_that_macos_leaves_beside_others_are_not_trained_on(
    aero: str, tmp_path: Path
) -> None:
    corpus = llmc_corpus(tmp_path / "corpus")
    (corpus / "._web_train_0.bin").write_bytes(b"\0\5\x16\7".ljust(4096, b"\0"))
    assert train(aero, tmp_path, corpus).returncode == 0
    result = call(aero, "eval", tmp_path / "run", "--split", "train")
    assert "1984 tokens predicted" in result.stdout  # (2000 - 1) // 16 contexts of 16


@pytest.mark.parametrize(
    ("name", "magic", "says"),
    [
        ("web_train_1.bin", 20230101, "20230101"),
        ("web_train_1.bin", 20240801, "20240801"),
        ("train_val.bin", 20240520, "'train' and 'val'"),
        ("train.bin", 20240520, "both fit split 'train'"),
    ],
)
def test_the_error_names_foreign_and_doubtful_files(
    aero: str, tmp_path: Path, name: str, magic: int, says: str
) -> None:
    corpus = llmc_corpus(tmp_path / "corpus")
    llmc_file(corpus / name, magic)
    result = train(aero, tmp_path, corpus)
    assert result.returncode == 2
    assert str(corpus / name) in result.stderr
    assert says in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_single_file_is_not_both_trained_and_evaluated_on(aero: str, tmp_path: Path) -> None:
    corpus = llmc_corpus(tmp_path / "corpus")
    single = corpus / "web_train_0.bin"
    result = train(aero, tmp_path, single)
    assert result.returncode == 2
    assert f"{single}: no split 'val' here" in result.stderr


def test_a_token_file_that_shrinks_ends_the_run_and_keeps_its_checkpoint(
    aero: str, tmp_path: Path
) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    run = tmp_path / "run"
    changes = {"train": {"duration": "1000000"}, "checkpoint": {"every": "20"}}
    config = make_config(tmp_path / "c.json", corpus, run, eval={"every": "0"}, **changes)
    tokens = corpus / "train-00000.tok"
    whole = tokens.read_bytes()
    with subprocess.Popen(
        [aero, "train", str(config)], stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not (run / "checkpoints" / "step-00000040").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.truncate(tokens, 0)  # all pages of a mapping would be gone
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert str(tokens) in errors
    assert "when it was opened" in errors
    assert call(aero, "eval", run, "--data", make_corpus(tmp_path / "again")).returncode == 0
    tokens.write_bytes(whole)
    latest = max(int(p.name[5:]) for p in (run / "checkpoints").glob("step-*"))
    more = ("--set", f"train.duration={latest + 10}")
    resumed = call(aero, "train", config, "--resume", *more)
    assert resumed.returncode == 0, resumed.stderr
