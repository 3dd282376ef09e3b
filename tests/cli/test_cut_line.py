"""Tests ranks on two machines whose line is cut, with network namespaces for machines."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ranks import QUICK, RARELY, assert_same_bytes, ends_of, make_run, train_on, wait_for_step

pytestmark = pytest.mark.slow

PATIENCE = 10
"""Seconds in which both machines must say that the other is gone."""


class Machines:
    """Two network namespaces and a line between them."""

    def __init__(self) -> None:
        self.names = [f"aero-{os.getpid()}-{side}" for side in "ab"]
        self.links = [f"aero{os.getpid() % 100000}{side}" for side in "ab"]

    def connect(self) -> None:
        for name in self.names:
            ip("netns", "add", name)
        ip("link", "add", self.links[0], "type", "veth", "peer", "name", self.links[1])
        for number, (name, link) in enumerate(zip(self.names, self.links, strict=True), 1):
            ip("link", "set", link, "netns", name)
            ip("-n", name, "address", "add", f"10.99.0.{number}/24", "dev", link)
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", link, "up")

    def cut(self) -> None:
        ip("-n", self.names[1], "link", "set", self.links[1], "down")

    def mend(self) -> None:
        ip("-n", self.names[1], "link", "set", self.links[1], "up")

    def remove(self) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def start(self, program: str, config: Path) -> list[subprocess.Popen[str]]:
        return [
            subprocess.Popen(
                ["ip", "netns", "exec", name, program, "train", str(config), "--resume", "-q"],
                env={
                    **os.environ,
                    **QUICK,
                    "RANK": str(rank),
                    "WORLD_SIZE": "2",
                    "LOCAL_RANK": "0",
                    "MASTER_ADDR": "10.99.0.1",
                    "MASTER_PORT": "29500",
                },
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank, name in enumerate(self.names)
        ]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


@pytest.fixture
def machines() -> Iterator[Machines]:
    both = Machines()
    try:
        both.connect()
    except (OSError, subprocess.SubprocessError) as fault:
        both.remove()
        pytest.skip(f"network namespaces need root, and iproute2: {fault}")
    yield both
    both.remove()


def test_both_sides_of_a_cut_line_end_with_a_reason_and_the_run_goes_on(
    machines: Machines, aero: str, corpus: Path, tmp_path: Path
) -> None:
    config, reference = make_run(tmp_path, corpus, "whole", **RARELY)
    train_on(aero, config, 2)
    config, run = make_run(tmp_path, corpus, "run", **RARELY)
    processes = machines.start(aero, config)
    wait_for_step(processes, run, 20)
    machines.cut()
    cut = time.monotonic()
    (code, messages), (other_code, other_messages) = ends_of(processes, timeout=PATIENCE)
    assert time.monotonic() - cut < PATIENCE
    assert (code, other_code) == (1, 1)
    assert "rank 0: rank 1 (process " in messages
    assert "rank 1: rank 0 (process " in other_messages

    machines.mend()
    assert [code for code, _ in ends_of(machines.start(aero, config))] == [0, 0]
    assert_same_bytes(run, reference, 300)
