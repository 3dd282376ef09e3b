"""Tests that `aero generate` continues several prompts as it continues each alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from program import CONTEXT, VOCABULARY, call, make_config
from test_paths import byte_level_tokenizer
from tokenizers import Tokenizer

LINES = ["once upon a", "time", "there was a model that", "time", "once upon a time there", "x"]


@pytest.fixture(scope="module")
def run(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generate")
    config = make_config(folder / "run.json", corpus, folder / "run")
    assert call(aero, "train", config, "-q").returncode == 0
    byte_level_tokenizer(folder / "run/tokenizer.json")
    return folder / "run"


@pytest.fixture(scope="module")
def prompts(run: Path) -> Path:
    file = run.parent / "prompts.txt"
    file.write_text("\n".join(LINES))
    return file


def succeed(aero: str, *arguments: str | Path) -> str:
    result = call(aero, "generate", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


FLAGS = [
    [],
    ["--temperature", "0"],
    ["--max-tokens", "30"],
    ["--no-cache"],
    ["--print-ids", "--top-k", "9"],
]


@pytest.mark.parametrize("flags", FLAGS)
def test_each_prompt_gets_what_it_gets_alone(
    aero: str, run: Path, prompts: Path, flags: list[str]
) -> None:
    if "--max-tokens" not in flags:
        flags = ["--max-tokens", "8", *flags]
    alone = [
        succeed(aero, run, "--prompt", line, "--seed", str(5 + i), *flags)
        for i, line in enumerate(LINES)
    ]
    separator = "" if "--print-ids" in flags else "\n----\n"
    for batch in ("1", "4", "100"):
        options = ["--seed", "5", "--batch", batch, *flags]
        together = succeed(aero, run, "--prompts", prompts, *options)
        assert together == separator.join(alone)
    if "--print-ids" not in flags:
        assert all(text.startswith(line) for line, text in zip(LINES, alone, strict=True))


def test_json_has_a_line_for_each_text(aero: str, run: Path, prompts: Path) -> None:
    flags = ["--max-tokens", "9", "--seed", "2"]
    texts = objects(succeed(aero, run, "--prompts", prompts, "--json", *flags))
    ids = succeed(aero, run, "--prompts", prompts, "--print-ids", *flags).splitlines()
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    assert [text["prompt"] for text in texts] == LINES
    assert [text["seed"] for text in texts] == [2, 3, 4, 5, 6, 7]
    for text, line in zip(texts, ids, strict=True):
        assert text["ids"] == [int(word) for word in line.split()]
        assert text["text"] == tokenizer.decode(text["ids"], skip_special_tokens=False)


def test_json_of_ids_needs_no_tokenizer(aero: str, run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "tokenizer.json").unlink()
    (text,) = objects(succeed(aero, copy, "--ids", "1,2", "--json", "--max-tokens", "5"))
    assert text["prompt"] is None and text["text"] is None and len(text["ids"]) == 5


def test_samples_of_prompts_have_seeds_that_follow(aero: str, run: Path, prompts: Path) -> None:
    flags = ["--max-tokens", "6", "--json"]
    texts = objects(succeed(aero, run, "--prompts", prompts, "--samples", "2", *flags))
    assert [text["prompt"] for text in texts] == [line for line in LINES for _ in range(2)]
    for i in (0, 5, 11):
        alone = succeed(aero, run, "--prompt", LINES[i // 2], "--seed", str(i), *flags)
        assert objects(alone) == [texts[i]]


def test_prompts_come_from_standard_input(aero: str, run: Path, prompts: Path) -> None:
    command = [aero, "generate", run, "--prompts", "-", "--max-tokens", "4"]
    # Lines that end as on Windows are the same prompts.
    given = prompts.read_bytes().replace(b"\n", b"\r\n")
    result = subprocess.run(command, input=given, capture_output=True, check=False)
    expected = succeed(aero, run, "--prompts", prompts, "--max-tokens", "4")
    assert result.returncode == 0 and result.stdout.decode() == expected


def test_bfloat16_gives_the_texts_of_float32_where_a_token_is_clear(
    aero: str, run: Path, prompts: Path
) -> None:
    flags = ["--prompts", prompts, "--temperature", "0", "--max-tokens", "6", "--json"]
    exact = objects(succeed(aero, run, *flags))
    rounded = objects(succeed(aero, run, *flags, "--dtype", "bfloat16"))
    pairs = [
        (a, b)
        for x, y in zip(exact, rounded, strict=True)
        for a, b in zip(x["ids"][:1], y["ids"][:1], strict=True)
    ]
    # A rounded logit can change a token whose two best are close.
    assert sum(a == b for a, b in pairs) >= len(pairs) / 2
    assert all(0 <= token < VOCABULARY for text in rounded for token in text["ids"])


def test_times_stand_on_standard_error(aero: str, run: Path, prompts: Path) -> None:
    flags = ["--prompts", prompts, "--max-tokens", "5", "--times", "--batch", "4", "--json"]
    result = call(aero, "generate", run, *flags)
    assert result.returncode == 0
    found = re.fullmatch(
        r"(\d+) prompt tokens read in ([\d.]+) s; (\d+) tokens after the first of each text in "
        r"([\d.]+) s, ([\d.]+) tokens/s\n",
        result.stderr,
    )
    assert found, result.stderr
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    assert int(found[1]) == sum(len(tokenizer.encode(line).ids) for line in LINES)
    # A text may end before its first token, by the end-of-text token.
    drawn = [len(text["ids"]) for text in objects(result.stdout)]
    assert int(found[3]) == sum(max(0, count - 1) for count in drawn) > 0
    assert float(found[5]) == pytest.approx(int(found[3]) / float(found[4]), rel=0.2)


BAD_FILES = [
    (b"", "is empty; write one prompt a line"),
    (b"once\n\ntime\n", "line 2: is empty"),
    (b"once\ntime\n\xff\xfe\n", "line 3: is not UTF-8"),
    (b"time\n" + b"x" * (CONTEXT + 1), f"line 2: has {CONTEXT + 1} tokens"),
]


@pytest.mark.parametrize(("content", "reason"), BAD_FILES)
def test_a_bad_file_is_refused_by_name_and_line(
    aero: str, run: Path, tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "bad.txt"
    file.write_bytes(content)
    result = call(aero, "generate", run, "--prompts", file)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("error: generate: --prompts: ") and reason in result.stderr
    assert str(file) in result.stderr and result.stderr.count("\n") == 1


def test_a_missing_file_is_refused_by_name(aero: str, run: Path, tmp_path: Path) -> None:
    for file in (tmp_path / "none.txt", tmp_path):
        result = call(aero, "generate", run, "--prompts", file)
        assert result.returncode == 2 and result.stdout == ""
        assert "--prompts" in result.stderr and str(file) in result.stderr
    assert call(aero, "generate", run, "--prompts=").returncode == 2


def test_options_that_exclude_each_other_are_refused(aero: str, run: Path, prompts: Path) -> None:
    for other in (["--prompt", "x"], ["--ids", "1"]):
        result = call(aero, "generate", run, "--prompts", prompts, *other)
        assert result.returncode == 2 and "--prompts" in result.stderr
        assert other[0] in result.stderr
    result = call(aero, "generate", run, "--ids", "1", "--json", "--print-ids")
    assert result.returncode == 2 and "--json" in result.stderr
