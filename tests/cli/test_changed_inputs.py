"""Tests that a change to the files of a run is reported, and that nothing is mixed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from program import VOCABULARY, call, make_config, make_corpus, read_metrics, write_tokens

LONG = {"duration": 1_000_000}


def wait_for(process: subprocess.Popen[str], is_there: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_there():
        assert process.poll() is None and time.monotonic() < end, process.communicate()[1]
        time.sleep(0.005)


@pytest.fixture
def own_corpus(tmp_path: Path) -> Path:
    """Makes a corpus that the test may change."""
    return make_corpus(tmp_path / "corpus")


def change(corpus: Path, split: str) -> None:
    """Replaces a split by as many other tokens."""
    count = 4000 if split == "train" else 600
    write_tokens(corpus / f"{split}-00000.tok", [i % VOCABULARY for i in range(count)])


def test_a_run_whose_folder_was_moved_ends_and_does_not_touch_the_next_one(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, train=LONG, checkpoint={"every": 20})
    command = [aero, "train", str(config), "-q"]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_for(first, (run / "checkpoints/step-00000020").exists)
    run.rename(tmp_path / "moved")
    second = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    _, messages = first.communicate(timeout=60)
    assert first.returncode == 1
    assert f"{run}: is no longer the folder of this run" in messages
    wait_for(second, (run / "checkpoints/step-00000020").exists)
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=60)
    assert second.returncode == 143
    steps = [line["step"] for line in read_metrics(run) if "loss" in line and "event" not in line]
    assert steps == list(range(1, len(steps) + 1))
    assert [line for line in read_metrics(run) if line.get("event") == "finish"] == [
        {"event": "finish", "step": steps[-1], "outcome": "terminated"}
    ]


def has_begun(run: Path) -> bool:
    return (run / "metrics.jsonl").exists() and read_metrics(run) != []


def test_a_sweep_and_its_runs_save_when_all_get_a_signal(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    make_config(tmp_path / "base.json", corpus, tmp_path / "unused", train=LONG)
    sweep = tmp_path / "sweep.json"
    names = ["SM+LN+G", "SM"]
    sweep.write_text(
        json.dumps({"base": "base.json", "folder": str(tmp_path / "s"), "runs": names})
    )
    runs = [tmp_path / "s" / name / "seed-3" for name in names]
    parent = subprocess.Popen(
        [aero, "ablate", str(sweep), "--jobs", "2", "-q"], stderr=subprocess.PIPE, text=True
    )
    for run in runs:
        wait_for(parent, partial(has_begun, run))
    listed = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
    for process in [parent.pid, *map(int, listed.split())]:
        with contextlib.suppress(ProcessLookupError):  # the sweep may have ended it already
            os.kill(process, signal.SIGTERM)
    parent.communicate(timeout=60)
    assert parent.returncode == 143
    for run in runs:
        finish = read_metrics(run)[-1]
        assert finish["event"] == "finish" and finish["outcome"] == "terminated"
        assert (run / f"checkpoints/step-{finish['step']:08d}/weights.safetensors").exists()


def test_a_resume_on_another_validation_split_is_refused(
    aero: str, own_corpus: Path, tmp_path: Path
) -> None:
    config = make_config(tmp_path / "run.json", own_corpus, tmp_path / "run")
    assert call(aero, "train", config, "-q").returncode == 0
    before = (tmp_path / "run/metrics.jsonl").read_bytes()
    change(own_corpus, "val")
    refused = call(aero, "train", config, "-q", "--resume", "--set", "train.duration=100")
    assert refused.returncode == 2
    assert "data.path" in refused.stderr and "validation split" in refused.stderr
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == before


def test_a_sweep_does_not_mix_runs_on_two_validation_splits(
    aero: str, own_corpus: Path, tmp_path: Path
) -> None:
    make_config(tmp_path / "base.json", own_corpus, tmp_path / "unused")
    sweep = tmp_path / "sweep.json"
    keys = {"base": "base.json", "folder": str(tmp_path / "s"), "runs": ["SM+LN+G", "SM"]}
    sweep.write_text(json.dumps(keys))
    assert call(aero, "ablate", sweep, "-q", "--shard", "1/2").returncode == 0
    change(own_corpus, "val")
    refused = call(aero, "ablate", sweep, "-q")
    assert refused.returncode == 2 and "was evaluated on other data" in refused.stderr


def test_a_sweep_does_not_mix_runs_that_began_with_other_weights(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    config = make_config(tmp_path / "source.json", corpus, source)
    assert call(aero, "train", config, "-q").returncode == 0
    make_config(tmp_path / "base.json", corpus, tmp_path / "unused")
    sweep = tmp_path / "sweep.json"
    keys = {
        "base": "base.json",
        "folder": str(tmp_path / "s"),
        "set": {"train.warm_start": str(source)},
        "runs": [{"name": "a", "set": {"train.clip": 1}}, {"name": "b", "set": {"train.clip": 2}}],
    }
    sweep.write_text(json.dumps(keys))
    assert call(aero, "ablate", sweep, "-q", "--shard", "1/2").returncode == 0
    shutil.rmtree(source)
    assert call(aero, "train", config, "-q", "--set", "seed=8").returncode == 0
    refused = call(aero, "ablate", sweep, "-q")
    assert refused.returncode == 2 and f"began with other weights than {source}" in refused.stderr


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors"])
def test_a_run_with_a_damaged_checkpoint_goes_on_from_the_one_before(
    aero: str, corpus: Path, tmp_path: Path, name: str
) -> None:
    """It ends with the bits of a run that nothing disturbed."""
    run = tmp_path / "run"
    config = make_config(
        tmp_path / "run.json", corpus, run, checkpoint={"every": 20, "keep_last": 9}
    )
    assert call(aero, "train", config, "-q").returncode == 0
    shutil.copytree(run, tmp_path / "undisturbed")
    early, late = sorted((run / "checkpoints").glob("step-*"))[-2:]
    content = bytearray((late / name).read_bytes())
    content[-9] ^= 1
    (late / name).write_bytes(content)
    if name.startswith("weights"):
        assert call(aero, "eval", late).returncode == 1
    resumed = call(aero, "train", config, "-q", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert f"warning: '{late / name}' is damaged, or of another checkpoint" in resumed.stderr
    kept = late.with_name(f"damaged-{late.name}")
    step = int(early.name[5:])
    assert f"is kept as {kept}, and the run goes on from step {step}" in resumed.stderr
    assert (kept / name).read_bytes() == content
    for file in ("weights.safetensors", "optimizer.safetensors", "state.json"):
        expected = (tmp_path / "undisturbed/checkpoints" / late.name / file).read_bytes()
        assert (late / file).read_bytes() == expected
    steps = [line["step"] for line in read_metrics(run) if "grad_norm" in line]
    assert steps == list(range(1, int(late.name[5:]) + 1))


def test_a_damaged_best_checkpoint_ends_no_run(aero: str, corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = make_config(
        tmp_path / "run.json", corpus, run, checkpoint={"every": 20, "keep_last": 9}
    )
    assert call(aero, "train", config, "-q").returncode == 0
    early = min((run / "checkpoints").glob("step-*"))
    (run / "checkpoints/best").write_text(early.name + "\n")
    (early / "state.json").write_text("{")
    resumed = call(aero, "train", config, "-q", "--resume", "--set", "train.duration=100")
    assert resumed.returncode == 0, resumed.stderr
    assert f"{early / 'state.json'}" in resumed.stderr
    assert "the search for the best checkpoint starts anew" in resumed.stderr
    assert (run / "checkpoints/best").read_text() != early.name + "\n"


def test_overwritten_tokens_end_the_run(aero: str, own_corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", own_corpus, run, train=LONG)
    process = subprocess.Popen(
        [aero, "train", str(config), "-q"], stderr=subprocess.PIPE, text=True
    )
    wait_for(process, (run / "metrics.jsonl").exists)
    change(own_corpus, "train")
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "train-00000.tok" in messages and "other tokens were written into it" in messages
    assert read_metrics(run)[-1]["outcome"] == "failed"


def test_outputs_do_not_overwrite_inputs(aero: str, corpus: Path, tmp_path: Path) -> None:
    config = make_config(tmp_path / "run.json", corpus, tmp_path / "run")
    assert call(aero, "train", config, "-q").returncode == 0
    before = config.read_bytes()
    chart = call(aero, "report", config, "--cost", "aero_papers", "--svg", config)
    assert chart.returncode == 2 and "name a file that ends in .svg" in chart.stderr
    assert config.read_bytes() == before
    checkpoint = next((tmp_path / "run/checkpoints").glob("step-*"))
    kept = {path: path.read_bytes() for path in checkpoint.iterdir()}
    new = checkpoint / "logits.safetensors"
    for out in (config, new, *checkpoint.glob("*.safetensors")):
        refused = call(aero, "inspect", checkpoint, "--logits", "1,2", "--out", out)
        assert refused.returncode == 2 and str(out) in refused.stderr
    assert kept == {path: path.read_bytes() for path in checkpoint.iterdir()}
