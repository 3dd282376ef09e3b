"""Defines the fixtures of the tests of `aero`: `pytest --aero PATH tests/cli`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from program import call, make_corpus
from sweeps import make_sweep


def pytest_configure() -> None:
    """Restores signals that the tests' parent ignored, which their children would ignore, too."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--aero", default="build/release/bin/aero", help="the program under test")
    parser.addoption("--faulty-disk", help="the library of tests/support/faulty_disk.cpp")
    parser.addoption("--write-recorder", help="the library of tests/support/write_recorder.cpp")


@pytest.fixture(scope="session")
def aero(request: pytest.FixtureRequest) -> str:
    return str(Path(request.config.getoption("--aero")).resolve())


@pytest.fixture(scope="session")
def faulty_disk(request: pytest.FixtureRequest) -> dict[str, str]:
    """Returns an environment for AERO_TEST_FULL and AERO_TEST_NO_LOCKS (faulty_disk.cpp)."""
    library = request.config.getoption("--faulty-disk")
    if library is None:
        pytest.skip("--faulty-disk is not given")
    return {**os.environ, "LD_PRELOAD": library}


@pytest.fixture(scope="session")
def write_recorder(request: pytest.FixtureRequest) -> str:
    library = request.config.getoption("--write-recorder")
    if library is None:
        pytest.skip("--write-recorder is not given")
    return str(library)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("data") / "corpus")


@pytest.fixture(scope="session")
def whole(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of a finished sweep."""
    folder = tmp_path_factory.mktemp("whole")
    result = call(aero, "ablate", make_sweep(folder, corpus))
    assert result.returncode == 0, result.stderr
    (folder / "stdout").write_text(result.stdout)
    (folder / "stderr").write_text(result.stderr)
    return folder
