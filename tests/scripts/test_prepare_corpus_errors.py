"""Tests faults: each gives one line that says what to do, and leaves nothing half-written."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

import aero.corpus.collect
from aero.commands import prepare_corpus
from aero.commands.corpus_options import build_parser
from corpus_reader import (
    EOS,
    SCRIPT,
    SMALL,
    code,
    folder_bytes,
    is_held_out,
    jsonl,
    manifest_of,
    run,
    run_apart,
    write,
)

Fails = Callable[..., str]


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Fails:
    """Returns a function that runs the script and returns its error.

    It expects exit code 1, one line of error and nothing written.
    """

    def expect(*args: str | Path) -> str:
        out = tmp_path / "results" / "corpus"
        capsys.readouterr()
        assert run(*args, "--out", out) == 1
        message = capsys.readouterr().err
        assert message.startswith("error: ")
        assert message.count("\n") == 1
        assert not out.parent.exists() or not list(out.parent.iterdir())
        return message

    return expect


# Errors.


def test_a_missing_package_is_named_and_a_missing_module_is_a_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: Fails
) -> None:
    def missing(name: str) -> Callable[[str], None]:
        def load(module: str) -> None:
            raise ModuleNotFoundError(f"{module} needs {name}", name=name)

        return load

    monkeypatch.setattr(prepare_corpus.importlib, "import_module", missing("tokenizers"))
    assert "the Python package tokenizers is missing; pip install" in fails(tmp_path)
    monkeypatch.setattr(prepare_corpus.importlib, "import_module", missing("aero.corpus.none"))
    with pytest.raises(ModuleNotFoundError, match=r"aero\.corpus\.none"):
        run(tmp_path, "--out", tmp_path / "corpus")


def test_sources_that_do_not_exist_are_named(tmp_path: Path, fails: Fails) -> None:
    assert f"{tmp_path}/missing: no such file" in fails(f"{tmp_path}/missing")
    assert f"{tmp_path}/*.none: the pattern matches no file" in fails(f"{tmp_path}/*.none")
    source = write(tmp_path / "in", [code(1)])
    assert "matches --include *.rs" in fails(source, "--include", "*.rs")
    os.mkfifo(tmp_path / "pipe")
    assert "pipe: not a regular file" in fails(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"text": "cut o', "not valid JSON"),
        (b"plain words", "not valid JSON"),
        (b'["a list"]', "a record must be an object"),
        (b'{"body": "words", "id": 3}', 'no key "text" or "content"; set --jsonl-key'),
        (b'{"text": 17}', 'key "text" holds int, not a string'),
        (b'{"text": null}', 'key "text" holds NoneType'),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
@pytest.mark.parametrize("part_bytes", [50, 1 << 24])
def test_a_bad_record_is_named_by_file_and_line(
    tmp_path: Path,
    fails: Fails,
    monkeypatch: pytest.MonkeyPatch,
    line: bytes,
    says: str,
    part_bytes: int,
) -> None:
    monkeypatch.setattr(aero.corpus.collect, "_PART_BYTES", part_bytes)
    good = jsonl([code(i, lines=2) for i in range(6)])
    path = tmp_path / "records.jsonl"
    path.write_bytes(good + b"\n" + line + b"\n" + good)
    message = fails(path)
    assert f"{path}:8: {says}" in message
    compressed = tmp_path / "records.jsonl.gz"
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    assert f"{compressed}:8: {says}" in fails(compressed)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("damage", ["truncated", "garbage", "flipped", "empty frame"])
def test_damaged_compressed_files_are_refused(
    tmp_path: Path, fails: Fails, suffix: str, damage: str
) -> None:
    data = jsonl([code(i) for i in range(50)])
    checked = zstandard.ZstdCompressor(write_checksum=True).compress
    whole = gzip.compress(data) if suffix == ".gz" else checked(data)
    middle = len(whole) // 2
    path = tmp_path / f"documents.jsonl{suffix}"
    path.write_bytes(
        {
            "truncated": whole[:-9],
            "garbage": b"this was never compressed",
            "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
            "empty frame": whole + whole[:6],
        }[damage]
    )
    message = fails(path)
    assert f"{path}: damaged {'gzip' if suffix == '.gz' else 'zstd'} file" in message


def test_an_empty_result_says_what_dropped_the_documents(tmp_path: Path, fails: Fails) -> None:
    source = write(tmp_path / "in", ["x\n", "y\n", ""])
    message = fails(source, "--drop-share", "1")
    assert "no document is left of 3 (dropped: empty 1, no-keywords 2)" in message
    source = write(tmp_path / "more", [code(i) for i in range(3)])
    message = fails(source, *SMALL, "--layout", "chunk", "--context", "9999")
    assert "no document is left in train" in message
    assert "--context 9999" in message


def test_an_empty_validation_split_says_which_share_would_fill_it(
    tmp_path: Path, fails: Fails
) -> None:
    texts = [text for text in map(code, range(8)) if not is_held_out(text, 0.1)]
    source = write(tmp_path / "in", texts)
    message = fails(source, "--vocab-size", "300", "--val-fraction", "0.0001")
    least = min(int.from_bytes(hashlib.sha256(t.encode()).digest()[:8], "big") for t in texts)
    assert f"raise it above {least / 2**64:.4f}" in message


def test_bad_tokenizers_are_named(tmp_path: Path, fails: Fails) -> None:
    source = write(tmp_path / "in", [code(1)])
    assert "no such tokenizer" in fails(source, "--tokenizer", tmp_path / "none.json")
    (tmp_path / "broken.json").write_text('{"model": 3}')
    assert "broken.json: not a readable" in fails(source, "--tokenizer", tmp_path / "broken.json")
    (tmp_path / "broken.model").write_text("no model")
    assert "broken.model: not a readable" in fails(source, "--tokenizer", tmp_path / "broken.model")
    (tmp_path / "folder").mkdir()
    assert "not a tokenizer" in fails(source, "--tokenizer", tmp_path / "folder")
    assert run(source, "--out", tmp_path / "good", *SMALL) == 0
    message = fails(source, "--tokenizer", tmp_path / "good", "--eos", "</s>")
    assert (
        f'no token "</s>" to end documents; choose one by --eos (special tokens: {EOS})' in message
    )


def test_an_existing_output_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in", [code(i) for i in range(3)])
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL) == 0
    before = folder_bytes(out)
    assert run(source, "--out", out, *SMALL, "--seed", "5") == 2
    assert "corpus exists; give another --out, or --overwrite" in capsys.readouterr().err
    assert folder_bytes(out) == before
    assert run(tmp_path / "none", "--out", out, "--overwrite") == 1
    assert folder_bytes(out) == before
    assert run(source, "--out", out, *SMALL, "--seed", "5", "--overwrite") == 0
    assert manifest_of(out)["settings"]["seed"] == 5
    assert run(source, "--out", source, *SMALL, "--overwrite") == 2
    assert "is not a corpus" in capsys.readouterr().err
    assert len(list(source.iterdir())) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"in", "corpus"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--layout", "chunk"), "--layout chunk needs --context"),
        (("--context", "8"), "--context goes with --layout chunk"),
        (("--vocab-size", "256"), "--vocab-size must be at least 257"),
        (("--val-fraction", "1"), "is not a share in [0, 1)"),
        (("--max-bytes", "-1"), "is not a positive count"),
        (("--max-bytes", "nan"), "is not a positive count"),
        (("--max-bytes", "1_000"), "is not a positive count"),
        (("--max-bytes", "٣"), "is not a positive count"),
        (("--max-bytes", "1e999"), "is not a positive count"),
        (("--max-bytes", "9" * 309), f"'{'9' * 40}...' is not a positive count"),
        (("--max-bytes", "9223372036854775808"), "at most 9,223,372,036,854,775,807"),
        (("--max-documents", "2.5"), "is not a positive count"),
        (("--max-documents", "0"), "is not a positive count"),
        (("--workers", "99999"), "at most 1,024"),
        (("--vocab-size", "1G"), "at most 16,777,216"),
        (("--context", "5G"), "at most 4,294,967,295"),
        (("--max-document-bytes", "5G"), "at most 4,294,967,295"),
        (("--line-mean", "nan"), "'nan' is not a number of 0 or more"),
        (("--line-mean", "inf"), "is not a number of 0 or more"),
        (("--token-ratio", "1e999"), "is not a number of 0 or more"),
        (("--token-ratio", "-1"), "is not a number of 0 or more"),
        (("--alpha-fraction", "nan"), "is not a share in [0, 1]"),
        (("--drop-share", "1.01"), "is not a share in [0, 1]"),
        (("--val-fraction", "nan"), "is not a share in [0, 1)"),
        (("--val-fraction", "0.99999999999999999999"), "is not a share in [0, 1)"),
        (("--seed", "-1"), "is not a whole number below 2^64"),
        (("--seed", "18446744073709551616"), "is not a whole number below 2^64"),
        (("--seed", "0x10"), "is not a whole number below 2^64"),
        (("--separator", "caf\udce9"), "--separator: not UTF-8 text (byte 4); convert"),
        (("--eos", "é\udce9"), "--eos: not UTF-8 text (byte 3)"),
        (("--jsonl-key", "\udce9"), "--jsonl-key: not UTF-8 text (byte 1)"),
        (("--without", "typo"), "one of autogenerated, "),
        (("--without", "line_max"), "'line_max', did you mean line-max? one of"),
        (("--vocabsize", "9"), "--vocabsize: no such option, did you mean --vocab-size? see "),
    ],
)
def test_wrong_usage_exits_with_2(
    capsys: pytest.CaptureFixture[str], args: tuple[str, ...], says: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        prepare_corpus.run(["source", "--out", "out", *args])
    assert stop.value.code == 2
    errors = capsys.readouterr().err
    assert says in errors and errors.startswith("error: ") and errors.count("\n") == 1


def test_numbers_are_decimal_and_may_have_a_unit() -> None:
    def read(*arguments: str) -> argparse.Namespace:
        return build_parser(None).parse_args(["in", "--out", "out", *arguments])

    assert read("--max-bytes", "010").max_bytes == 10
    assert read("--max-bytes", "1.5G").max_bytes == 1_500_000_000
    assert read("--max-bytes", "0.001M").max_bytes == 1000
    assert read("--max-bytes", "9007199254740993").max_bytes == 2**53 + 1
    assert read("--max-documents", "2e3").max_documents == 2000
    assert read("--seed", "010").seed == 10
    assert read("--seed", "18446744073709551615").seed == 2**64 - 1
    assert read("--val-fraction", "0").val_fraction == 0
    assert read("--drop-share", "1").drop_share == 1


def big_source(folder: Path) -> Path:
    """Makes several megabytes that take seconds to prepare."""
    folder.mkdir()
    with (folder / "big.jsonl").open("wb") as file:
        for i in range(200):
            file.write(jsonl([code(1000 * i + j, lines=40) for j in range(20)]))
    return folder


def limit_file_size() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, workers: str) -> None:
    source = big_source(tmp_path / "in")
    out = tmp_path / "results" / "corpus"
    done = run_apart(
        source, "--out", out, *SMALL, "--workers", workers, "-q", preexec_fn=limit_file_size
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write")
    assert "nothing was kept" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(out.parent.iterdir())


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Makes a file system of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs rights that this user lacks")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_nothing(tmp_path: Path, tiny_disk: Path) -> None:
    source = big_source(tmp_path / "in")
    done = run_apart(source, "--out", tiny_disk / "corpus", *SMALL, "--workers", "2", "-q")
    assert done.returncode == 1
    assert "No space left on device; nothing was kept. Free some space" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tiny_disk.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    source = big_source(tmp_path / "in")
    out = tmp_path / "results" / "corpus"
    command = [sys.executable, str(SCRIPT), str(source), "--out", str(out), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(out.parent.glob("corpus.tmp-*/spill/*")):
            time.sleep(0.02)
        running.send_signal(number)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert "Traceback" not in errors
    assert not list(out.parent.iterdir())
