"""Tests what a loss of power leaves of a run, for every moment and every order of the disk."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from disk_model import Call, Disk, disks_after_a_loss, read_record
from program import make_config

FILES = ("weights.safetensors", "optimizer.safetensors", "state.json", "config.json")


@pytest.fixture(scope="module")
def recorded(
    aero: str, write_recorder: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Call]]:
    """Returns the folder of a run, and all that it changed on the disk."""
    folder = tmp_path_factory.mktemp("recorded")
    run = folder / "run"
    config = make_config(
        folder / "run.json",
        corpus,
        run,
        train={"duration": "12"},
        checkpoint={"every": 3, "keep_last": 2},
        eval={"every": "4"},
    )
    environment = {
        **os.environ,
        "LD_PRELOAD": write_recorder,
        "AERO_TEST_RECORD": str(folder / "record"),
        "AERO_TEST_RECORD_UNDER": str(run),
    }
    subprocess.run([aero, "train", str(config), "-q"], env=environment, check=True)
    return run, read_record(folder / "record")


def whole_checkpoints(run: Path, disk: Disk) -> dict[int, dict[str, bytes | None]]:
    """Returns the checkpoints that AERO would take for whole: all four files are there."""
    found = {}
    for path in disk:
        name = path.removeprefix(f"{run}/checkpoints/")
        if name.startswith("step-") and "/" not in name:
            files = {file: disk.get(f"{path}/{file}") for file in FILES}
            if all(f"{path}/{file}" in disk for file in FILES):
                found[int(name[5:])] = files
    return found


def saved_contents(run: Path, calls: list[Call]) -> dict[int, dict[str, bytes | None]]:
    """Returns the content of each checkpoint, from the disks on which nothing was lost."""
    contents: dict[int, dict[str, bytes | None]] = {}
    for _, disk in disks_after_a_loss(calls):
        for step, files in whole_checkpoints(run, disk).items():
            longest = contents.setdefault(step, dict(files))
            for file, content in files.items():
                if len(content or b"") > len(longest[file] or b""):
                    longest[file] = content
    return contents


def committed(run: Path, calls: list[Call]) -> list[tuple[int, int]]:
    """Returns when each checkpoint was sure, by what AERO asked of the disk: (call, step)."""
    renamed: dict[int, int] = {}
    sure = []
    for index, call in enumerate(calls):
        target = call.operands[-1].removeprefix(f"{run}/checkpoints/step-")
        if call.name in ("rename", "exchange") and target.isdecimal():
            renamed[index] = int(target)
        if call.name == "fsync" and call.operands[0] == f"{run}/checkpoints":
            sure += [(index, step) for step in renamed.values()]
            renamed = {}
    return sure


def steps_in(metrics: bytes | None) -> set[int]:
    lines = (metrics or b"").decode().splitlines(keepends=True)
    whole = [json.loads(line) for line in lines if line.endswith("\n")]
    return {line["step"] for line in whole if "grad_norm" in line}


def test_the_record_is_that_of_the_run(recorded: tuple[Path, list[Call]]) -> None:
    run, calls = recorded
    *_, (_, disk) = disks_after_a_loss(calls)
    del disk[f"{run}/lock"]  # by pwrite; it is no part of what a run leaves
    for path, content in disk.items():
        assert content is None or Path(path).read_bytes() == content, path
    kept = {str(path) for path in (run / "checkpoints").rglob("*")}
    assert kept == {path for path in disk if path.startswith(f"{run}/checkpoints/")}
    assert {3, 6, 9, 12} <= {step for _, step in committed(run, calls)}


def test_a_loss_of_power_leaves_whole_checkpoints_and_their_metrics(
    recorded: tuple[Path, list[Call]],
) -> None:
    run, calls = recorded
    contents = saved_contents(run, calls)
    sure = committed(run, calls)
    for index, disk in disks_after_a_loss(calls):
        checkpoints = whole_checkpoints(run, disk)
        for step, files in checkpoints.items():
            assert files == contents[step], (index, step)
        newest = max(checkpoints, default=0)
        assert newest >= max((step for at, step in sure if at <= index), default=0), index
        lines = steps_in(disk.get(f"{run}/metrics.jsonl"))
        assert set(range(1, newest + 1)) <= lines, (index, newest)
        best = disk.get(f"{run}/checkpoints/best")
        if best is not None:
            assert int(best.decode().strip()[5:]) in checkpoints, index
