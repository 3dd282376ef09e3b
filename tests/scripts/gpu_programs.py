"""Provides AERO's binary, and a stand-in for it whose times are known."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="results name the version of PyTorch"
)

# Steps take 0.5 s, 0.6 s under EReg, twice as long at T = 32, a quarter with CUDA graphs,
# times AERO_SLOWER, and the first one 100 s; they do 1 GFLOP, under EReg 2. What AERO_DIVERGES
# names ends with a NaN at step 2, what AERO_FAILS names with an error; a probe takes
# AERO_PROBE_TAKES seconds. Each call is a line of `calls`, its warm-up one of `warmups`.
STAND_IN = """#!{python}
import json, os, pathlib, sys, time
if sys.argv[1] == "doctor":
    print("LibTorch  9.8.7\\nmatrix products of 2048 on the CPU:\\n  bfloat16   8 GFLOP/s")
    sys.exit()
settings, graphs = {{}}, False
if "--set" in sys.argv:
    words = iter(sys.argv)
    settings = dict(next(words).split("=", 1) for word in words if word == "--set")
    get = settings.get
else:
    config = json.loads(pathlib.Path(sys.argv[2]).read_text())
    get = lambda key: config[key.split(".")[0]][key.split(".")[1]]
    graphs = config["train"].get("cuda_graphs", False)
architecture, context = get("model.architecture"), int(get("model.context"))
run, steps = pathlib.Path(get("run.folder")), int(get("train.duration"))
with open(pathlib.Path(__file__).with_name("calls"), "a") as calls:
    calls.write(f"{{architecture}} {{context}} {{steps}} {{run.name}}\\n")
if "schedule.warmup" in settings:
    with open(pathlib.Path(__file__).with_name("warmups"), "a") as warmups:
        warmups.write(settings["schedule.warmup"] + "\\n")
if run.name == "probe":
    time.sleep(float(os.environ.get("AERO_PROBE_TAKES", 0)))
assert sys.argv[1] == "train" and (pathlib.Path(get("data.path")) / "manifest.json").is_file()
if architecture == os.environ.get("AERO_FAILS"):
    sys.exit("no room")
run.mkdir(parents=True)
diverges = architecture == os.environ.get("AERO_DIVERGES") and run.name != "probe"
flops = 2e9 if architecture.startswith("EReg") else 1e9
(run / "report.json").write_text(json.dumps({{"training": {{"flops_per_step": flops}}}}))
lines = []
for step in range(1, (2 if diverges else steps) + 1):
    seconds = (0.6 if architecture.startswith("EReg") else 0.5) * (2 if context == 32 else 1)
    seconds *= 0.25 if graphs else 1
    seconds *= float(os.environ.get("AERO_SLOWER", 1))
    lines.append({{"step": step, "loss": 1.0, "seconds": 100.0 if step == 1 else seconds}})
if diverges:
    lines[-1]["loss"] = None
    lines.append({{"event": "nonfinite", "step": 2, "quantity": "loss", "layer": 3}})
else:
    lines.append({{"event": "evaluation", "step": steps, "loss": 2.0}})
(run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in lines))
sys.exit(1 if diverges else 0)
"""


def stand_in(folder: Path) -> Path:
    """Returns the stand-in."""
    binary = folder / "aero"
    binary.write_text(STAND_IN.format(python=sys.executable))
    binary.chmod(0o755)
    return binary


def calls(binary: Path) -> list[str]:
    """Returns the calls of a stand-in's `train`, in their order."""
    file = binary.with_name("calls")
    return file.read_text().splitlines() if file.exists() else []


def real_aero() -> Path:
    """Returns the program that was built, where there is one."""
    binary = Path(os.environ.get("AERO_PROGRAM", ROOT / "build" / "release" / "bin" / "aero"))
    if not binary.is_file():
        pytest.skip(f"{binary} is not built")
    return binary
