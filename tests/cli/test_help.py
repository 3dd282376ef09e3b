"""Tests that --help fits a screen for each command in any window, and that its examples work."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from program import call, make_config
from terminal import run_in_terminal
from test_paths import byte_level_tokenizer

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
COMMANDS = [
    "",
    "train",
    "ablate",
    "pipeline",
    "eval",
    "generate",
    "inspect",
    "transform",
    "import",
    "export",
    "report",
    "config",
    "config check",
    "config show",
    "config help",
    "config docs",
    "config schema",
    "doctor",
    "completion",
]


@pytest.fixture(scope="module")
def place(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a folder with the files that the examples name."""
    place = tmp_path_factory.mktemp("help")
    make_config(place / "mine.json", corpus, place / "runs/mine")
    assert call(aero, "train", place / "mine.json", "-q").returncode == 0
    byte_level_tokenizer(place / "runs/mine/tokenizer.json")
    shutil.copytree(GOLDEN / "exchange/transformers-4/neox", place / "pythia-70m")
    (place / "prompts.txt").write_text("once upon\na time\n")
    base = {"train": {"duration": "4"}, "eval": {"every": "0"}, "entropy": {"batches": 0}}
    make_config(place / "base.json", corpus, place / "unused", **base)
    sweep = {"base": "base.json", "folder": str(place / "s"), "runs": ["SM+LN+G", "SM"]}
    (place / "sweep.json").write_text(json.dumps(sweep))
    steps = {
        "base": "base.json",
        "folder": str(place / "p"),
        "seeds": [3],
        "without_activation": ["SM", "SM+ScFFN"],
        "max_pruned": 1,
    }
    (place / "pipeline.json").write_text(json.dumps(steps))
    return place


@pytest.fixture(scope="module")
def help_of(aero: str) -> Callable[[str], str]:
    """Returns the help of a command, each of which runs once."""

    @functools.cache
    def of(command: str) -> str:
        result = call(aero, *command.split(), "--help")
        assert result.returncode == 0
        return result.stdout

    return of


def examples_of(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^  aero (.*)$", text, re.MULTILINE)]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_help_fits_a_screen_and_has_an_example(
    command: str, help_of: Callable[[str], str]
) -> None:
    lines = help_of(command).splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 80, max(lines, key=len)
    examples = examples_of(help_of(command))
    assert examples
    for example in examples:
        assert not command or example[: len(command.split())] == command.split()


@pytest.mark.parametrize("columns", [30, 40, 132])
@pytest.mark.parametrize("command", ["train", "generate", "inspect", "report"])
def test_a_help_fits_the_window(aero: str, command: str, columns: int) -> None:
    raw = run_in_terminal(aero, command, "--help", columns=columns).raw
    options = raw.split("Example")[0].splitlines()
    # A single word may be longer than a narrow window.
    assert all(len(line) <= columns or " " not in line.strip() for line in options)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "config"])
def test_the_examples_work(
    aero: str,
    place: Path,
    command: str,
    help_of: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    for example in examples_of(help_of(command)):
        if example == ["train", "mine.json"]:
            # The run exists already, so a new one needs a folder of its own.
            example = [*example, "--set", f"run.folder=runs/{os.urandom(4).hex()}"]
        result = call(aero, *example)
        assert result.returncode == 0, (example, result.stderr)


def test_config_help_explains_a_key_a_section_or_all_keys(aero: str) -> None:
    one = call(aero, "config", "help", "train.duration").stdout
    assert one.startswith("train.duration (duration") and one.count("\n") <= 4
    assert call(aero, "config", "help", "duration").stdout == one
    section = call(aero, "config", "help", "model.dropout").stdout
    assert "model.dropout.embedding" in section and "n_layer" not in section
    every = call(aero, "config", "help").stdout
    assert "model.n_layer" in every and "schedule.warmup" in every
    assert max(map(len, every.splitlines())) <= 80
    wrong = call(aero, "config", "help", "train.duratoin")
    assert wrong.returncode == 2 and '"train.duration"' in wrong.stderr
