"""Tests scripts/bench/generate.py with texts of known times, and a dry run of it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aero.benchmark import generation
from aero.benchmark.generation import AERO, TRANSFORMERS, Case, dry_generation, full_generation
from aero.commands import bench_generate
from gpu_programs import needs_torch, real_aero

# A text takes 0.25 s to read and 0.75 s to go on, twice as long in bfloat16.
STAND_IN = """#!{python}
import pathlib, sys
with open(pathlib.Path(__file__).with_name("calls"), "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1] == "doctor":
    print("LibTorch  9.8.7")
if sys.argv[1] == "generate":
    slower = 2 if "bfloat16" in sys.argv else 1
    print("1 2 3 4")
    print(f"3 prompt tokens read in {{0.25 * slower:.4f}} s; 3 tokens after the first of each text "
          f"in {{0.75 * slower:.4f}} s, 4.00 tokens/s", file=sys.stderr)
"""


def stand_in(folder: Path) -> Path:
    binary = folder / "aero"
    binary.write_text(STAND_IN.format(python=sys.executable))
    binary.chmod(0o755)
    return binary


def of_known_times(
    work: generation.Generation, case: Case, run: Path, folder: Path, limit: float
) -> float:
    """Fakes a peer that takes 3 s, whatever it does."""
    return 3.0


def with_peer(monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: (is_there or None) if name == TRANSFORMERS else find(name),
    )


def measurements(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "generate.json").read_text())["measurements"]
    return found


@needs_torch
def test_rates_follow_from_the_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_peer(monkeypatch, is_there=True)
    monkeypatch.setattr(bench_generate, "transformers_turn", of_known_times)
    aero, out = stand_in(tmp_path), tmp_path / "out"
    command = ["--aero", str(aero), "--out", str(out), "--tiny"]
    assert bench_generate.main(command) == 0
    table = (out / "generate.md").read_text()
    # A text has 4 new tokens.
    assert "| float32 | 1 | 4.0 | 1.3 | 3.00 |" in table
    assert "| bfloat16 | 2 | 4.0 | 2.7 | 1.50 |" in table
    calls = aero.with_name("calls").read_text()
    assert "--samples 2 --batch 2 --temperature 0 --max-tokens 4 --dtype bfloat16" in calls
    count = calls.count("generate")
    assert bench_generate.main(command) == 0
    assert aero.with_name("calls").read_text().count("generate") == count == 4


@needs_torch
def test_a_peer_that_is_not_installed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_peer(monkeypatch, is_there=False)
    out = tmp_path / "out"
    assert (
        bench_generate.main(["--aero", str(stand_in(tmp_path)), "--out", str(out), "--tiny"]) == 0
    )
    assert "| float32 | 1 | 4.0 | - | - |" in (out / "generate.md").read_text()


@needs_torch
def test_what_does_not_fit_is_left_out_by_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["--aero", str(stand_in(tmp_path)), "--out", str(out), "--tiny", "--seconds", "1"]
    assert bench_generate.main(command) == 0
    assert "Left out because time ran out: float32/1/AERO/1" in (out / "generate.md").read_text()


@needs_torch
def test_the_program_that_was_built_is_measured(tmp_path: Path) -> None:
    assert bench_generate.main(["--aero", str(real_aero()), "--out", str(tmp_path), "--tiny"]) == 0
    sides = generation.SIDES if importlib.util.find_spec(TRANSFORMERS) else (AERO,)
    names = {f"{case.name}/{side}/1" for case in dry_generation().cases for side in sides}
    found = measurements(tmp_path)
    assert set(found) == names and all(seconds > 0 for seconds in found.values())


def test_texts_fit_into_the_context() -> None:
    for work in (full_generation(2), dry_generation()):
        assert len(work.prompt) + work.tokens <= work.model.context
        assert max(work.prompt) < work.model.vocab_size
