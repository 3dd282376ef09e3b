"""Tests scripts/bench/steps.py with steps of known times."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aero.benchmark import step_turns
from aero.benchmark.cpu_scenes import MEMORY, SCENES, dry_catalogue, full_catalogue
from aero.benchmark.pytorch_side import PyTorchTurn
from aero.benchmark.pytorch_task import PyTorchTask
from aero.benchmark.step_report import Results
from aero.benchmark.step_scenes import AERO
from aero.commands import bench_steps
from aero.core.places import ROOT
from gpu_programs import needs_torch, stand_in


def of_known_times(task: PyTorchTask, folder: Path, limit: float) -> PyTorchTurn:
    """Fakes steps of 1.5 s the authors' way, 0.75 s compiled and else 1 s, in 2 GB and 1 GB for
    each batch of 8.
    """
    seconds = 1.5 if task.authors else 0.75 if task.backend else 1.0
    peak = (2 + task.setting.batch_size // 8) * 10**9
    return PyTorchTurn([50.0] + [seconds] * (task.setting.steps - 1), peak, 8e9)


def goals(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "benchmark.json").read_text())["summary"]["goals"]
    return {goal["text"]: goal["measured"] for goal in found}


@needs_torch
def test_goals_follow_from_the_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_turns, "pytorch_turn", of_known_times)
    aero, out = stand_in(tmp_path), tmp_path / "out"
    assert bench_steps.main(["--aero", str(aero), "--out", str(out), "--tiny"]) == 0
    found = goals(out)
    # AERO takes 0.5 s, under EReg 0.6 s, at T = 32 twice as long; a step has 1 GFLOP.
    assert found["SM+LN+G: speed over torch.compile's"] == pytest.approx(0.75 / 0.5)
    assert found["SM+LN+G: over the authors' way"] == pytest.approx(1.5 / 0.5)
    assert found["SM+LN+G in float32: over the authors' way"] == pytest.approx(1.5 / 0.5)
    assert found["SM+LN+G: share of the measured GEMM rate"] == pytest.approx(1 / 0.5 / 8)
    assert found["SM+ScFuFFN: over the authors' way"] == pytest.approx(1.5 / 0.5)
    assert found["EReg: over the authors' way"] == pytest.approx(1.5 / 0.6)
    assert found["EReg: time over that without"] == pytest.approx(0.6 / 0.5)
    assert found["EReg, longer: over the authors' way"] == pytest.approx(1.5 / 1.2)
    assert found["tiny: speed over PyTorch eager's"] == pytest.approx(1 / 0.5)
    assert 0 < found["SM+LN+G: peak memory over the authors'"] < 1
    assert 0 < found["EReg: peak memory over the authors'"] < 1
    growth = "SM+LN+G: growth of peak memory over the authors' (B = 8, 16, 32)"
    assert abs(found[growth]) < 0.1  # the stand-in's memory does not depend on the batch
    assert 0 < found["SM+LN+G: peak memory, GB"] < 2
    assert "| tiny: speed over torch.compile's | at least 2.5 | 1.500 | no |" in (
        (out / "benchmark.md").read_text()
    )


def test_growth_is_the_slope_of_peak_memory_over_tokens() -> None:
    catalogue = dry_catalogue()
    peaks = {"gpt2": 3.0, "batch16": 5.0, "batch32": 6.0}  # 8 tokens a sequence
    turns = {
        f"{scene}/{AERO}/1": {"seconds": [1.0], "peak_bytes": peak} for scene, peak in peaks.items()
    }
    # Tokens deviate from their mean by -256/3, -64/3 and 320/3, bytes by -5/3, 1/3 and 4/3.
    slope = (256 * 5 - 64 * 1 + 320 * 4) / (256**2 + 64**2 + 320**2)
    found = Results(catalogue.scenes, turns).memory_growth(tuple(peaks), AERO)
    assert found == pytest.approx(slope)
    del turns[f"batch16/{AERO}/1"]
    assert Results(catalogue.scenes, turns).memory_growth(tuple(peaks), AERO) is None


def test_every_scene_can_be_asked_for_by_name() -> None:
    for catalogue in (full_catalogue(2), dry_catalogue()):
        assert tuple(scene.name for scene in catalogue.scenes) == SCENES


def test_a_median_is_of_at_least_seven_steps() -> None:
    for scene in [each for each in full_catalogue(2).scenes if each.name not in MEMORY]:
        assert scene.rounds * (scene.setting.steps - scene.warmup) >= 7


def test_run_explains_itself() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench" / "run.sh", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "less than 30 minutes" in done.stdout
