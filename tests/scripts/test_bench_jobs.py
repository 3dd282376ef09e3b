"""Tests scripts/bench/jobs.py with runs of known times, and a dry run of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aero.commands import bench_jobs
from gpu_programs import needs_torch, real_aero

# A step of 2 x 8 tokens takes 0.5 s with two threads and 0.8 s with one, the first two 9 s.
STAND_IN = """#!{python}
import json, pathlib, sys
if sys.argv[1] == "doctor":
    print("LibTorch  9.8.7")
if sys.argv[1] == "train":
    config = json.loads(pathlib.Path(sys.argv[2]).read_text())
    run = pathlib.Path(config["run"]["folder"])
    run.mkdir()
    last = {{1: 0.8, 2: 0.5}}[config["train"]["threads"]]
    lines = [{{"step": n, "loss": 1.0, "seconds": s}} for n, s in enumerate((9.0, 9.0, last), 1)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in lines))
"""


def stand_in(folder: Path) -> Path:
    binary = folder / "aero"
    binary.write_text(STAND_IN.format(python=sys.executable))
    binary.chmod(0o755)
    return binary


@needs_torch
def test_two_runs_have_half_of_the_threads_each(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["--aero", str(stand_in(tmp_path)), "--out", str(out), "--tiny", "--threads", "2"]
    assert bench_jobs.main(command) == 0
    table = (out / "jobs.md").read_text()
    assert "| float32 | 32 | 40 | 1.25 |" in table and "| bfloat16 | 32 | 40 | 1.25 |" in table


@needs_torch
def test_what_does_not_fit_is_left_out_by_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["--aero", str(stand_in(tmp_path)), "--out", str(out), "--tiny", "--seconds", "1"]
    assert bench_jobs.main(command) == 0
    assert "Left out because time ran out: float32/1, bfloat16/1." in (out / "jobs.md").read_text()


def test_threads_must_be_shared_evenly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench_jobs.main(["--out", str(tmp_path), "--threads", "3", "--aero", sys.executable])
    assert "--threads 3: two runs share them; give an even number" in capsys.readouterr().err


@needs_torch
def test_the_program_that_was_built_is_measured(tmp_path: Path) -> None:
    assert bench_jobs.main(["--aero", str(real_aero()), "--out", str(tmp_path), "--tiny"]) == 0
