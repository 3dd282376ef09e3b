"""Starts several processes of `aero train` that train together, and compares their runs."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from program import make_config, read_metrics

TOLERANCE = 1e-6
QUICK = {"OMP_NUM_THREADS": "1", "RES_OPTIONS": "timeout:1 attempts:1"}
"""One thread each; and c10d, which asks for the names of addresses, waits for no name server."""
RARELY: dict[str, dict[str, Any]] = {
    "train": {"duration": "300"},
    "eval": {"every": "100"},
    "checkpoint": {"every": "100"},
}
"""Changes for a run of some length that writes little."""
NO_DROPOUT = {"embedding": 0, "residual": 0}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def torchrun_variables(rank: int, ranks: int, port: int) -> dict[str, str]:
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def slurm_variables(rank: int, ranks: int, port: int) -> dict[str, str]:
    return {
        "SLURM_PROCID": str(rank),
        "SLURM_NTASKS": str(ranks),
        "SLURM_LOCALID": str(rank),
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NODELIST": "localhost",
        "MASTER_PORT": str(port),
    }


def mpi_variables(rank: int, ranks: int, port: int) -> dict[str, str]:
    return {
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_SIZE": str(ranks),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(rank),
        "OMPI_COMM_WORLD_LOCAL_SIZE": str(ranks),
        "MASTER_PORT": str(port),
    }


def start_rank(
    program: str, config: Path, variables: dict[str, str], *arguments: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [program, "train", str(config), *arguments],
        env={**os.environ, **QUICK, **variables},
        stderr=subprocess.PIPE,
        text=True,
    )


def start_ranks(
    program: str, config: Path, ranks: int, *arguments: str, variables: Any = torchrun_variables
) -> list[subprocess.Popen[str]]:
    port = free_port()
    return [
        start_rank(program, config, variables(rank, ranks, port), *arguments)
        for rank in range(ranks)
    ]


def ends_of(processes: list[subprocess.Popen[str]], timeout: float = 60) -> list[tuple[int, str]]:
    """Waits for all processes. Returns the exit code and the messages of each."""
    ends = []
    for process in processes:
        try:
            _, messages = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            for each in processes:
                each.kill()
            raise
        ends.append((process.returncode, messages))
    return ends


def train_on(program: str, config: Path, ranks: int, *arguments: str, **options: Any) -> None:
    for code, messages in ends_of(start_ranks(program, config, ranks, *arguments, "-q", **options)):
        assert code == 0, messages


def make_run(folder: Path, corpus: Path, name: str, **changes: dict[str, Any]) -> tuple[Path, Path]:
    """Writes a config without dropout. Returns it and its run folder."""
    train = {"duration": "100", "batch_size": 10, **changes.pop("train", {})}
    model = {"dropout": NO_DROPOUT, **changes.pop("model", {})}
    small = {
        "n_layer": 2,
        "n_head": 2,
        "d_model": 16,
        "context": 16,
        "vocab_size": 64,
    }
    config = make_config(
        folder / f"{name}.json",
        corpus,
        folder / name,
        model={**small, **model},
        train={"accumulation": 2, "threads": 1, **train},
        **changes,
    )
    return config, folder / name


def steps_done(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    return metrics.read_text().count('"grad_norm"') if metrics.exists() else 0


def wait_for_step(processes: list[subprocess.Popen[str]], run: Path, step: int) -> None:
    end = time.monotonic() + 60
    while steps_done(run) < step and time.monotonic() < end:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.002)


def losses(run: Path) -> list[tuple[str, int, float]]:
    """Returns the losses of steps and evaluations in their order."""
    lines = [line for line in read_metrics(run) if "loss" in line]
    return [(line.get("event", "step"), line["step"], line["loss"]) for line in lines]


def assert_same_losses(run: Path, reference: Path) -> None:
    ours, theirs = losses(run), losses(reference)
    assert [line[:2] for line in ours] == [line[:2] for line in theirs]
    for (event, step, loss), (_, _, expected) in zip(ours, theirs, strict=True):
        assert abs(loss - expected) <= TOLERANCE * abs(expected), (event, step, loss, expected)


def assert_same_bytes(run: Path, reference: Path, step: int) -> None:
    for name in ("weights.safetensors", "optimizer.safetensors"):
        file = Path("checkpoints") / f"step-{step:08d}" / name
        assert (run / file).read_bytes() == (reference / file).read_bytes(), name
