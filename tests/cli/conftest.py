"""Fixtures of the `aero` program's tests: `pytest --aero PATH tests/cli`."""

from __future__ import annotations

from pathlib import Path

import pytest
from program import make_corpus


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--aero", default="build/release/bin/aero", help="the program under test")


@pytest.fixture(scope="session")
def aero(request: pytest.FixtureRequest) -> str:
    return str(Path(request.config.getoption("--aero")).resolve())


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("data") / "corpus")
