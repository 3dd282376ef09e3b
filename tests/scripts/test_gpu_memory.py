"""Tests the measurement of the memory that a run holds on the named card."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aero.check.memory import memory_in_use

NVIDIA_SMI = '#!/bin/sh\necho "${2}00"\n'  # reports N times 100 MiB for card N


@pytest.fixture(autouse=True)
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_memory_is_that_of_the_named_card(monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory_in_use("cuda", os.getpid()) == 0
    assert memory_in_use("cuda:2", os.getpid()) == 200 << 20
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert memory_in_use("cuda", os.getpid()) == 300 << 20
    assert memory_in_use("cuda:1", os.getpid()) == 500 << 20


def test_memory_is_unknown_without_nvidia_smi(tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 1\n")
    assert memory_in_use("cuda", os.getpid()) is None


def test_on_the_cpu_memory_is_that_of_the_process() -> None:
    held = memory_in_use("cpu", os.getpid())
    assert held is not None and 1 << 20 < held < 1 << 40
