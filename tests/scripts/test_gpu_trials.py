"""Tests that the trials of scripts/gpu/trials.py find the faults of a program, and none in one
that is well. The program is a stand-in whose faults are chosen.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aero.benchmark.budget import Budget
from aero.check.lab import TINY, Lab, OutOfTime, SkipTrial, TrialError
from aero.check.trials import TRIALS
from aero.commands.gpu import trials
from gpu_programs import needs_torch
from gpu_programs import stand_in as program

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
        if fault == "graphs" and train.get("cuda_graphs"):
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
        time.sleep(0.1 if run.name == "memory" else 0)
        if "killed" in run.name and not done and step > steps // 2 and fault != "quick":
            time.sleep(60)  # until it is killed
weights = os.urandom(4) if fault == "weights" else b"same"
if fault != "no weights":
    (run / "checkpoints/step-1/weights.safetensors").write_bytes(weights)
sys.exit(1 if fault == "crash" else 0)
"""

# As compute-sanitizer does: runs the program, then says how it was.
SANITIZER = """#!/bin/sh
shift 4
"$@" || exit
[ "$FAULT" = silent ] || echo "========= ERROR SUMMARY: 0 errors"
[ "$FAULT" != access ] || { echo "========= ERROR SUMMARY: 7 errors"; exit 99; }
"""

DIFFER = "losses differ by 1.0e-0"
CRASH = ("crash", "aero train ended with 1")
# A trial, the device that it runs on, the faults that it must find and what it says of them.
FAULTS = [
    (
        "aero doctor",
        "cuda",
        [("no CUDA", "aero doctor: no CUDA"), ("broken GPU", "GPU fails: why")],
    ),
    (
        "a run beside the CPU's",
        "cuda",
        [("float32", f"float32: {DIFFER}"), ("bfloat16", f"bfloat16: {DIFFER}"), CRASH],
    ),
    ("CUDA_LAUNCH_BLOCKING", "cuda", [("race", DIFFER)]),
    ("models beside the CPU's", "cuda", [("float32", rf"SM\+LN\+G: {DIFFER}"), CRASH]),
    ("a warm start into spectral norm", "cuda", [("float32", DIFFER)]),
    ("float16 with overflows", "cuda", [("no skips", "0 of 6 steps were skipped"), CRASH]),
    (
        "train.deterministic",
        "cuda",
        [
            ("random", "two runs' losses differ"),
            ("quick", "the run was over before it was killed"),
            ("resume", "the resumed run's losses differ"),
            ("weights", "the losses are the same, the weights are not"),
            ("no weights", "once: the run left no checkpoint with weights"),
        ],
    ),
    (
        "train.cuda_graphs",
        "cuda",
        [
            ("graphs", "the losses with graphs differ"),
            ("quick", "the run was over before it was killed"),
            ("resume", "the resumed run's losses differ"),
            ("weights", "the losses are the same, the weights are not"),
        ],
    ),
    ("a device that is not there", "cuda", [("any device", "aero train ended with 0")]),
    ("memory stays flat", "cpu", [("leak", "MiB more in the second half"), CRASH]),
    (
        "compute-sanitizer",
        "cuda",
        [
            ("silent", "printed no ERROR SUMMARY"),
            ("access", "ended with 99: ERROR SUMMARY: 7 errors"),
        ],
    ),
]


@pytest.fixture(autouse=True)
def sanitizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "bin/compute-sanitizer", SANITIZER)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def lab(folder: Path, device: str, seconds: float = 60) -> Lab:
    stand_in = executable(folder / "aero", STAND_IN)
    return Lab(stand_in, device, TINY, folder / "lab", Budget(seconds))


@pytest.mark.parametrize(("name", "device"), [(name, device) for name, device, _ in FAULTS])
def test_a_healthy_program_passes(tmp_path: Path, name: str, device: str) -> None:
    assert TRIALS[name](lab(tmp_path, device))


@pytest.mark.parametrize(
    ("name", "device", "fault", "message"),
    [(name, device, *fault) for name, device, faults in FAULTS for fault in faults],
)
def test_a_fault_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    device: str,
    fault: str,
    message: str,
) -> None:
    monkeypatch.setenv("FAULT", fault)
    with pytest.raises(TrialError, match=message):
        TRIALS[name](lab(tmp_path, device))


def test_every_trial_is_tested_with_faults() -> None:
    assert list(TRIALS) == [name for name, _, _ in FAULTS]


@pytest.mark.parametrize(
    "name",
    ["CUDA_LAUNCH_BLOCKING", "float16 with overflows", "train.cuda_graphs", "compute-sanitizer"],
)
def test_what_needs_a_gpu_is_skipped_without(tmp_path: Path, name: str) -> None:
    with pytest.raises(SkipTrial):
        TRIALS[name](lab(tmp_path, "cpu"))


def test_a_trial_ends_with_its_time(tmp_path: Path) -> None:
    with pytest.raises(OutOfTime):
        TRIALS["memory stays flat"](lab(tmp_path, "cpu", seconds=0))


Trial = Callable[[Lab], str]


def ends(outcome: str | Exception, tried: list[str], name: str) -> Trial:
    """Makes a trial that finds something, or raises it."""

    def trial(_: Lab) -> str:
        tried.append(name)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return trial


@needs_torch
def test_the_program_goes_on_with_what_has_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    outcomes: dict[str, str | Exception] = {
        "good": "a | b",
        "skipped": SkipTrial("no such thing"),
        "bad": TrialError("why"),
        "long": OutOfTime(),
        "last": "fine",
    }

    def call() -> int:
        each = {name: ends(outcome, tried, name) for name, outcome in outcomes.items()}
        monkeypatch.setattr(trials, "TRIALS", each)
        tried.clear()
        options = ["--aero", str(program(tmp_path)), "--out", str(out), "--device", "cpu"]
        return trials.main([*options, "--tiny"])

    out = tmp_path / "out"
    assert call() == 1
    assert tried == ["good", "skipped", "bad", "long"]
    assert (out / "trials.md").read_text().splitlines()[-5:] == [
        "| good | passed | a \\| b | 0 |",
        "| skipped | skipped | no such thing | 0 |",
        "| bad | failed | why | 0 |",
        "| long | not reached |  | 0 |",
        "| last | not reached |  | 0 |",
    ]
    outcomes |= {"long": "there"}
    assert call() == 1
    assert tried == ["bad", "long", "last"]
    outcomes |= {"bad": "mended"}
    assert call() == 0
    assert tried == ["bad"]
    found = json.loads((out / "trials.json").read_text())["measurements"]
    assert {name: each["found"] for name, each in found.items()} == {
        "good": "a | b",
        "skipped": "no such thing",
        "bad": "mended",
        "long": "there",
        "last": "fine",
    }
    assert call() == 0 and tried == []
