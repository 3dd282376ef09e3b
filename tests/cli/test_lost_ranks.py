"""Tests that the ranks of a run notice when one of them dies, and that the run goes on later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from program import call
from ranks import (
    QUICK,
    RARELY,
    assert_same_bytes,
    ends_of,
    make_run,
    start_ranks,
    steps_done,
    train_on,
    wait_for_step,
)

PATIENCE = 10
"""Seconds in which all ranks must say which one is lost."""


@pytest.mark.parametrize("lost", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_the_others_name_a_rank_that_was_killed_and_the_run_goes_on(
    lost: int, aero: str, corpus: Path, tmp_path: Path
) -> None:
    config, reference = make_run(tmp_path, corpus, "whole")
    train_on(aero, config, 3)
    config, run = make_run(tmp_path, corpus, "run")
    processes = start_ranks(aero, config, 3, "-q")
    wait_for_step(processes, run, 20)
    processes[lost].kill()
    killed = time.monotonic()
    ends = ends_of(processes, timeout=PATIENCE)
    assert time.monotonic() - killed < PATIENCE
    assert ends.pop(lost)[0] == -signal.SIGKILL
    for code, messages in ends:
        assert code == 1
        assert f": rank {lost} (process {processes[lost].pid} on " in messages
        assert "this rank stops, too. Start all ranks again with --resume" in messages
        assert "Traceback" not in messages
        assert "c10" not in messages

    train_on(aero, config, 3, "--resume")
    assert_same_bytes(run, reference, 100)


@pytest.mark.slow
def test_a_rank_that_hangs_is_named(aero: str, corpus: Path, tmp_path: Path) -> None:
    config, run = make_run(tmp_path, corpus, "run", train={"duration": "100000"})
    processes = start_ranks(aero, config, 3, "-q")
    wait_for_step(processes, run, 5)
    processes[1].send_signal(signal.SIGSTOP)
    try:
        for rank in (0, 2):
            _, messages = processes[rank].communicate(timeout=PATIENCE)
            assert f"rank {rank}: rank 1 (process {processes[1].pid} on " in messages
            assert "has given no sign of life for 5 s" in messages
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_run_that_is_there_is_refused_on_all_ranks(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    config, _ = make_run(tmp_path, corpus, "run", train={"duration": "5"})
    train_on(aero, config, 2)
    (code, messages), (other_code, other_messages) = ends_of(start_ranks(aero, config, 2))
    assert (code, other_code) == (2, 1)
    assert "already holds a run" in messages
    assert "rank 1: rank 0 (process" in other_messages
    assert "already holds a run" in other_messages


def test_aero_says_which_of_its_ranks_failed_first(aero: str, corpus: Path, tmp_path: Path) -> None:
    config, run = make_run(tmp_path, corpus, "run", train={"duration": "100000"})
    process = subprocess.Popen(
        [aero, "train", str(config), "--nproc", "2", "-q"],
        env={**os.environ, **QUICK},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_step([process], run, 5)
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(children) == 2
    os.kill(int(children[1]), signal.SIGKILL)
    ((code, messages),) = ends_of([process], timeout=2 * PATIENCE)
    assert code == 128 + signal.SIGKILL
    assert "rank 1 failed first: ended by signal 9 (Killed)" in messages
    assert f"rank 0: rank 1 (process {children[1]} on " in messages
    step = steps_done(run)
    assert (run / f"checkpoints/step-{step:08d}").is_dir()
    shorter = f"train.duration={step + 5}"
    result = call(
        aero,
        "train",
        config,
        "--nproc",
        "2",
        "--resume",
        "-q",
        "--set",
        shorter,
        env={**os.environ, **QUICK},
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_torchrun_starts_ranks_again_and_the_run_ends_with_the_same_bits(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    torchrun = Path(sys.executable).with_name("torchrun")
    if not torchrun.exists():
        pytest.skip("there is no torchrun beside this Python")
    config, reference = make_run(tmp_path, corpus, "whole", **RARELY)
    train_on(aero, config, 2)
    config, run = make_run(tmp_path, corpus, "run", **RARELY)
    command = [
        *(str(torchrun), "--no-python", "--standalone", "--nproc-per-node", "2"),
        *("--max-restarts", "1", aero, "train", str(config), "--resume", "-q"),
    ]
    process = subprocess.Popen(
        command, env={**os.environ, **QUICK}, stderr=subprocess.PIPE, text=True
    )
    wait_for_step([process], run, 50)
    ranks = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(ranks[-1]), signal.SIGKILL)
    ((code, messages),) = ends_of([process])
    assert code == 0, messages
    assert "rank 0: rank 1 (process " in messages
    assert_same_bytes(run, reference, 300)
