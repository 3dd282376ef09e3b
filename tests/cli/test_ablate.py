"""Tests that a sweep of `aero ablate` ends in one table, however often it is interrupted."""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import time
from pathlib import Path

import pytest
from program import call, read_metrics
from sweeps import RUNS, children_of, is_alive, make_sweep, start, table, wait_for_step


def last_perplexity(run: Path) -> float:
    """Returns the last perplexity in the run's own metrics."""
    losses = [line["loss"] for line in read_metrics(run) if line.get("event") == "evaluation"]
    return math.exp(losses[-1])


def test_the_table_agrees_with_the_metrics_of_the_runs(whole: Path) -> None:
    result = table(whole)
    assert [member["name"] for member in result["members"]] == ["SM+LN+G", "SM"]
    means = []
    for member in result["members"]:
        values = [last_perplexity(whole / "runs" / member["name"] / f"seed-{s}") for s in (1, 2)]
        means.append(statistics.mean(values))
        assert member["perplexity"]["mean"] == pytest.approx(means[-1], rel=1e-12)
        assert member["perplexity"]["std"] == pytest.approx(statistics.stdev(values), rel=1e-9)
        for run in member["runs"]:
            assert run["state"] == "finished"
            assert run["steps"] == 20
            assert run["tokens"] == 20 * 4 * 2 * 16
            assert [step for step, _ in run["evaluations"]] == [10, 20]
    change = result["members"][1]["perplexity"]["change_percent"]
    assert change == pytest.approx(100 * (means[1] / means[0] - 1), rel=1e-9)


def test_the_table_is_printed_and_written(whole: Path) -> None:
    printed = (whole / "stdout").read_text()
    assert printed == (whole / "runs/norms.md").read_text()
    assert "SM: 4 x R^{16x16}" in printed
    assert (whole / "runs/norms.csv").read_text().count("\n") == 3


def test_a_line_reports_each_start_and_end(whole: Path) -> None:
    log = (whole / "stderr").read_text()
    for number, run in enumerate(RUNS, 1):
        member, seed = run.split("/seed-")
        label = f"[{number}/4] {member} seed {seed}: "
        assert label + "starts" in log
        perplexity = last_perplexity(whole / "runs" / run)
        assert f"{label}done, perplexity {perplexity:.2f}, " in log
    assert log.count("ETA") == 3


def test_a_second_call_trains_nothing(aero: str, whole: Path) -> None:
    files = [path for path in (whole / "runs").rglob("*") if path.suffix in {".txt", ".jsonl"}]
    before = {path: path.stat().st_mtime_ns for path in files}
    result = call(aero, "ablate", whole / "norms.json")
    assert result.returncode == 0
    assert result.stdout == (whole / "stdout").read_text()
    assert result.stderr.count("was done") == 4
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_list_prints_the_states_and_trains_nothing(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    assert call(aero, "ablate", whole / "norms.json", "--list").stdout.count("finished,") == 4
    result = call(aero, "ablate", make_sweep(tmp_path, corpus), "--list")
    assert result.returncode == 0
    assert result.stdout.count("not begun") == 4
    assert not (tmp_path / "runs").exists()


def test_another_sweep_adopts_the_runs_in_its_folder(aero: str, corpus: Path, whole: Path) -> None:
    runs = ["SM", "SM+G"]
    make_sweep(whole, corpus)
    other = whole / "other.json"
    keys = {"base": "base.json", "folder": str(whole / "runs"), "runs": runs, "seeds": [1]}
    other.write_text(json.dumps(keys))
    result = call(aero, "ablate", other)
    assert result.returncode == 0
    assert "[1/2] SM seed 1: was done" in result.stderr
    assert "[2/2] SM+G seed 1: starts" in result.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_killed_sweep_ends_in_the_same_table(
    aero: str, corpus: Path, whole: Path, tmp_path: Path, jobs: str
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    for run in (RUNS[0], RUNS[2]):
        process = start(aero, "ablate", sweep, "--jobs", jobs)
        wait_for_step(process, tmp_path / "runs" / run, 7)
        process.kill()
        process.communicate()
    result = call(aero, "ablate", sweep, "--jobs", jobs)
    assert result.returncode == 0, result.stderr
    assert "left out" not in result.stderr
    assert table(tmp_path) == table(whole)


def test_a_killed_sweep_leaves_no_run_behind(aero: str, corpus: Path, tmp_path: Path) -> None:
    # There are so many steps that no child ends by itself.
    sweep = make_sweep(tmp_path, corpus, set={"train.duration": "1000000"})
    process = start(aero, "ablate", sweep, "--jobs", "2")
    for run in RUNS[:2]:
        wait_for_step(process, tmp_path / "runs" / run, 1)
    children = children_of(process)
    assert len(children) == 2
    process.kill()
    process.communicate()
    end = time.monotonic() + 5
    while any(map(is_alive, children)) and time.monotonic() < end:
        time.sleep(0.01)
    left = [child for child in children if is_alive(child)]
    for child in left:
        os.kill(child, signal.SIGKILL)
    assert not left


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_all_runs_and_the_same_command_continues(
    aero: str, corpus: Path, whole: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    process = start(aero, "ablate", sweep, "--jobs", "2")
    for run in RUNS[:2]:
        wait_for_step(process, tmp_path / "runs" / run, 3)
    children = children_of(process)
    process.send_signal(number)
    _, log = process.communicate()
    assert process.returncode == code
    assert not any(map(is_alive, children))
    for run in RUNS[:2]:
        finish = read_metrics(tmp_path / "runs" / run)[-1]
        assert finish["event"] == "finish"
        name = f"checkpoints/step-{finish['step']:08d}/weights.safetensors"
        assert (tmp_path / "runs" / run / name).exists()
    assert "interrupted at step" in log
    assert call(aero, "ablate", sweep).returncode == 0
    assert table(tmp_path) == table(whole)


def test_shards_together_train_the_whole_sweep(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    shards = [start(aero, "ablate", sweep, "--shard", f"{i}/2") for i in (1, 2)]
    logs = [shard.communicate()[1] for shard in shards]
    assert [shard.returncode for shard in shards] == [0, 0]
    assert "[2/2] SM+LN+G seed 2: done" in logs[0] and "SM seed" not in logs[0]
    assert "[2/2] SM seed 2: done" in logs[1] and "SM+LN+G seed" not in logs[1]
    assert table(tmp_path) == table(whole)
