"""Tests the progress line in windows of every width, and without a window."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import call, make_config
from terminal import Session, run_in_terminal

Train = Callable[..., Session]
PROGRESS = re.compile(r"step \d+/\d+")


@pytest.fixture
def train(aero: str, corpus: Path, tmp_path: Path) -> Train:
    changes = {
        "train": {"duration": "400", "batch_size": 2, "threads": 1},
        "eval": {"every": "100", "batches": 2},
        "checkpoint": {"every": "400"},
        "log": {"every": "100"},
    }
    config = make_config(tmp_path / "run.json", corpus, tmp_path / "run", **changes)

    def run(columns: int, **options: Any) -> Session:
        return run_in_terminal(aero, "train", config, columns=columns, **options)

    return run


def progress_rows(screen: list[str]) -> list[str]:
    return [row for row in screen if PROGRESS.search(row)]


def check_screens(session: Session) -> None:
    """Checks that one progress line at a time is below all else, and none is left at the end."""
    assert session.code == 0, session.raw[-1000:]
    for screen in session.screens:
        assert len(progress_rows(screen)) <= 1, screen
        assert not progress_rows(screen[:-1]), screen
    # A line break can take the place of a blank.
    text = "".join(session.rows).replace(" ", "")
    assert "trainingfromstep0to400" in text and "400stepsin" in text
    assert "#" not in text and "gradnorm" not in text and "ETA" not in text, session.rows


@pytest.mark.parametrize("columns", [12, 30, 40, 80, 200])
def test_the_progress_line_fits_the_window(train: Train, columns: int) -> None:
    session = train(columns)
    check_screens(session)
    lines = [row for screen in session.screens for row in progress_rows(screen)]
    assert lines and all(len(line) < columns for line in lines)
    shown = lines[-1]
    if columns >= 30:
        assert re.search(r"step \d+/400  loss \d\.\d{4}", shown)
    if columns >= 80:
        assert shown.startswith("[#") and "ETA" in shown and "tokens/s" in shown
    if columns >= 200:
        assert "grad norm" in shown and "  lr " in shown


def test_a_resized_window_keeps_no_old_rows(train: Train) -> None:
    widths = {2: 120, 5: 31, 8: 90, 11: 25, 14: 64}
    check_screens(train(100, resize=widths))


def test_a_resize_that_never_happens_fails_the_test() -> None:
    with pytest.raises(AssertionError, match=r"only [0-9] reads"):
        run_in_terminal("echo", "a", columns=20, resize={0: 10, 50: 30})


def test_no_program_is_left_behind() -> None:
    with pytest.raises(TimeoutError):
        run_in_terminal("sleep", "100", columns=20, timeout=0.2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_width_of_the_window_overrides_the_columns_of_the_shell(train: Train) -> None:
    session = train(30, environment={"COLUMNS": "200"})
    check_screens(session)
    # The line is not the beginning of a longer one that the terminal cut.
    lines = [row for screen in session.screens for row in progress_rows(screen)]
    assert lines and re.search(r"step \d+/400  loss \d\.\d{4}", lines[-1])


def test_a_window_of_unknown_width_has_80_columns(train: Train) -> None:
    session = train(0, environment={})
    assert session.code == 0
    lines = re.findall(r"\[[#.]+\] step [^\r\x1b]*", session.raw)
    assert lines and all(len(line) < 80 for line in lines)


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_a_terminal_that_knows_no_escape_codes_gets_none(train: Train, term: str | None) -> None:
    session = train(80, environment={"TERM": term})
    assert session.code == 0
    assert "\x1b" not in session.raw and "[#" not in session.raw
    assert "\r" not in session.raw.replace("\r\n", "")
    assert session.raw.count("grad norm") == 4  # every 100 steps, as without a terminal


def test_eval_clears_its_status_line(aero: str, train: Train, tmp_path: Path) -> None:
    assert train(80).code == 0
    # JSON begins with a short line, which would cover little of the status line.
    for columns, words in ((20, []), (80, ["--json"])):
        command = ("eval", tmp_path / "run", "--batch-size", "1", *words)
        session = run_in_terminal(aero, *command, columns=columns)
        assert session.code == 0 and "evaluated 1 of" in session.raw
        assert "valuated" not in "".join(session.rows)


@pytest.mark.parametrize(
    ("no_color", "is_colored"), [(None, True), ("", True), ("1", False), ("0", False)]
)
def test_no_color_has_an_effect_where_it_is_not_empty(
    aero: str, tmp_path: Path, no_color: str | None, is_colored: bool
) -> None:
    environment = {"NO_COLOR": no_color}
    session = run_in_terminal(aero, "eval", tmp_path / "none", columns=80, environment=environment)
    assert session.code == 1 and "error: " in session.rows[0]
    assert ("\x1b[31m" in session.raw) == is_colored


def test_an_error_ends_the_progress_line(aero: str, corpus: Path, tmp_path: Path) -> None:
    config = make_config(tmp_path / "run.json", corpus, tmp_path / "run")
    session = run_in_terminal(
        aero,
        "train",
        config,
        "--set",
        "optimizer.lr=1e30",
        "--set",
        "train.clip=0",
        columns=60,
    )
    assert session.code != 0
    assert not progress_rows(session.rows), session.rows
    # Without a terminal the error is a plain line.
    assert "\x1b" not in call(aero, "eval", tmp_path / "none").stderr
