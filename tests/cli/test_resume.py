"""Tests that a killed and resumed run ends with the bytes of an uninterrupted one."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from program import call, make_config, read_metrics

FINAL = "checkpoints/step-00000060"


def last_step(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    if not metrics.exists():
        return 0
    return metrics.read_text().count('"grad_norm"')


def kill_at(program: str, config: Path, run: Path, step: int) -> None:
    """Starts or resumes the run and kills it once it has come to `step`."""
    process = subprocess.Popen(
        [program, "train", str(config), "--resume", "-q"], stderr=subprocess.PIPE
    )
    while process.poll() is None and last_step(run) < step:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()


def state_of(run: Path) -> dict[str, Any]:
    """Returns the last state without the checksums of the config, which names the run's folder."""
    state = json.loads((run / FINAL / "state.json").read_text())
    return {key: state[key] for key in state.keys() - {"config_crc32", "state_crc32"}}


def assert_same_end(run: Path, reference: Path) -> None:
    for name in ("weights.safetensors", "optimizer.safetensors"):
        assert (run / FINAL / name).read_bytes() == (reference / FINAL / name).read_bytes(), name
    assert state_of(run) == state_of(reference)
    assert read_metrics(run) == read_metrics(reference)
    assert (run / "checkpoints/best").read_text() == (reference / "checkpoints/best").read_text()


def test_ten_kills_at_random_steps_change_no_bit(aero: str, corpus: Path, tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    config = make_config(tmp_path / "reference.json", corpus, reference)
    assert call(aero, "train", config, "-q").returncode == 0

    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run)
    randomness = random.Random(11)
    for step in sorted(randomness.sample(range(1, 60), 10)):
        kill_at(aero, config, run, step)
    assert call(aero, "train", config, "--resume", "-q").returncode == 0
    assert_same_end(run, reference)


def test_a_signal_saves_and_the_resumed_run_ends_the_same(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    reference = tmp_path / "reference"
    config = make_config(tmp_path / "reference.json", corpus, reference)
    assert call(aero, "train", config, "-q").returncode == 0

    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
        run = tmp_path / number.name
        config = make_config(tmp_path / f"{number.name}.json", corpus, run)
        process = subprocess.Popen([aero, "train", str(config), "-q"], stderr=subprocess.PIPE)
        while process.poll() is None and last_step(run) < 7:
            time.sleep(0.001)
        process.send_signal(number)
        assert process.wait() == code
        stopped_at = last_step(run)
        assert (run / f"checkpoints/step-{stopped_at:08d}/weights.safetensors").exists()
        assert call(aero, "train", config, "--resume", "-q").returncode == 0
        assert_same_end(run, reference)


def test_an_evaluation_that_a_signal_interrupted_is_repeated(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    reference = tmp_path / "reference"
    config = make_config(tmp_path / "reference.json", corpus, reference, eval={"every": "1"})
    assert call(aero, "train", config, "-q").returncode == 0

    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, eval={"every": "1"})
    for step in (4, 9, 16, 25, 36, 49, 59):
        process = subprocess.Popen(
            [aero, "train", str(config), "--resume", "-q"], stderr=subprocess.PIPE
        )
        while process.poll() is None and last_step(run) < step:
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        assert process.wait() in (0, 143)
    assert call(aero, "train", config, "--resume", "-q").returncode == 0
    assert_same_end(run, reference)


def test_another_batch_split_sees_the_same_data(aero: str, corpus: Path, tmp_path: Path) -> None:
    runs = []
    for batch_size, accumulation in ((8, 1), (2, 4)):
        run = tmp_path / f"split-{batch_size}"
        config = make_config(
            tmp_path / f"{batch_size}.json",
            corpus,
            run,
            train={"batch_size": batch_size, "accumulation": accumulation, "duration": "20"},
            model={"dropout": {}},
        )
        assert call(aero, "train", config, "-q").returncode == 0
        runs.append([line["loss"] for line in read_metrics(run) if "grad_norm" in line])
    first, second = runs
    assert len(first) == len(second) == 20
    for a, b in zip(first, second, strict=True):
        assert abs(a - b) < 1e-5 * abs(a)


def test_resume_refuses_other_data(aero: str, corpus: Path, tmp_path: Path) -> None:
    from program import make_corpus

    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, train={"duration": "10"})
    assert call(aero, "train", config, "-q").returncode == 0
    other = make_corpus(tmp_path / "other", train=4100)
    config = make_config(tmp_path / "run.json", other, run, train={"duration": "20"})
    result = call(aero, "train", config, "--resume")
    assert result.returncode != 0
    assert "data.path" in result.stderr and str(other) in result.stderr


def test_resume_refuses_another_model(aero: str, corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, train={"duration": "10"})
    assert call(aero, "train", config, "-q").returncode == 0
    result = call(aero, "train", config, "--resume", "--set", "model.n_layer=3")
    assert result.returncode == 2
    assert "differs from the model that the run began with" in result.stderr


def test_an_existing_run_is_not_overwritten(aero: str, corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, train={"duration": "10"})
    assert call(aero, "train", config, "-q").returncode == 0
    before = (run / "metrics.jsonl").read_bytes()
    result = call(aero, "train", config)
    assert result.returncode == 2
    assert "--resume" in result.stderr
    assert (run / "metrics.jsonl").read_bytes() == before
