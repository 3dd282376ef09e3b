"""Tests that scripts/gpu/suite.py runs tests, reports their outcomes, and continues later."""

from __future__ import annotations

import importlib.metadata
import json
import re
import time
from pathlib import Path

import pytest

from aero.benchmark.card import machine
from aero.check import ctest
from aero.commands.gpu import suite
from aero.core.errors import AeroError, UsageError
from aero.core.places import ROOT
from gpu_programs import needs_torch, stand_in

TESTS = """
add_test(ops.good /bin/sh -c "test \\"$AERO_TEST_DEVICE\\" = cuda")
add_test(ops.bad /bin/false)
add_test(ops.slow /bin/sleep 30)
add_test(cli.good /bin/true)
"""


def test_the_tests_of_every_room_run() -> None:
    rooms = re.findall(r"^aero_room\((\w+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)
    tested = {room for room in rooms if list((ROOT / "tests" / room).glob("*_test.cpp"))}
    assert set(suite.ROOMS.split("|")) == tested


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "CTestTestfile.cmake").write_text(TESTS, encoding="utf-8")
    return tmp_path


def run(build: Path, tests: list[str], seconds: float) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    ctest.run(
        build,
        tests,
        device="cuda",
        jobs=3,
        seconds=seconds,
        log=build / "log.txt",
        ended=lambda name, outcome, _: outcomes.__setitem__(name, outcome),
    )
    return outcomes


def test_names_are_those_that_match(build: Path) -> None:
    assert ctest.names(build, r"^ops\.") == ["ops.good", "ops.bad", "ops.slow"]
    with pytest.raises(AeroError, match="no test that matches"):
        ctest.names(build, "^none")


def test_outcomes_are_reported_and_the_device_is_passed_on(build: Path) -> None:
    outcomes = run(build, ["ops.good", "ops.bad", "cli.good"], 60)
    assert outcomes == {"ops.good": "passed", "ops.bad": "failed", "cli.good": "passed"}
    assert "ops.bad" in (build / "log.txt").read_text(encoding="utf-8")


def test_only_those_named_run(build: Path) -> None:
    assert run(build, ["cli.good"], 60) == {"cli.good": "passed"}


def test_what_takes_too_long_ends_without_an_outcome(build: Path) -> None:
    start = time.monotonic()
    assert run(build, ["ops.good", "ops.slow"], 3) == {"ops.good": "passed"}
    assert time.monotonic() - start < 20


def test_the_table_counts_what_passed_failed_and_was_not_reached() -> None:
    results = {
        "ops.good": {"outcome": "passed", "seconds": 1.4},
        "ops.bad": {"outcome": "exception: segfault", "seconds": 2.4},
        "cli.good": {"outcome": "passed", "seconds": 0.2},
    }
    wanted = ["ops.good", "ops.bad", "ops.slow", "cli.good"]
    assert suite.table(wanted, results)[2:] == [
        "| ops | 1 | 1 | 1 | 4 |",
        "| cli | 1 | 0 | 0 | 0 |",
        "",
        "- ops.bad: exception: segfault",
    ]


# Those that pass leave a line in `ran`; one needs the file `mended`.
OF_PROGRAM = """
add_test(ops.good /bin/sh -c "echo ops.good >>ran")
add_test(ops.bad /bin/sh -c "test -e mended && echo ops.bad >>ran")
add_test(ops.gemm_rate /bin/sh -c "echo ops.gemm_rate >>ran")
add_test(cli.good /bin/sh -c "echo cli.good >>ran")
add_test(scripts.others /bin/sh -c "echo scripts.others >>ran")
"""


@needs_torch
def test_the_program_goes_on_with_what_has_not_passed(tmp_path: Path) -> None:
    build, out = tmp_path / "build", tmp_path / "out"
    (build / "bin").mkdir(parents=True)
    (build / "CTestTestfile.cmake").write_text(OF_PROGRAM, encoding="utf-8")
    aero = stand_in(build / "bin")

    def call(*options: str) -> tuple[int, list[str]]:
        """Returns the exit status, and what has passed in this call."""
        (build / "ran").write_text("")
        common = ["--aero", str(aero), "--out", str(out), "--device", "cpu"]
        status = suite.main([*common, *options])
        return status, sorted((build / "ran").read_text().split())

    assert call("--seconds", "1") == (1, [])
    assert "| ops | 0 | 0 | 3 | 0 |\n| cli | 0 | 0 | 1 | 0 |\n" in (out / "suite.md").read_text()
    assert call() == (1, ["cli.good", "ops.gemm_rate", "ops.good"])
    table = (out / "suite.md").read_text()
    assert "\n| ops | 2 | 1 | 0 |" in table and "\n| cli | 1 | 0 | 0 |" in table
    assert table.endswith("\n\n- ops.bad: failed\n")
    (build / "mended").touch()
    assert call() == (0, ["ops.bad"])
    found = json.loads((out / "suite.json").read_text())["measurements"]
    assert {name: each["outcome"] for name, each in found.items()} == dict.fromkeys(
        ["cli.good", "ops.bad", "ops.gemm_rate", "ops.good"], "passed"
    )
    assert call() == (0, [])
    assert call("--tiny") == (0, ["ops.gemm_rate"])


def test_a_python_without_torch_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(UsageError, match="package torch is missing"):
        machine(stand_in(tmp_path), "cpu")
