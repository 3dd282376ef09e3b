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


@pytest.mark.parametrize("mine", [None, "glibc.malloc.check=0"])
def test_the_allocator_is_set_unless_the_user_has_set_it(
    alone: str, mine: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = Path(alone).with_name("aero-torch")
    torch.write_text('#!/bin/sh\necho "$GLIBC_TUNABLES of $*"\n')
    torch.chmod(0o755)
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if mine:
        monkeypatch.setenv("GLIBC_TUNABLES", mine)
    tunables, _, words = call(alone, "train", "mine.json", "-q").stdout.strip().partition(" of ")
    assert words == "train mine.json -q"
    assert tunables == mine if mine else "glibc.malloc.mmap_max=0" in tunables
