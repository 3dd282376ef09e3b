"""Tests that `aero` answers without LibTorch, and hands over to aero-torch what needs it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from program import call


@pytest.fixture
def alone(aero: str, tmp_path: Path) -> str:
    """Copies the program to a folder without aero-torch."""
    return shutil.copy(aero, tmp_path / "aero")


def test_it_does_not_link_libtorch(aero: str) -> None:
    libraries = subprocess.run(["ldd", aero], capture_output=True, text=True, check=True).stdout
    assert "libstdc++" in libraries and "torch" not in libraries


@pytest.mark.parametrize(
    "words", ["--version", "--help", "config show", "config help train", "report --arch SM+LN+G"]
)
def test_it_answers_by_itself(aero: str, alone: str, words: str) -> None:
    here = call(alone, *words.split())
    assert here.returncode == 0
    assert here.stdout == call(aero, *words.split()).stdout
    torch = str(Path(aero).resolve().with_name("aero-torch"))
    assert here.stdout == call(torch, *words.split()).stdout


@pytest.mark.parametrize("words", ["train mine.json", "-q eval runs/mine", "doctor --help"])
def test_it_names_the_program_that_is_missing(alone: str, words: str) -> None:
    result = call(alone, *words.split())
    assert result.returncode == 1
    missing = Path(alone).with_name("aero-torch")
    assert f"cannot start '{missing}': No such file or directory; build or install" in result.stderr


def test_it_hands_over_all_words(alone: str) -> None:
    torch = Path(alone).with_name("aero-torch")
    torch.write_text('#!/bin/sh\necho "$*"\n')
    torch.chmod(0o755)
    assert call(alone, "train", "mine.json", "-q").stdout == "train mine.json -q\n"
