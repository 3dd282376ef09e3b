"""Tests that `aero pipeline` ends in the same decisions, however often it is interrupted."""

from __future__ import annotations

import json
import math
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from program import VOCABULARY, call, make_config, read_metrics, stopped, write_tokens
from sweeps import start, wait_for_step

STEPS = 6


def make_pipeline(place: Path, corpus: Path, **keys: Any) -> Path:
    """Writes to `place` a pipeline of 2 layers, one seed and 6 steps a run."""
    place.mkdir(exist_ok=True)
    make_config(
        place / "base.json",
        corpus,
        place / "unused",
        train={"duration": str(STEPS), "batch_size": 2, "accumulation": 1},
        eval={"every": "0"},
        entropy={"batches": 0},
        checkpoint={"every": "2", "keep_best": False},
    )
    pipeline = {
        "base": "base.json",
        "folder": str(place / "runs"),
        "seeds": [3],
        "without_activation": ["SM", "SM+ScFFN"],
        "tolerance": 0.05,
        "max_pruned": 1,
        **keys,
    }
    (place / "steps.json").write_text(json.dumps(pipeline))
    return place / "steps.json"


def result_of(place: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((place / "runs/pipeline.json").read_text())
    return result


@pytest.fixture(scope="module")
def whole(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of a finished pipeline."""
    folder = tmp_path_factory.mktemp("whole")
    result = call(aero, "pipeline", make_pipeline(folder, corpus), "--jobs", "2")
    assert result.returncode == 0, result.stderr
    (folder / "stdout").write_text(result.stdout)
    (folder / "stderr").write_text(result.stderr)
    return folder


def perplexity(run: Path) -> float:
    losses = [line["loss"] for line in read_metrics(run) if line.get("event") == "evaluation"]
    return math.exp(losses[-1])


def test_every_decision_follows_from_the_metrics_of_the_runs(whole: Path) -> None:
    result = result_of(whole)
    assert result["done"] is True
    steps = result["steps"]
    assert [step["step"] for step in steps] == [0, 1, 2, 3, 4]
    measured = [
        {
            candidate["name"]: perplexity(Path(candidate["runs"][0]["folder"]))
            for candidate in step["candidates"]
        }
        for step in steps
    ]
    assert list(measured[1]) == ["SM+G", "SM+R"]
    assert list(measured[2]) == ["SM", "SM+ScFFN"]
    for number in (0, 1, 2, 4):
        assert steps[number]["kept"] == min(measured[number], key=measured[number].__getitem__)

    fused, pruned = measured[3].values()
    assert steps[3]["kept"] == list(measured[3])[pruned <= 1.05 * fused]

    for step, values in zip(steps, measured, strict=True):
        for candidate in step["candidates"]:
            expected = values[candidate["name"]]
            assert candidate["perplexity"]["mean"] == pytest.approx(expected, rel=1e-12)
            change = 100 * (expected / measured[0]["SM+LN+G"] - 1)
            assert candidate["perplexity"]["change_percent"] == pytest.approx(change, abs=1e-9)


def test_every_model_was_trained_as_its_name_says(whole: Path) -> None:
    for run in sorted((whole / "runs").glob("*/seed-3")):
        name = run.parent.name[2:]
        report = json.loads((run / "report.json").read_text())
        assert report["model"]["architecture"] == name
        assert read_metrics(run)[-1]["step"] == STEPS


def test_the_decisions_are_printed_and_written(whole: Path) -> None:
    printed = (whole / "stdout").read_text()
    assert printed == (whole / "runs/pipeline.md").read_text()
    for step in result_of(whole)["steps"]:
        assert f"## Step {step['step']}: {step['title']}" in printed
        assert step["decision"] in printed
        assert f"kept {step['kept']}. {step['decision']}" in (whole / "stderr").read_text()


def test_a_second_call_trains_nothing(aero: str, whole: Path) -> None:
    files = [path for path in (whole / "runs").rglob("*") if path.suffix in {".txt", ".jsonl"}]
    before = {path: path.stat().st_mtime_ns for path in files}
    for arguments in ([], ["--list"]):
        result = call(aero, "pipeline", whole / "steps.json", *arguments)
        assert result.returncode == 0
        assert result.stdout == (whole / "stdout").read_text()
        assert "starts" not in result.stderr
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_a_killed_pipeline_ends_in_the_same_decisions(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    pipeline = make_pipeline(tmp_path, corpus)
    for member in ("0-SM+LN+G", "2-SM", "2-SM+ScFFN"):
        shutil.copytree(whole / "runs" / member, tmp_path / "runs" / member)
    for member in ("1-SM+R", "3-SM+ScFuFFN"):
        process = start(aero, "pipeline", pipeline, "--jobs", "2")
        wait_for_step(process, tmp_path / "runs" / member / "seed-3", 2)
        process.kill()
        process.communicate()
    result = call(aero, "pipeline", pipeline, "--jobs", "2")
    assert result.returncode == 0, result.stderr
    assert "step 1, SM+R seed 3" not in result.stderr
    assert (tmp_path / "runs/pipeline.md").read_text() == (whole / "runs/pipeline.md").read_text()


def test_a_signal_saves_the_runs_and_the_same_command_continues(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    pipeline = make_pipeline(tmp_path, corpus)
    shutil.copytree(whole / "runs/0-SM+LN+G", tmp_path / "runs/0-SM+LN+G")
    process = start(aero, "pipeline", pipeline, "--jobs", "2")
    wait_for_step(process, tmp_path / "runs/1-SM+R/seed-3", 1)
    process.send_signal(signal.SIGTERM)
    printed, log = process.communicate()
    assert process.returncode == 143
    assert "interrupted at step" in log
    assert "Not decided yet." in printed
    assert "## Summary so far" in printed


def test_a_second_process_is_refused_with_the_name_of_the_first(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    pipeline = make_pipeline(tmp_path, corpus)
    shutil.copytree(whole / "runs/0-SM+LN+G", tmp_path / "runs/0-SM+LN+G")
    (tmp_path / "runs/lock").write_text("4711 1 elsewhere\n")  # does not lock by itself
    first = start(aero, "pipeline", pipeline, "--jobs", "2")
    wait_for_step(first, tmp_path / "runs/1-SM+R/seed-3", 1)
    with stopped(first.pid):
        second = call(aero, "pipeline", pipeline)
        assert second.returncode == 2
        assert f"process {first.pid} on host {socket.gethostname()}" in second.stderr
        assert call(aero, "pipeline", pipeline, "--list").returncode == 0
    first.send_signal(signal.SIGTERM)
    first.communicate()
    assert first.returncode == 143


def test_an_unwritable_file_does_not_end_a_pipeline_that_can_continue(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    """Neither the decisions nor the evaluation of a loaded baseline can be written."""
    pipeline = make_pipeline(tmp_path, corpus, baseline=str(whole / "runs/0-SM+LN+G/seed-3"))
    for name in ("pipeline.md", "baseline.json"):
        (tmp_path / "runs" / name / "in the way").mkdir(parents=True)
    result = call(aero, "pipeline", pipeline)
    assert result.returncode == 1
    assert result_of(tmp_path)["done"] is True
    assert result.stdout.startswith("# steps\n") and "## Step 4" in result.stdout
    for name in ("pipeline.md", "baseline.json"):
        assert f"error: cannot write '{tmp_path / 'runs' / name}'" in result.stderr
        (tmp_path / "runs" / name / "in the way").rmdir()
        (tmp_path / "runs" / name).rmdir()
    again = call(aero, "pipeline", pipeline)
    assert again.returncode == 0
    assert "starts" not in again.stderr
    assert (tmp_path / "runs/pipeline.md").read_text() == again.stdout


def test_requested_costs_have_tables_of_their_own(aero: str, whole: Path) -> None:
    own = (whole / "runs/pipeline.md").read_text()
    result = call(aero, "pipeline", whole / "steps.json", "--cost", "aero_papers")
    assert result.returncode == 0
    assert "Charged by aero_papers: " in result.stdout
    assert (whole / "runs/pipeline.aero_papers.md").read_text() == result.stdout
    assert (whole / "runs/pipeline.md").read_text() == own
    candidate = json.loads((whole / "runs/pipeline.aero_papers.json").read_text())["steps"][0]
    assert candidate["candidates"][0]["pi"]["cost_model"] == "aero_papers"


def test_a_warm_up_longer_than_a_run_is_refused_before_the_first_run(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    """This includes a candidate whose turn comes late. An epoch is 249 samples, 125 steps."""
    late = {"architecture": "EReg(SM(t))", "set": {"schedule.warmup": "126"}}
    pipeline = make_pipeline(
        tmp_path, corpus, set={"train.duration": "1e"}, regularised=[late], warm_start=True
    )
    result = call(aero, "pipeline", pipeline)
    assert result.returncode == 2
    assert 'regularised: "EReg(SM(t))": schedule.warmup: "126": its 126 steps' in result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_loaded_baseline_is_evaluated_again_on_other_data(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(corpus, tmp_path / "corpus")
    loaded = whole / "runs/0-SM+LN+G/seed-3"
    pipeline = make_pipeline(tmp_path, own, without_activation=["SM"], baseline=str(loaded))
    assert call(aero, "pipeline", pipeline).returncode == 0
    before = json.loads((tmp_path / "runs/baseline.json").read_text())["loss"]
    write_tokens(own / "val-00000.tok", [i % VOCABULARY for i in range(600)])
    for folder in (tmp_path / "runs").glob("*-*"):
        shutil.rmtree(folder)
    assert call(aero, "pipeline", pipeline).returncode == 0
    after = json.loads((tmp_path / "runs/baseline.json").read_text())["loss"]
    printed = json.loads(call(aero, "eval", loaded, "--data", own, "--json").stdout)
    assert after == pytest.approx(printed["loss"], rel=1e-6) != before


def test_a_warm_start_continues_the_model_kept_before(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    loaded = whole / "runs/0-SM+LN+G/seed-3"
    pipeline = make_pipeline(
        tmp_path,
        corpus,
        warm_start=True,
        baseline=str(loaded),
        max_pruned=0,
        without_norm=["SM+R"],
        without_activation=["SM+ScFFN"],
        regularised=[],
    )
    result = call(aero, "pipeline", pipeline, "--jobs", "2")
    assert result.returncode == 0, result.stderr
    runs = tmp_path / "runs"
    assert not list(runs.glob("0-*"))
    sources = {
        path.parent.parent.name: json.loads(path.read_text())["train"]["warm_start"]
        for path in runs.glob("*/seed-3/config.json")
    }
    assert sources == {
        "1-SM+R": str(loaded),
        "2-SM+ScFFN": str(runs / "1-SM+R/seed-3"),
        "3-SM+ScFuFFN": str(runs / "2-SM+ScFFN/seed-3"),
    }
    # A loaded baseline is evaluated as it was while it trained.
    (baseline,) = result_of(tmp_path)["steps"][0]["candidates"]
    assert baseline["perplexity"]["mean"] == pytest.approx(perplexity(loaded), rel=1e-6)
    again = call(aero, "pipeline", pipeline)
    assert again.returncode == 0
    assert "starts" not in again.stderr


def test_other_settings_of_a_run_are_refused(aero: str, whole: Path) -> None:
    result = call(aero, "pipeline", whole / "steps.json", "--set", "optimizer.lr=0.5")
    assert result.returncode == 2
    assert "optimizer.lr is 0.001 there and 0.5 here" in result.stderr


def test_the_error_for_a_step_without_a_finite_candidate_names_them(
    aero: str, corpus: Path, whole: Path, tmp_path: Path
) -> None:
    wild = {"optimizer.lr": 1e30, "schedule.warmup": "0"}
    pipeline = make_pipeline(
        tmp_path, corpus, without_norm=[{"architecture": "SM+R", "name": "wild", "set": wild}]
    )
    shutil.copytree(whole / "runs/0-SM+LN+G", tmp_path / "runs/0-SM+LN+G")
    result = call(aero, "pipeline", pipeline)
    assert result.returncode == 1
    assert "step 1, LayerNorm removed: no candidate stayed finite: wild" in result.stderr
    assert "Kept: none" in (tmp_path / "runs/pipeline.md").read_text()


def test_every_fault_of_a_pipeline_is_reported_at_once(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    measured = {"architecture": "SM+G", "set": {"eval.batches": 3}}
    pipeline = make_pipeline(
        tmp_path, corpus, without_norm=["SM+LN", measured], without_activation=["SM+X"]
    )
    result = call(aero, "pipeline", pipeline)
    assert result.returncode == 2
    fault = 'without_norm: "SM+G": set: eval.batches x eval.batch_size: '
    assert result.stderr.count("eval.batches") == 1
    assert "perplexity would be of other tokens" in result.stderr
    assert fault in result.stderr
    assert 'without_norm: "SM+LN": still has the norms' in result.stderr
    assert not (tmp_path / "runs").exists()
