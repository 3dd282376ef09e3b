"""Tests that text that is not UTF-8 is found in the whole file, left out, counted and named."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from aero.commands import prepare_corpus
from aero.corpus.encodings import encoding_of
from corpus_reader import SMALL, code, dropped, jsonl, manifest_of, run, texts_of, write

LINE = "this is a line of a long book with words in it\r\n"
LONG = ("--max-document-bytes", "2000")
Pack = Callable[[bytes], bytes]
PACKED = pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)],
    ids=["plain", "gzip", "zstd"],
)


def no_text(corpus: Path) -> dict[str, Any]:
    found: dict[str, Any] = manifest_of(corpus)["counts"]["no_text"]
    return found


@PACKED
@pytest.mark.parametrize(
    ("encoding", "reason"),
    [
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16"),
        ("utf-32", "utf-32"),
        ("utf-32-le", "utf-32"),
        ("utf-32-be", "utf-32"),
    ],
)
@pytest.mark.parametrize("text", [LINE, "Привет, мир. Это строка книги\n", "naïve 日本 text\n"])
def test_a_wide_encoding_is_named_and_no_piece_of_it_kept(
    tmp_path: Path, encoding: str, reason: str, text: str, suffix: str, pack: Pack
) -> None:
    source = write(tmp_path / "in", [code(1)])
    path = source / f"windows.txt{suffix}"
    path.write_bytes(pack((text * 400).encode(encoding)))
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL, *LONG) == 0
    assert texts_of(out) == [code(1)]
    assert dropped(out) == {reason: 1}
    assert no_text(out) == {reason: {"documents": 1, "example": str(path)}}


@PACKED
@pytest.mark.parametrize(
    ("fault", "reason", "name"),
    [
        ("naïve café\n".encode("latin-1"), "not-utf8", "latin-1"),
        ("he said “hello”\n".encode("cp1252"), "not-utf8", "windows-1252"),
        (b"a\0b\n", "nul", "nul"),
        (b"cut \xe6\x97\n" + "日本語".encode() * 40, "not-utf8", "damaged utf-8"),
    ],
)
def test_a_fault_near_the_end_takes_the_whole_file(
    tmp_path: Path, fault: bytes, reason: str, name: str, suffix: str, pack: Pack
) -> None:
    source = write(tmp_path / "in", [code(1), code(2)])
    path = source / f"file_0000_and_a_half.txt{suffix}"  # read between the two
    path.write_bytes(pack(LINE.encode() * 400 + fault * 10))
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL, *LONG) == 0
    assert sorted(texts_of(out)) == sorted([code(1), code(2)])
    assert dropped(out) == {reason: 1}
    assert manifest_of(out)["counts"]["documents"] == 3
    assert no_text(out) == {name: {"documents": 1, "example": str(path)}}


def test_separators_do_not_save_part_of_a_file(tmp_path: Path) -> None:
    source = write(tmp_path / "in", [code(1)])
    stories = [f"story number {i}\n" for i in range(300)]
    (source / "stories.txt").write_bytes("<|end|>".join([*stories, "naïve\n"]).encode("latin-1"))
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL, *LONG, "--separator", "<|end|>") == 0
    assert texts_of(out) == [code(1)]
    assert dropped(out) == {"not-utf8": 1}


@PACKED
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be"])
@pytest.mark.parametrize("part_bytes", [100, 1 << 24])
def test_json_lines_in_a_wide_encoding_are_left_out_as_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    part_bytes: int,
    suffix: str,
    pack: Pack,
) -> None:
    monkeypatch.setattr("aero.corpus.collect._PART_BYTES", part_bytes)
    source = write(tmp_path / "in", [code(1)])
    records = jsonl([code(i) for i in range(5)]).decode()
    (source / f"records.jsonl{suffix}").write_bytes(pack(records.encode(encoding)))
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL) == 0
    assert texts_of(out) == [code(1)]
    assert dropped(out) == {encoding[:6]: 1}


def test_summary_and_warning_name_what_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", [code(1)])
    for name in ("a", "b"):
        (source / f"{name}.txt").write_bytes((LINE * 9).encode("utf-16"))
    (source / "c.txt").write_bytes(b"na\xefve")
    arguments = [str(source), "--out", str(tmp_path / "corpus"), *SMALL, "--workers", "1"]
    assert prepare_corpus.run(arguments) == 0
    printed = capsys.readouterr()
    assert f"2 utf-16 (first {source}/a.txt)" in printed.err
    assert f"1 latin-1 (first {source}/c.txt)" in printed.err
    assert f"2, the first: {source}/a.txt" in printed.out


def test_memory_stays_bounded(tmp_path: Path) -> None:
    source = write(tmp_path / "in", [code(1)])
    content = LINE.encode() * 600_000 + b"na\xefve\n"  # 28.8 MB, wrong at its end
    (source / "book.txt").write_bytes(content)
    del content
    tracemalloc.start()
    try:
        assert run(source, "--out", tmp_path / "corpus", *SMALL, *LONG) == 0
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert dropped(tmp_path / "corpus") == {"not-utf8": 1}
    assert most < 16e6


def test_workers_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker has many tasks."""
    monkeypatch.setattr("aero.corpus.collect._TASK_FILES", 5)
    monkeypatch.setattr("aero.corpus.encode._BATCH_DOCUMENTS", 4)
    source = write(tmp_path / "in", [code(i) for i in range(40)])
    for i in range(0, 40, 7):
        (source / f"file_{i:04d}_x.txt").write_bytes((LINE * 300).encode("utf-16-le"))
    for workers in ("1", "3"):
        out = tmp_path / workers
        options = (*SMALL, *LONG, "--workers", workers, "--quiet")
        assert prepare_corpus.run([str(source), "--out", str(out), *options]) == 0
        assert dropped(out) == {"utf-16": 6}
        assert no_text(out)["utf-16"]["example"] == f"{source}/file_0000_x.txt"
    assert (tmp_path / "1" / "train-00000.tok").read_bytes() == (
        tmp_path / "3" / "train-00000.tok"
    ).read_bytes()


def test_encodings_are_guessed_from_bytes() -> None:
    rng = random.Random(1)
    noise = bytes(rng.randrange(256) for _ in range(4000))
    assert encoding_of(noise) == "nul"
    assert encoding_of(bytes(4000)) == "nul"
    assert encoding_of(("слово и дело " * 40).encode("koi8-r")) == "unknown"
    assert encoding_of(("日本語のテキスト" * 40).encode("shift-jis")) == "unknown"
    assert encoding_of(b"\xed\xa0\x80") == "lone surrogates"
    for wide in ("utf-16", "utf-32"):  # the former has no zero byte here, but its mark
        assert encoding_of(("日本語のテキスト" * 40).encode(wide)) == wide


# --skip-bad.

BAD = [b'{"text": "cut o', b"plain words", b'["a list"]', b'{"body": "words"}', b'{"text": 17}']


@PACKED
@pytest.mark.parametrize("part_bytes", [50, 1 << 24])
def test_bad_records_are_left_out_where_that_is_asked_for(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    part_bytes: int,
    suffix: str,
    pack: Pack,
) -> None:
    monkeypatch.setattr("aero.corpus.collect._PART_BYTES", part_bytes)
    texts = [code(i, lines=2) for i in range(8)]
    lines = jsonl(texts).splitlines()
    lines[3:3] = BAD[:3]
    lines[9:9] = BAD[3:]
    path = tmp_path / f"records.jsonl{suffix}"
    path.write_bytes(pack(b"\n".join(lines)))
    out = tmp_path / "corpus"
    assert run(path, "--out", out, *SMALL) == 1
    assert "or leave out bad records by --skip-bad" in capsys.readouterr().err
    assert run(path, "--out", out, *SMALL, "--skip-bad") == 0
    assert sorted(texts_of(out)) == sorted(texts)
    assert dropped(out) == {"bad-record": len(BAD)}
    first = no_text(out)["bad-record"]
    assert first["documents"] == len(BAD)
    assert first["example"].startswith(f"{path}:4: not valid JSON")
    assert f"5 bad records were left out; the first is {path}:4: " in capsys.readouterr().err
    assert manifest_of(out)["settings"]["skip_bad"] is True


def test_a_record_without_an_end_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aero.corpus.documents._LONGEST_RECORD", 100)
    monkeypatch.setattr("aero.corpus.documents._BLOCK", 64)
    long = json.dumps({"text": "w" * 1000}).encode()
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"text": "one"}\n' + long + b'\n{"text": "two"}\n')
    out = tmp_path / "corpus"
    assert run(path, "--out", out, *SMALL, "--skip-bad") == 0
    assert sorted(texts_of(out)) == ["one", "two"]
    assert dropped(out) == {"bad-record": 1}
