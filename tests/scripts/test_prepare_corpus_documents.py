"""Tests which documents a corpus takes: sources, filters, deduplication, limits and the split."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from corpus_reader import (
    SMALL,
    code,
    dropped,
    is_held_out,
    jsonl,
    manifest_of,
    run,
    texts_of,
    write,
)

# Sources.


def zstd_frames(data: bytes) -> bytes:
    half = len(data) // 2
    compressor = zstandard.ZstdCompressor()
    return compressor.compress(data[:half]) + compressor.compress(data[half:])


@pytest.mark.parametrize("key", ["text", "content"])
@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".zst", zstd_frames)],
    ids=["plain", "gzip", "zstd"],
)
def test_jsonl_plain_or_compressed_gives_its_documents(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes], key: str
) -> None:
    texts = [code(i) for i in range(10)]
    source = tmp_path / f"documents.jsonl{suffix}"
    source.write_bytes(pack(jsonl(texts, key) + b"\n  \n"))
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL) == 0
    assert sorted(texts_of(out)) == sorted(texts)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)],
    ids=["gzip", "zstd"],
)
def test_compressed_plain_text_is_one_document(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    text = "A book.\n" + "It was a dark and stormy night; " * 20_000
    (tmp_path / f"book.txt{suffix}").write_bytes(pack(text.encode()))
    out = tmp_path / "corpus"
    assert run(tmp_path / f"book.txt{suffix}", "--out", out, *SMALL) == 0
    assert texts_of(out) == [text]


def test_format_and_key_can_be_given(tmp_path: Path) -> None:
    source = tmp_path / "records.json"
    source.write_bytes(jsonl(["some words", "other words"], "body"))
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL, "--format", "jsonl", "--jsonl-key", "body") == 0
    assert sorted(texts_of(out)) == ["other words", "some words"]


def test_folders_globs_patterns_and_hidden_names(tmp_path: Path) -> None:
    for name in ("a/x.py", "a/deep/y.py", "a/z.txt", "a/.git/h.py", "b/w.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} = 1\n")
    cases: list[tuple[tuple[str | Path, ...], set[str]]] = [
        ((tmp_path / "a",), {"a/x.py", "a/deep/y.py", "a/z.txt"}),
        ((tmp_path / "a", "--include", "*.py"), {"a/x.py", "a/deep/y.py"}),
        ((tmp_path / "a", "--include", "deep/*"), {"a/deep/y.py"}),
        ((f"{tmp_path}/*/*.py",), {"a/x.py", "b/w.py"}),
        ((f"{tmp_path}/[ab]", "--include", "*.py"), {"a/x.py", "a/deep/y.py", "b/w.py"}),
        ((f"{tmp_path}/**/*.py",), {"a/x.py", "a/deep/y.py", "b/w.py"}),
        ((tmp_path / "a", tmp_path / "a" / "x.py"), {"a/x.py", "a/deep/y.py", "a/z.txt"}),
    ]
    for number, (args, names) in enumerate(cases):
        out = tmp_path / f"corpus-{number}"
        assert run(*args, "--out", out, *SMALL, "--filters", "none", "--no-dedup") == 0
        assert sorted(texts_of(out)) == sorted(f"{name} = 1\n" for name in names)


def test_symlink_loops_end_and_an_output_inside_a_source_is_not_read(tmp_path: Path) -> None:
    source = write(tmp_path / "in", [code(i) for i in range(3)])
    (source / "loop").symlink_to(source)
    (source / "self").symlink_to("self")
    (source / "gone").symlink_to("nowhere")
    (source / "again.py").symlink_to("file_0000.py")
    out = source / "corpus"
    for more in ((), ("--overwrite",)):
        assert run(source, "--out", out, *SMALL, "--no-dedup", *more) == 0
        assert sorted(texts_of(out)) == sorted(code(i) for i in range(3))


def test_plain_text_is_cut_at_a_separator(tmp_path: Path) -> None:
    texts = [f"story number {i}\n" for i in range(500)]
    (tmp_path / "stories.txt").write_text("<|end|>".join(texts))
    out = tmp_path / "corpus"
    assert run(tmp_path / "stories.txt", "--out", out, *SMALL, "--separator", "<|end|>") == 0
    assert sorted(texts_of(out)) == sorted(texts)


def test_long_documents_are_cut_at_line_ends_or_between_characters(tmp_path: Path) -> None:
    lines = "".join(f"line {i} of a long book\n" for i in range(400))
    endless = "漢" * 1000
    (tmp_path / "book.txt").write_text(lines)
    (tmp_path / "endless.txt").write_text(endless)
    for name, text in (("book", lines), ("endless", endless)):
        out = tmp_path / name
        options = (*SMALL, "--max-document-bytes", "1000", "--no-dedup")
        assert run(tmp_path / f"{name}.txt", "--out", out, *options) == 0
        pieces = texts_of(out)
        assert all(0 < len(piece.encode()) <= 1000 for piece in pieces)
        assert sum(map(len, pieces)) == len(text)
        assert all(piece in text for piece in pieces)
        assert len(pieces) <= len(text.encode()) / 900 + 1
        assert name == "endless" or all(piece.endswith("\n") for piece in pieces)
        assert "not-utf8" not in dropped(out)


def test_text_that_is_not_utf8_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", ["good words"], ".txt")
    (source / "latin.txt").write_bytes("naïve".encode("latin-1"))
    (source / "records.jsonl").write_bytes(
        b'{"text": "lone \\ud800 surrogate"}\n{"text": "\xff"}\n{"text": "fine words"}\n'
    )
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL) == 0
    assert sorted(texts_of(out)) == ["fine words", "good words"]
    assert dropped(out) == {"not-utf8": 3}
    assert "3 documents are not UTF-8 text and were left out: 2 latin-1" in capsys.readouterr().err


# Filters, deduplication, limits, split.

LONG_LINE = "    text = '" + "ab " * 1000 + "'\n"
TRIPS: dict[str, str] = {
    "autogenerated": "# Auto-Generated by a tool\n" + code(1),
    "line-max": code(2, lines=80) + LONG_LINE,
    "line-mean": "def f(a):\n" + "".join(f"    a = '{i:0150d}'\n" for i in range(9)),
    "alpha-fraction": "def f(a):\n" + "    a[:] = ((-+-)), {{}}, [[]], '%$#@'\n" * 30,
    "config-or-test": "# Unit tests of a thing\n" + code(3),
    "no-keywords": "a_rather_long_name = another_rather_long_name\n" * 30,
    "few-assignments": "def f():\n" + "    return number * another\n" * 40 + "a = b = c = d = 1\n",
    "token-ratio": "def f(a): a = b = c = d = e = g\n"
    + "".join(f"# {''.join(map(chr, range(i, i + 60)))}\n" for i in range(0x4E00, 0x5200, 60)),
}


@pytest.mark.parametrize("name", TRIPS)
def test_each_filter_drops_its_document_and_can_be_turned_off(tmp_path: Path, name: str) -> None:
    kept = [code(i) for i in range(100, 120)]
    source = write(tmp_path / "in", [*kept, TRIPS[name]])
    options = ("--val-fraction", "0", "--vocab-size", "1000", "--drop-share", "1")
    assert run(source, "--out", tmp_path / "on", *options) == 0
    assert dropped(tmp_path / "on") == {name: 1}
    assert sorted(texts_of(tmp_path / "on")) == sorted(kept)
    assert run(source, "--out", tmp_path / "off", *options, "--without", name) == 0
    assert sorted(texts_of(tmp_path / "off")) == sorted([*kept, TRIPS[name]])


def test_thresholds_are_codeparrots_to_the_character(tmp_path: Path) -> None:
    names = "letters" * 143  # 1001 letters
    pad = "".join(f"v{i} = {i}\n" for i in range(40)) + "def f(): pass\n"
    cases = {
        "line of 1000": (pad + names[:1000] + "\n", None),
        "line of 1001": (pad + names[:1001] + "\n", "line-max"),
        "mean of 100": ("def f(): a = b = c = d = e = " + "x" * 71, None),
        "mean of 101": ("def f(): a = b = c = d = e = " + "x" * 72, "line-mean"),
        "alpha of 1/4": ("for =====a" + "." * 6, None),
        "alpha below 1/4": ("for =====a" + "." * 7, "alpha-fraction"),
        "marker in line 5": (
            "def f(): x\n" * 4 + "# autogenerated\n" + "a = 1\n" * 5,
            "autogenerated",
        ),
        "marker in line 6": ("def f(): x\n" * 5 + "# autogenerated\n" + "a = 1\n" * 5, None),
        "tests 1 in 20 lines": ("def f(): a = 1\n" * 19 + "test = 1\n", None),
        "tests 2 in 20 lines": ("def f(): a = 2\n" * 18 + "test = 1\n" * 2, "config-or-test"),
        "tests 1 in 19 lines": ("def f(): a = 3\n" * 18 + "test = 1\n", "config-or-test"),
        "configs 2 in 20 lines": ("def f(): a = 2\n" * 18 + "Config = 1\n" * 2, "config-or-test"),
        "five assignments": ("while a: b\n" + "= " * 5, None),
        "four assignments": ("while a: b\n" + "= " * 4, "few-assignments"),
        "only a class": ("class A: b\n" + "c = 1\n" * 5, None),
        "keyword without blank": ("classes\n" + "c = 2\n" * 5, "no-keywords"),
    }
    for name, (text, expected) in cases.items():
        source = tmp_path / "case.py"
        source.write_text(text)
        (tmp_path / "other.py").write_text(code(1))
        out = tmp_path / name.replace("/", "-")
        options = (*SMALL, "--drop-share", "1", "--without", "token-ratio")
        assert run(source, tmp_path / "other.py", "--out", out, *options) == 0
        assert dropped(out) == ({} if expected is None else {expected: 1}), name


def test_the_dropped_share_is_drawn_from_the_document_alone(tmp_path: Path) -> None:
    tests = [f"# unit tests {i}\n" + code(i) for i in range(400)]
    out = tmp_path / "many"
    assert run(write(tmp_path / "in", tests), "--out", out, *SMALL) == 0
    kept = set(texts_of(out))
    assert 0.62 < dropped(out)["config-or-test"] / 400 < 0.78  # 0.7 +- 3.5 sigma
    fewer = write(tmp_path / "fewer", [*tests[100:140], code(7777)])
    assert run(fewer, "--out", tmp_path / "few", *SMALL) == 0
    assert set(texts_of(tmp_path / "few")) == (kept & set(tests[100:140])) | {code(7777)}


def test_books_and_prose_are_not_judged_as_code(tmp_path: Path) -> None:
    paragraph = "It was the best of times, it was the worst of times. " * 40
    source = write(tmp_path / "in", [f"Chapter {i}\n{paragraph}\n" for i in range(5)], ".txt")
    (source / "art.txt").write_text("*** --- +++ === " * 20)
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL) == 0
    assert dropped(out) == {"alpha-fraction": 1}
    assert len(texts_of(out)) == 5
    assert run(source, "--out", tmp_path / "all", *SMALL, "--filters", "none") == 0
    assert len(texts_of(tmp_path / "all")) == 6


def test_exact_duplicates_but_for_outer_blanks_are_kept_once(tmp_path: Path) -> None:
    twice = code(1)
    source = write(tmp_path / "in", [twice, code(2), twice, f"\n\n{twice}  \n", "", " \n"])
    out = tmp_path / "corpus"
    assert run(source, "--out", out, *SMALL) == 0
    assert dropped(out) == {"duplicate": 2, "empty": 2}
    assert sorted(text.strip() for text in texts_of(out)) == sorted(
        [twice.strip(), code(2).strip()]
    )
    assert run(source, "--out", tmp_path / "all", *SMALL, "--no-dedup") == 0
    assert dropped(tmp_path / "all") == {"empty": 2}
    assert len(texts_of(tmp_path / "all")) == 4


def test_the_split_depends_on_each_document_alone(tmp_path: Path) -> None:
    texts = [code(i) for i in range(200)]
    for name, some in (("few", texts[50:100]), ("all", texts)):
        source = write(tmp_path / f"in-{name}", some)
        out = tmp_path / name
        assert run(source, "--out", out, "--vocab-size", "300", "--val-fraction", "0.25") == 0
        assert set(texts_of(out, "val")) == {text for text in some if is_held_out(text, 0.25)}
        assert set(texts_of(out)) == {text for text in some if not is_held_out(text, 0.25)}


def test_limits_take_a_sample_that_grows_with_the_limit(tmp_path: Path) -> None:
    texts = [code(i) for i in range(200)]
    source = write(tmp_path / "in", texts)
    samples = []
    for name, limit in (("a", 10), ("b", 40), ("c", 150)):
        out = tmp_path / name
        assert run(source, "--out", out, *SMALL, "--max-documents", str(limit)) == 0
        samples.append(set(texts_of(out)))
        assert len(samples[-1]) == limit
        assert dropped(out) == {"beyond-limit": 200 - limit}
    assert samples[0] < samples[1] < samples[2]
    places = [texts.index(text) for text in samples[1]]
    assert min(places) < 50
    assert max(places) > 150
    assert run(source, "--out", tmp_path / "bytes", *SMALL, "--max-bytes", "20k") == 0
    size = sum(len(text) for text in texts_of(tmp_path / "bytes"))
    assert 20_000 - max(map(len, texts)) < size <= 20_000


def test_what_may_not_be_read_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", [code(1), code(2)])
    (source / "file_0001.py").chmod(0)
    (source / "lost+found").mkdir(mode=0)
    if os.access(source / "file_0001.py", os.R_OK):
        pytest.skip("this user may read everything")
    assert run(source, "--out", tmp_path / "corpus", *SMALL) == 0
    assert texts_of(tmp_path / "corpus") == [code(1)]
    assert manifest_of(tmp_path / "corpus")["counts"]["unreadable"] == 2
    assert "2 files or folders left out: permission denied" in capsys.readouterr().err
