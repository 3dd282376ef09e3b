"""Tests that tables fit the terminal, and that files and pipes get them whole."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from program import call, make_config

COMPARE = ("report", "--compare", "SM+LN+G", "EReg(SM(t)+ScFuFFN_i6)", "--cost", "aero_papers")


def in_terminal(columns: int, *command: str, **variables: str) -> list[str]:
    """Returns the lines that a command prints to a terminal of that width."""
    keyboard, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    with subprocess.Popen(
        command, stdout=screen, stderr=subprocess.DEVNULL, env=environment | variables
    ) as process:
        os.close(screen)
        text = b""
        while True:
            try:
                part = os.read(keyboard, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
    os.close(keyboard)
    assert process.returncode == 0
    return text.decode().replace("\r\n", "\n").splitlines()


def rows(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("|")]


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_a_comparison_fits_the_terminal(aero: str, columns: int) -> None:
    lines = in_terminal(columns, aero, *COMPARE)
    assert max(map(len, rows(lines))) <= columns
    assert "| EReg(SM(t)+ScFuFFN_i6) |" in "\n".join(lines)


def test_the_table_names_the_columns_that_it_leaves_out(aero: str) -> None:
    text = " ".join(in_terminal(40, aero, *COMPARE))
    named = text[text.index("(too narrow for: ") : text.index("; --wide prints all)")]
    for title in ("nonlinear operations", "communication saved"):
        assert title in named


def test_a_wide_terminal_a_pipe_and_wide_get_the_whole_table(aero: str) -> None:
    whole = call(aero, *COMPARE).stdout.splitlines()
    assert max(map(len, rows(whole))) > 100
    assert in_terminal(400, aero, *COMPARE) == whole
    assert in_terminal(40, aero, *COMPARE, "--wide") == whole
    assert in_terminal(40, aero, *COMPARE, COLUMNS="400") == whole
    assert max(map(len, rows(in_terminal(400, aero, *COMPARE, COLUMNS="40")))) <= 40


def test_the_tables_of_a_report_and_a_sweep_fit_the_terminal(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    make_config(tmp_path / "base.json", corpus, tmp_path / "unused")
    sweep = tmp_path / "sweep.json"
    keys = {"base": "base.json", "folder": str(tmp_path / "runs"), "runs": ["SM+LN+G", "SM"]}
    sweep.write_text(json.dumps(keys))
    for command in (
        ("report", str(tmp_path / "base.json"), "--cost", "spu_0.9.5_default_shared"),
        ("ablate", str(sweep), "--list"),
        ("ablate", str(sweep), "--collect"),
    ):
        assert max(map(len, rows(in_terminal(60, aero, *command)))) <= 60
    assert max(map(len, (tmp_path / "runs/sweep.md").read_text().splitlines())) > 100


def test_the_latex_comparison_is_a_tabular(aero: str) -> None:
    result = call(aero, *COMPARE, "--format", "latex")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        r"% needs \usepackage{amssymb,booktabs}",
        r"\begin{tabular}{lllrrrrrr}",
        r"\toprule",
    ]
    assert r"EReg(SM(t)+ScFuFFN\_i6) & gpt2 & SM: 144 x $\mathbb{R}^{128\times 128}$" in "\n".join(
        lines
    )
    assert lines[lines.index(r"\end{tabular}") + 1].startswith("% - Charged by aero_papers")
    alone = call(aero, "report", "--arch", "SM", "--format", "latex")
    assert alone.returncode == 2
    assert "--compare" in alone.stderr
