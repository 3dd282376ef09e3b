"""Tests what a sweep does where others work in it, its disk is full or its runs fail."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from program import call, read_metrics, stopped
from sweeps import RUNS, children_of, make_sweep, start, table, wait_for_step


def test_a_second_process_on_a_sweep_is_refused_with_the_name_of_the_first(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    first = start(aero, "ablate", sweep)
    wait_for_step(first, tmp_path / "runs" / RUNS[0], 1)
    with stopped(first.pid):
        second = call(aero, "ablate", sweep)
        assert second.returncode == 2
        assert f"process {first.pid} on host {socket.gethostname()}" in second.stderr
        assert str(tmp_path / "runs") in second.stderr
        for harmless in ("--list", "--collect"):
            assert call(aero, "ablate", sweep, harmless).returncode == 0
    first.communicate()
    assert first.returncode == 0
    assert table(tmp_path) == table(whole)


def test_a_run_that_another_sweep_trains_is_left_out_by_name(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**json.loads(sweep.read_text()), "runs": ["SM"], "seeds": [2]}))
    (tmp_path / "runs/SM/seed-2").mkdir(parents=True)
    lock = tmp_path / "runs/SM/seed-2/lock"
    with subprocess.Popen(
        ["flock", str(lock), "-c", f"echo 4711 1 {socket.gethostname()} > {lock}; sleep 60"],
        start_new_session=True,
    ) as trainer:
        while not (lock.exists() and lock.read_text()):
            time.sleep(0.001)
        result = call(aero, "ablate", other)
        os.killpg(trainer.pid, signal.SIGKILL)
    assert result.returncode == 1
    folder = tmp_path / "runs/SM/seed-2"
    name = f"process 4711 on host {socket.gethostname()}"
    assert f"SM seed 2: left out, {name} trains in {folder}" in result.stderr
    # The entry of a process that is gone, or on another host, does not lock the folder.
    lock.write_text("4711 1 elsewhere\n")
    assert call(aero, "ablate", sweep).returncode == 0
    assert table(tmp_path) == table(whole)


def test_no_other_process_can_train_a_run_of_a_sweep(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    run = tmp_path / "runs" / RUNS[0]
    process = start(aero, "ablate", sweep)
    wait_for_step(process, run, 1)
    (child,) = children_of(process)
    with stopped(child):
        refused = call(aero, "train", run / "config.json", "--resume")
    process.communicate()
    assert refused.returncode == 2
    assert f"process {child} on host {socket.gethostname()}" in refused.stderr
    assert process.returncode == 0
    assert table(tmp_path) == table(whole)


def test_a_run_that_is_trained_alone_is_left_out_by_name(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    run = tmp_path / "runs" / RUNS[0]
    shutil.copytree(whole / "runs" / RUNS[0], run)
    for path in run.iterdir():
        if path.name != "config.json":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    config = json.loads((run / "config.json").read_text())
    config["run"]["folder"] = str(run)
    (tmp_path / "run.json").write_text(json.dumps(config))
    (run / "config.json").unlink()
    trainer = subprocess.Popen(
        [aero, "train", str(tmp_path / "run.json"), "-q"], stderr=subprocess.PIPE, text=True
    )
    wait_for_step(trainer, run, 1)
    with stopped(trainer.pid):
        result = call(aero, "ablate", sweep)
    trainer.communicate()
    assert result.returncode == 1
    name = f"process {trainer.pid} on host {socket.gethostname()}"
    assert f"SM+LN+G seed 1: left out, {name} trains in {run}" in result.stderr
    assert trainer.returncode == 0
    assert call(aero, "ablate", sweep).returncode == 0
    assert table(tmp_path) == table(whole)


def test_a_sweep_whose_process_died_is_free(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/.lock.norms.1-of-1").write_text(f"{os.getpid()} 1 {socket.gethostname()}\n")
    assert call(aero, "ablate", sweep).returncode == 0
    assert table(tmp_path) == table(whole)


LAST = "checkpoints/step-00000020"


@pytest.mark.parametrize(
    "missing",
    [
        "",
        "weights.safetensors",
        "finish",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("optimizer.safetensors", "state.json", "config.json")
        ),
    ],
)
def test_a_run_that_recorded_its_end_without_a_state_is_trained_again(
    aero: str, corpus: Path, whole: Path, tmp_path: Path, missing: str
) -> None:
    """A crash can lose the last state, or the line that ends the metrics."""
    sweep = make_sweep(tmp_path, corpus)
    assert call(aero, "ablate", sweep).returncode == 0
    run = tmp_path / "runs" / RUNS[1]
    if missing == "finish":
        lines = (run / "metrics.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["event"] == "finish"
        (run / "metrics.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    else:
        for file in (run / LAST).glob("*") if missing == "" else [run / LAST / missing]:
            file.unlink()
    listed = call(aero, "ablate", sweep, "--list").stdout
    assert listed.count("unfinished, step 20") == 1
    result = call(aero, "ablate", sweep)
    assert result.returncode == 0, result.stderr
    assert "[2/4] SM seed 1: goes on from step 20" in result.stderr or (
        "[2/4] SM seed 1: goes on from step 15: its last state is not whole" in result.stderr
    )
    assert table(tmp_path) == table(whole)
    assert call(aero, "eval", run).returncode == 0


def test_a_run_that_continues_says_from_which_step(aero: str, corpus: Path, tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, corpus, runs=["SM"], seeds=[1])
    process = start(aero, "ablate", sweep)
    run = tmp_path / "runs/SM/seed-1"
    wait_for_step(process, run, 11)  # the save at step 10 waits for the one at step 5
    process.kill()
    process.communicate()
    saved = max(int(path.name[5:]) for path in (run / "checkpoints").glob("step-*"))
    steps = max(line["step"] for line in read_metrics(run))
    log = call(aero, "ablate", sweep).stderr
    text = f"SM seed 1: goes on from step {saved}"
    if steps > saved:
        text += f", the last saved; it had come to step {steps}"
    assert text + "\n" in log


def test_a_full_disk_does_not_end_a_sweep_that_can_continue(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    (tmp_path / "runs/norms.csv/in the way").mkdir(parents=True)
    result = call(aero, "ablate", sweep)
    assert result.returncode == 1
    assert result.stderr.count("starts") == 4
    assert f"error: cannot write '{tmp_path / 'runs/norms.csv'}'" in result.stderr
    assert result.stdout == (whole / "stdout").read_text()
    assert table(tmp_path) == table(whole)


def test_a_full_disk_is_reported_and_the_table_is_printed(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path, corpus)
    assert call(aero, "ablate", sweep).returncode == 0

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

    for mode in ([], ["--collect"]):
        result = subprocess.run(
            [aero, "ablate", str(sweep), *mode],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=fill,
        )
        assert result.returncode == 1
        for ending in ("md", "csv", "json"):
            assert f"cannot write '{tmp_path / 'runs/norms.'}{ending}'" in result.stderr
        assert result.stdout == (whole / "stdout").read_text()
    assert table(tmp_path) == table(whole)


def test_requested_costs_have_tables_of_their_own(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    cost = {"cost": "spu_0.9.5_default_colocated", "network": "wan"}
    sweep = make_sweep(tmp_path, corpus, folder=str(whole / "runs"), name="priced", **cost)
    runs = whole / "runs"
    assert call(aero, "ablate", sweep, "--collect").returncode == 0
    own = (runs / "priced.json").read_text()
    assert json.loads(own)["members"][0]["pi"]["network"] == "wan"

    refused = call(aero, "ablate", sweep, "--collect", "--cost", "aero_papers")
    assert refused.returncode == 2  # it has no rounds to send over the sweep's network
    assert "network" in refused.stderr
    result = call(aero, "ablate", sweep, "--collect", "--cost", "aero_papers", "--network", "none")
    assert result.returncode == 0, result.stderr
    assert "Charged by aero_papers: " in result.stdout
    assert (runs / "priced.json").read_text() == own
    other = json.loads((runs / "priced.aero_papers.json").read_text())
    assert other["members"][0]["pi"]["cost_model"] == "aero_papers"

    result = call(aero, "ablate", sweep, "--collect", "--cost", "spu_0.9.5_fast_shared")
    assert "Charged by spu_0.9.5_fast_shared, network wan: " in result.stdout
    assert (runs / "priced.spu_0.9.5_fast_shared.wan.csv").exists()
    assert (runs / "priced.json").read_text() == own


def test_a_warm_up_longer_than_a_run_is_refused_before_the_first_run(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    """An epoch of the corpus is 249 samples of 16 tokens, at 8 a step 31 steps."""
    runs = ["SM+G", {"name": "slow", "set": {"model.architecture": "SM", "schedule.warmup": "40"}}]
    sweep = make_sweep(tmp_path, corpus, runs=runs, set={"train.duration": "1e"})
    result = call(aero, "ablate", sweep)
    assert result.returncode == 2
    assert 'norms.json: runs: "slow": schedule.warmup: "40": its 40 steps are more' in result.stderr
    assert 'than the 31 of the training, train.duration = "1e"' in result.stderr
    assert "SM+G" not in result.stderr
    assert not (tmp_path / "runs").exists()


def test_the_latex_table_is_a_tabular(aero: str, whole: Path) -> None:
    result = call(aero, "ablate", whole / "norms.json", "--collect", "--format", "latex")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    begin, end = lines.index("\\toprule"), lines.index("\\end{tabular}")
    assert lines[begin - 1] == "\\begin{tabular}{llrrrrrrllr}"
    rows = [line for line in lines[begin:end] if line.endswith(r" \\")]
    assert len(rows) == 3
    assert {row.count(" & ") for row in rows} == {10}
    assert r"SM: 4 x $\mathbb{R}^{16\times 16}$" in result.stdout
    assert all(line.startswith("% ") for line in lines[end + 1 :])


def test_a_member_that_diverges_is_a_result(aero: str, corpus: Path, tmp_path: Path) -> None:
    runs = ["SM+LN+G", {"name": "wild", "set": {"optimizer.lr": 1e30, "schedule.warmup": "0"}}]
    sweep = make_sweep(tmp_path, corpus, runs=runs, seeds=[1])
    result = call(aero, "ablate", sweep)
    assert result.returncode == 0, result.stderr
    member = table(tmp_path)["members"][1]
    (run,) = member["runs"]
    (event,) = [
        line
        for line in read_metrics(tmp_path / "runs/wild/seed-1")
        if line.get("event") == "nonfinite"
    ]
    assert run["state"] == "nonfinite"
    assert run["nonfinite"] == {
        key: event[key] for key in ("step", "quantity", "layer", "parameter")
    }
    assert member["perplexity"].pop("measured_on")["data.path"] == str(corpus)
    assert member["perplexity"] == {
        "mean": None,
        "std": None,
        "n": 0,
        "change_percent": None,
        "difference": {"mean": None, "margin": None, "n": 0, "level": None},
    }
    assert f"seed 1: step {event['step']}, " in result.stdout
    again = call(aero, "ablate", sweep)
    assert again.returncode == 0
    assert f"wild seed 1: not finite: step {event['step']}" in again.stderr
    assert "starts" not in again.stderr


def test_a_member_that_cannot_be_trained_does_not_stop_the_others(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    runs = [{"name": "lost", "set": {"data.path": str(tmp_path / "nowhere")}}, "SM"]
    result = call(aero, "ablate", make_sweep(tmp_path, corpus, runs=runs, seeds=[1]))
    assert result.returncode == 1
    assert "[1/2] lost seed 1: failed: exit code" in result.stderr
    assert str(tmp_path / "nowhere") in result.stderr
    states = [member["runs"][0]["state"] for member in table(tmp_path)["members"]]
    assert states == ["unfinished", "finished"]


def test_a_folder_of_another_run_is_refused_before_anything_runs(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(
        tmp_path, corpus, folder=str(whole / "runs"), set={"model.d_model": 32}, seeds=[3, 2]
    )
    result = call(aero, "ablate", sweep)
    assert result.returncode == 2
    assert str(whole / "runs/SM+LN+G/seed-2/config.json") in result.stderr
    assert "model.d_model is 16 there and 32 here" in result.stderr
    assert not (whole / "runs/SM+LN+G/seed-3").exists()


def test_a_sweeps_faults_are_reported_at_once(aero: str, corpus: Path, tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, corpus, runs=["SM+X", "SM"], set={"train.clip": "one"})
    result = call(aero, "ablate", sweep)
    assert result.returncode == 2
    assert 'norms.json: runs: "SM+X": model.architecture: SM+X: ' in result.stderr
    assert "norms.json: set: train.clip: one: " in result.stderr
    assert call(aero, "ablate", sweep, "--shard", "3/2").returncode == 2
    assert not (tmp_path / "runs").exists()
