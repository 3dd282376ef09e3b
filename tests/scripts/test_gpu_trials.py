"""The trials of scripts/gpu/trials.py find what is wrong with a program, and nothing wrong with one
that is well. The program is a stand-in whose faults are chosen.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aero_benchmark.budget import Budget
from aero_check.lab import TINY, Lab, OutOfTime, SkipTrial, TrialError
from aero_check.trials import TRIALS

STAND_IN = f"""#!{sys.executable}
import json, os, random, sys, time
from pathlib import Path

fault = os.environ.get("FAULT", "")
if sys.argv[1] == "doctor":
    print("CUDA no" if fault == "no CUDA" else "CUDA 13.0")
    print("GPU fails: why" if fault == "broken GPU" else "")
    sys.exit()
config = json.loads(Path(sys.argv[2]).read_text())
train, run = config["train"], Path(config["run"]["folder"])
if train["device"] == "cuda:99" and fault != "any device":
    print("error: train.device: cuda:99 is not there")
    sys.exit(2)
steps, on_gpu = int(train["duration"]), train["device"] != "cpu"
(run / "checkpoints/step-1").mkdir(parents=True, exist_ok=True)
metrics = run / "metrics.jsonl"
done = len(metrics.read_text().splitlines()) if "--resume" in sys.argv else 0
leak = []
with metrics.open("a") as file:
    for step in range(done, steps):
        loss = 6 * 0.9**step
        if on_gpu and fault in (train["dtype"] if "dtype" in train else "float32", "all losses"):
            loss *= 1.1
        if fault == "race" and "CUDA_LAUNCH_BLOCKING" in os.environ:
            loss *= 1.01
        if fault == "resume" and done:
            loss *= 1 + 1e-9
        if fault == "random":
            loss *= 1 + 1e-9 * random.random()
        line = {{"step": step, "loss": loss}}
        if train.get("dtype") == "float16" and fault != "no skips":
            line["skipped"] = step < 2
        if fault == "leak" and step > steps // 2:
            leak.append(bytearray(os.urandom(1)) * (100 << 20))
        file.write(json.dumps(line) + "\\n")
        file.flush()
        time.sleep(0.1 if run.name in ("killed", "memory") else 0)
weights = os.urandom(4) if fault == "weights" else b"same"
(run / "checkpoints/step-1/weights.safetensors").write_bytes(weights)
sys.exit(1 if fault == "crash" else 0)
"""

# A trial, the device that it runs on, and the faults that it must find.
FAULTS = [
    ("aero doctor", "cuda", ["no CUDA", "broken GPU"]),
    ("a run beside the CPU's", "cuda", ["float32", "bfloat16", "crash"]),
    ("CUDA_LAUNCH_BLOCKING", "cuda", ["race"]),
    ("models beside the CPU's", "cuda", ["float32", "crash"]),
    ("a warm start into spectral norm", "cuda", ["float32"]),
    ("float16 with overflows", "cuda", ["no skips", "crash"]),
    ("train.deterministic", "cuda", ["random", "resume", "weights"]),
    ("a device that is not there", "cuda", ["any device"]),
    ("memory stays flat", "cpu", ["leak", "crash"]),
]


def lab(folder: Path, device: str, seconds: float = 60) -> Lab:
    stand_in = folder / "aero"
    stand_in.write_text(STAND_IN, encoding="utf-8")
    stand_in.chmod(0o755)
    return Lab(stand_in, device, TINY, folder / "lab", Budget(seconds))


@pytest.mark.parametrize(("name", "device"), [(name, device) for name, device, _ in FAULTS])
def test_a_healthy_program_passes(tmp_path: Path, name: str, device: str) -> None:
    assert TRIALS[name](lab(tmp_path, device))


@pytest.mark.parametrize(
    ("name", "device", "fault"),
    [(name, device, fault) for name, device, faults in FAULTS for fault in faults],
)
def test_a_fault_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, device: str, fault: str
) -> None:
    monkeypatch.setenv("FAULT", fault)
    with pytest.raises(TrialError):
        TRIALS[name](lab(tmp_path, device))


def test_every_trial_but_the_sanitizer_is_told_of_faults() -> None:
    assert set(TRIALS) == {name for name, _, _ in FAULTS} | {"compute-sanitizer"}


@pytest.mark.parametrize("name", ["CUDA_LAUNCH_BLOCKING", "float16 with overflows"])
def test_what_needs_a_gpu_is_skipped_without(tmp_path: Path, name: str) -> None:
    with pytest.raises(SkipTrial):
        TRIALS[name](lab(tmp_path, "cpu"))


def test_a_trial_ends_with_its_time(tmp_path: Path) -> None:
    with pytest.raises(OutOfTime):
        TRIALS["memory stays flat"](lab(tmp_path, "cpu", seconds=0))
