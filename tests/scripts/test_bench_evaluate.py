"""Tests scripts/bench/evaluate.py with runs of known times, and a dry run of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aero.commands import bench_evaluate
from gpu_programs import needs_torch, real_aero

# A step of 2 x 8 tokens takes 0.5 s, the first two 9 s; an evaluation of 48 tokens takes 0.5 s.
STAND_IN = """#!{python}
import json, pathlib, sys
with open(pathlib.Path(__file__).with_name("calls"), "a") as calls:
    calls.write(sys.argv[1] + "\\n")
if sys.argv[1] == "doctor":
    print("LibTorch  9.8.7")
if sys.argv[1] == "train":
    run = pathlib.Path(json.loads(pathlib.Path(sys.argv[2]).read_text())["run"]["folder"])
    run.mkdir()
    lines = [{{"step": n, "loss": 1.0, "seconds": s}} for n, s in enumerate((9.0, 9.0, 0.5), 1)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in lines))
if sys.argv[1] == "eval":
    print(json.dumps({{"tokens": 48, "seconds": 0.5}}))
"""


def stand_in(folder: Path) -> Path:
    binary = folder / "aero"
    binary.write_text(STAND_IN.format(python=sys.executable))
    binary.chmod(0o755)
    return binary


@needs_torch
def test_rates_follow_from_the_times(tmp_path: Path) -> None:
    aero, out = stand_in(tmp_path), tmp_path / "out"
    command = ["--aero", str(aero), "--out", str(out), "--tiny"]
    assert bench_evaluate.main(command) == 0
    table = (out / "evaluate.md").read_text()
    assert "| float32 | 32 | 96 | 3.00 |" in table and "| bfloat16 | 32 | 96 | 3.00 |" in table
    assert bench_evaluate.main(command) == 0
    calls = aero.with_name("calls").read_text().split()
    assert calls.count("train") == calls.count("eval") == 2


@needs_torch
def test_what_does_not_fit_is_left_out_by_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["--aero", str(stand_in(tmp_path)), "--out", str(out), "--tiny", "--seconds", "1"]
    assert bench_evaluate.main(command) == 0
    assert "Left out because time ran out: float32/1, bfloat16/1." in (
        (out / "evaluate.md").read_text()
    )


@needs_torch
def test_the_program_that_was_built_is_measured(tmp_path: Path) -> None:
    assert bench_evaluate.main(["--aero", str(real_aero()), "--out", str(tmp_path), "--tiny"]) == 0
    found = json.loads((tmp_path / "evaluate.json").read_text())["measurements"]
    assert set(found) == {"float32/1", "bfloat16/1"}
    assert all(rate > 0 for rates in found.values() for rate in rates.values())
