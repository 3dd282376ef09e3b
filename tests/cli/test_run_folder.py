"""Tests that one process works in a run folder at a time, and that a full disk loses nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from program import call, make_config, read_metrics

LONG = {"duration": "100000"}


def finish_lines(run: Path) -> list[str]:
    return [line["outcome"] for line in read_metrics(run) if line.get("event") == "finish"]


def opened_files(pid: int) -> list[Path]:
    """Returns the files that a process has open, without those that it closes meanwhile."""
    files = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            files.append(descriptor.readlink())
    return files


@contextmanager
def training(
    aero: str, config: Path, run: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a run, and waits until it has made its first steps."""
    process = subprocess.Popen([aero, "train", str(config), "-q", "--resume"], env=env)
    metrics = run / "metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.stat().st_size > 0):
        time.sleep(0.005)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("has_locks", [True, False])
def test_a_second_process_is_refused_with_the_name_of_the_first(
    aero: str, corpus: Path, tmp_path: Path, faulty_disk: dict[str, str], has_locks: bool
) -> None:
    env = faulty_disk if has_locks else {**faulty_disk, "AERO_TEST_NO_LOCKS": "1"}
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, train=LONG)
    with training(aero, config, run, env) as first:
        second = call(aero, "train", config, "--resume", env=env)
        assert second.returncode == 2
        for part in (str(run), f"process {first.pid} on host {socket.gethostname()}"):
            assert part in second.stderr
        assert first.poll() is None
    # The lock of a killed holder is stale.
    done = call(aero, "train", config, "--resume", "-q", "--set", "train.duration=30", env=env)
    assert done.returncode in (0, 2) and "process" not in done.stderr


def test_a_sweep_and_a_run_of_one_member_exclude_each_other(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    make_config(tmp_path / "base.json", corpus, tmp_path / "unused", train=LONG)
    (tmp_path / "sweep.json").write_text(
        json.dumps({"base": "base.json", "folder": str(tmp_path / "sweep"), "runs": ["SM+LN+G"]})
    )
    run = tmp_path / "sweep/SM+LN+G/seed-3"
    sweep = subprocess.Popen([aero, "ablate", str(tmp_path / "sweep.json")])
    try:
        while not (run / "metrics.jsonl").exists() and sweep.poll() is None:
            time.sleep(0.01)
        second = call(aero, "train", run / "config.json", "--resume")
        assert second.returncode == 2
        assert re.search(r"process \d+ on host", second.stderr)
    finally:
        sweep.send_signal(signal.SIGTERM)
        assert sweep.wait() == 143


@pytest.mark.parametrize("where", ["config.json", "report.json", "report.md", "best"])
def test_a_small_file_that_cannot_be_written_is_written_later(
    aero: str, corpus: Path, tmp_path: Path, faulty_disk: dict[str, str], where: str
) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, checkpoint={"keep_last": 1})
    name = f"run/checkpoints/.{where}" if where == "best" else f"run/.{where}"
    env = {**faulty_disk, "AERO_TEST_FULL": name, "AERO_TEST_FULL_UNTIL": f"{run}/room"}
    process = subprocess.Popen(
        [aero, "train", str(config)], env=env, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not (run / "checkpoints/step-00000020").exists():
        time.sleep(0.001)
    (run / "room").touch()
    _, messages = process.communicate()
    assert process.returncode == 0, messages
    assert where in messages and "training goes on" in messages
    assert finish_lines(run) == ["finished"]
    if where == "best":
        named = (run / "checkpoints/best").read_text().strip()
        assert (run / "checkpoints" / named).is_dir()
    else:
        assert (run / where).stat().st_size > 0


@pytest.mark.parametrize("where", ["report.md", "best", "weights.safetensors"])
def test_a_disk_that_stays_full_is_reported_and_a_resume_writes_the_rest(
    aero: str, corpus: Path, tmp_path: Path, faulty_disk: dict[str, str], where: str
) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run)
    result = call(aero, "train", config, env={**faulty_disk, "AERO_TEST_FULL": where})
    assert result.returncode == 1
    assert where in result.stderr and "frame #" not in result.stderr
    if (run / "metrics.jsonl").exists():
        assert finish_lines(run) == []

    assert call(aero, "train", config, "--resume").returncode == 0
    assert finish_lines(run) == ["finished"]
    lines = read_metrics(run)
    assert [line["step"] for line in lines if "grad_norm" in line] == list(range(1, 61))
    assert (run / "report.md").exists() and (run / "checkpoints/best").exists()
    assert (run / "checkpoints/step-00000060").is_dir()


def test_lost_metrics_are_reported_and_the_weights_are_saved(
    aero: str, corpus: Path, tmp_path: Path, faulty_disk: dict[str, str]
) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, train={"duration": "10"})
    result = call(aero, "train", config, env={**faulty_disk, "AERO_TEST_FULL": "metrics.jsonl"})
    assert result.returncode == 1
    assert re.search(r"metrics\.jsonl: its last \d+ lines", result.stderr)
    assert (run / "checkpoints/step-00000010").is_dir()
    assert call(aero, "train", config, "--resume").returncode == 0
    assert finish_lines(run) == ["finished"]


def test_finished_is_written_after_the_last_state(
    aero: str, corpus: Path, tmp_path: Path, faulty_disk: dict[str, str]
) -> None:
    """The state of the last step cannot be saved, so the metrics do not say that the run ended."""
    run = tmp_path / "run"
    config = make_config(
        tmp_path / "run.json",
        corpus,
        run,
        checkpoint={"every": "0", "keep_best": False},
        train={"duration": "10"},
    )
    env = {**faulty_disk, "AERO_TEST_FULL": "checkpoints"}
    result = call(aero, "train", config, env=env)
    assert result.returncode == 1
    assert finish_lines(run) == []
    assert call(aero, "train", config, "--resume").returncode == 0
    assert finish_lines(run) == ["finished"]


def test_a_resume_finishes_a_run_killed_after_its_last_state(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, train={"duration": "10"})
    assert call(aero, "train", config, "-q").returncode == 0
    whole = read_metrics(run)
    metrics = run / "metrics.jsonl"
    lines = metrics.read_text().splitlines(keepends=True)
    for kept in (lines[:-1], [*lines[:-1], lines[-1][:9]]):
        metrics.write_text("".join(kept))
        assert call(aero, "train", config, "--resume", "-q").returncode == 0
        assert read_metrics(run) == whole


def test_a_run_continues_when_nobody_reads_its_console(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run, log={"every": "1"})
    reading, writing = os.pipe()
    process = subprocess.Popen([aero, "train", str(config)], stderr=writing, stdout=writing)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    assert process.wait(timeout=60) == 0
    assert finish_lines(run) == ["finished"]


def test_nohup_keeps_a_run_from_hanging_up(aero: str, corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run)
    process = subprocess.Popen(
        [aero, "train", str(config), "-q"],
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    while process.poll() is None and not (run / "metrics.jsonl").exists():
        time.sleep(0.001)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 0
    assert finish_lines(run) == ["finished"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_corpus_is_checked_ends_the_program_at_once(
    aero: str, tmp_path: Path, number: signal.Signals
) -> None:
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    for split in ("train", "val"):  # 4 GiB of zeros, which take no block on the disk
        with (tokens / f"{split}.bin").open("wb") as file:
            file.truncate(1 << 32)
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", tokens, run)
    process = subprocess.Popen([aero, "train", str(config)], stderr=subprocess.PIPE)
    while process.poll() is None and tokens / "val.bin" not in opened_files(process.pid):
        time.sleep(0.005)
    begin = time.monotonic()
    process.send_signal(number)
    assert process.wait() == -number
    assert time.monotonic() - begin < 1
    assert not run.exists()
