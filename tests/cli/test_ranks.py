"""Tests that several processes train to what one trains to, however they are started."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from program import call, read_metrics
from ranks import (
    QUICK,
    assert_same_bytes,
    assert_same_losses,
    ends_of,
    free_port,
    losses,
    make_run,
    mpi_variables,
    slurm_variables,
    start_rank,
    start_ranks,
    steps_done,
    torchrun_variables,
    train_on,
    wait_for_step,
)

EREG = {"gamma": 0.01, "theta_init": 0.5}
MODELS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "plain": ({}, (2, 3, 4)),
    "mean_penalty": (
        {
            "architecture": "EReg(SM(t)+ScFuFFN_i1)",
            "ereg": {**EREG, "reduction": "mean", "lambda": 1.0},
        },
        (3,),
    ),
    "penalty_of_rows": (
        {
            "architecture": "EReg(SM+ScFuFFN)",
            "ereg": {**EREG, "reduction": "row_sum", "lambda": 0.001},
        },
        (3,),
    ),
    "spectral_norm": ({"architecture": "SM+SNFFN", "qk_form": "spectral_norm"}, (2,)),
    "fixed_norm": ({"norm": "layernorm_fixed"}, (3,)),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "spectral_norm" else [])
        for name in MODELS
    ],
)
def test_any_number_of_ranks_trains_to_the_losses_of_one_process(
    name: str, aero: str, corpus: Path, tmp_path: Path
) -> None:
    model, counts = MODELS[name]
    config, reference = make_run(tmp_path, corpus, "one", model=model)
    assert call(aero, "train", config, "-q").returncode == 0
    for ranks in counts:
        config, run = make_run(tmp_path, corpus, f"on_{ranks}", model=model)
        train_on(aero, config, ranks)
        assert_same_losses(run, reference)


def test_only_rank_0_writes_and_its_log_names_it(aero: str, corpus: Path, tmp_path: Path) -> None:
    config, reference = make_run(tmp_path, corpus, "one", train={"duration": "10"})
    assert call(aero, "train", config).returncode == 0
    config, run = make_run(tmp_path, corpus, "two", train={"duration": "10"})
    first, second = ends_of(start_ranks(aero, config, 2))
    assert (first[0], second) == (0, (0, ""))
    assert all(line.startswith("rank 0: ") for line in first[1].splitlines())
    assert "evaluation loss" in first[1]
    written = {path.relative_to(run) for path in run.rglob("*")}
    assert written == {path.relative_to(reference) for path in reference.rglob("*")}
    lines = (run / "log.txt").read_text().splitlines()
    assert lines
    assert all(" rank 0: " in line for line in lines)


@pytest.mark.parametrize("variables", [slurm_variables, mpi_variables])
def test_slurm_and_mpi_start_ranks(variables: Any, aero: str, corpus: Path, tmp_path: Path) -> None:
    config, reference = make_run(tmp_path, corpus, "one", train={"duration": "10"})
    assert call(aero, "train", config, "-q").returncode == 0
    config, run = make_run(tmp_path, corpus, "two", train={"duration": "10"})
    train_on(aero, config, 2, variables=variables)
    assert_same_losses(run, reference)


def test_aero_starts_ranks_itself(aero: str, corpus: Path, tmp_path: Path) -> None:
    config, reference = make_run(tmp_path, corpus, "one")
    assert call(aero, "train", config, "-q").returncode == 0
    config, run = make_run(tmp_path, corpus, "two", train={"duration": "1"})
    result = call(
        aero,
        "train",
        config,
        "--nproc",
        "2",
        "--set",
        "train.duration=100",
        env={**os.environ, **QUICK},
    )
    assert result.returncode == 0, result.stderr
    assert "rank 0: 2 processes train together" in result.stderr
    assert_same_losses(run, reference)


@pytest.mark.parametrize("ranks", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_sharded_moments_change_no_bit(ranks: int, aero: str, corpus: Path, tmp_path: Path) -> None:
    ends = {"train": {"duration": "60"}}
    config, reference = make_run(tmp_path, corpus, "whole", **ends)
    train_on(aero, config, ranks)
    config, run = make_run(tmp_path, corpus, "sharded", **ends)
    train_on(aero, config, ranks, "--set", "train.shard_optimizer=true")
    assert_same_bytes(run, reference, 60)
    assert losses(run) == losses(reference)


@pytest.mark.slow
def test_a_run_with_sharded_moments_goes_on_without_and_with_them(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    sharded = ("--set", "train.shard_optimizer=true")
    config, reference = make_run(tmp_path, corpus, "whole")
    train_on(aero, config, 2)
    for then in (sharded, ()):
        config, run = make_run(tmp_path, corpus, f"then_{len(then)}")
        processes = start_ranks(aero, config, 2, "-q", *sharded)
        wait_for_step(processes, run, 20)
        processes[1].terminate()
        assert [code for code, _ in ends_of(processes)] == [143, 143]
        train_on(aero, config, 2, "--resume", *then)
        assert_same_bytes(run, reference, 100)


@pytest.mark.parametrize(
    ("number", "hit"),
    [
        (signal.SIGTERM, 1),
        pytest.param(signal.SIGINT, 0, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 1, marks=pytest.mark.slow),
    ],
)
def test_a_signal_to_any_rank_stops_all_and_a_resumed_run_ends_with_the_same_bits(
    number: signal.Signals, hit: int, aero: str, corpus: Path, tmp_path: Path
) -> None:
    dropout = {"dropout": {"embedding": 0.1, "residual": 0.1}}
    config, reference = make_run(tmp_path, corpus, "whole", model=dropout)
    train_on(aero, config, 2)

    config, run = make_run(tmp_path, corpus, "stopped", model=dropout)
    processes = start_ranks(aero, config, 2, "-q")
    wait_for_step(processes, run, 20)
    processes[hit].send_signal(number)
    ends = ends_of(processes)
    assert [code for code, _ in ends] == [128 + number] * 2
    assert all(f"rank {rank}: SIG" in ends[rank][1] for rank in range(2))
    stopped_at = steps_done(run)
    assert 20 <= stopped_at < 100
    assert (run / f"checkpoints/step-{stopped_at:08d}").is_dir()

    train_on(aero, config, 2, "--resume")
    assert_same_bytes(run, reference, 100)
    assert losses(run) == losses(reference)


@pytest.mark.parametrize("ranks", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_a_run_goes_on_with_another_number_of_ranks(
    ranks: int, aero: str, corpus: Path, tmp_path: Path
) -> None:
    config, reference = make_run(tmp_path, corpus, "whole")
    assert call(aero, "train", config, "-q").returncode == 0
    config, run = make_run(tmp_path, corpus, "stopped")
    processes = start_ranks(aero, config, 2, "-q")
    wait_for_step(processes, run, 20)
    processes[1].terminate()
    assert [code for code, _ in ends_of(processes)] == [143, 143]
    if ranks == 1:
        assert call(aero, "train", config, "--resume", "-q").returncode == 0
    else:
        train_on(aero, config, ranks, "--resume")
    assert_same_losses(run, reference)


def test_aero_passes_a_signal_on_to_its_ranks(aero: str, corpus: Path, tmp_path: Path) -> None:
    config, run = make_run(tmp_path, corpus, "run", train={"duration": "100000"})
    process = subprocess.Popen(
        [aero, "train", str(config), "--nproc", "2"],
        env={**os.environ, **QUICK},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_step([process], run, 20)
    process.send_signal(signal.SIGINT)
    ((code, messages),) = ends_of([process])
    assert code == 130
    assert "rank 0: SIGINT: saving and stopping" in messages
    assert (run / f"checkpoints/step-{steps_done(run):08d}").is_dir()


def test_a_batch_must_give_each_rank_a_sequence(aero: str, corpus: Path, tmp_path: Path) -> None:
    config, run = make_run(tmp_path, corpus, "run", train={"batch_size": 2})
    for rank, (code, messages) in enumerate(ends_of(start_ranks(aero, config, 3))):
        assert code != 0
        assert f"rank {rank}: " in messages
        assert "train.batch_size: 2: gives 3 ranks not one sequence each" in messages
    assert not run.exists()


def test_ranks_with_other_configs_are_refused(aero: str, corpus: Path, tmp_path: Path) -> None:
    config, run = make_run(tmp_path, corpus, "run")
    port = free_port()
    processes = [
        start_rank(aero, config, torchrun_variables(rank, 2, port), "--set", f"seed={rank}")
        for rank in range(2)
    ]
    for code, messages in ends_of(processes):
        assert code == 2
        assert "rank 1 was started with another config" in messages
    assert not run.exists()


@pytest.mark.parametrize("action", ["stop", pytest.param("skip", marks=pytest.mark.slow), "rewind"])
def test_ranks_treat_a_value_that_is_not_finite_alike(
    action: str, aero: str, corpus: Path, tmp_path: Path
) -> None:
    huge = {"optimizer": {"lr": 1e30}, "schedule": {"warmup": "0"}, "checkpoint": {"every": "1"}}
    train = {"duration": "8", "on_nonfinite": action}
    config, reference = make_run(tmp_path, corpus, "one", train=train, **huge)
    code = call(aero, "train", config, "-q").returncode
    config, run = make_run(tmp_path, corpus, "two", train=train, **huge)
    ends = ends_of(start_ranks(aero, config, 2, "-q"))
    assert [code for code, _ in ends] == [code] * 2
    events = [
        [(line["event"], line["step"]) for line in read_metrics(folder) if "event" in line]
        for folder in (run, reference)
    ]
    assert events[0] == events[1]
    assert any(event == "nonfinite" for event, _ in events[0])
