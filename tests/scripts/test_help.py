"""Tests that every --help is short."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
LONGEST = 58  # lines in a terminal of 80 columns


@pytest.mark.parametrize(
    "name",
    ["prepare_corpus.py", "private_inference.py", "private_table.py", "benchmark_step.py"],
)
def test_help_is_not_long(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), "--help"],
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"usage: {name} ")
    assert len(done.stdout.splitlines()) <= LONGEST
