"""Tests that Ctrl-C ends a script without a message, also while it loads, and lets it clean up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aero.core.signals import Tidying, Undisturbed

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = sorted(
    str(file.relative_to(SCRIPTS)) for file in (*SCRIPTS.glob("*.py"), *SCRIPTS.glob("gpu/*.py"))
)
# Replaces what every script loads first by a library that takes a signal for a fault of its own.
LIBRARY = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    raise ImportError("swallowed")
raise SystemExit(7)
"""


def load(name: str, folder: Path, ignored: bool) -> subprocess.CompletedProcess[str]:
    (folder / "argparse.py").write_text(LIBRARY)
    shell = 'trap "" INT; exec "$@"' if ignored else 'exec "$@"'
    return subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, str(SCRIPTS / name)],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_break_while_a_script_loads_ends_it_without_a_message(name: str, tmp_path: Path) -> None:
    done = load(name, tmp_path, ignored=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_a_break_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    done = load("plot.py", tmp_path, ignored=True)
    assert (done.returncode, done.stderr) == (7, "")


@pytest.fixture
def default_actions() -> Iterator[None]:
    """Sets the actions that a script starts with; a hangup is ignored here."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGHUP, hangup)


@pytest.mark.usefixtures("default_actions")
def test_a_signal_is_an_exception_where_the_script_can_clean_up() -> None:
    with Tidying():
        signal.raise_signal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt), Tidying(), Tidying():
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(SystemExit) as ended, Tidying():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


@pytest.mark.usefixtures("default_actions")
def test_signals_that_come_together_are_one() -> None:
    def work() -> None:
        with Tidying():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        work()


@pytest.mark.usefixtures("default_actions")
def test_a_signal_waits_while_the_script_cleans_up() -> None:
    done = []

    def work() -> None:
        with Tidying(), Undisturbed():
            with Undisturbed():
                signal.raise_signal(signal.SIGHUP)
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGINT)
                done.append("inner")
            done.append("outer")

    with pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 128 + signal.SIGTERM
    assert done == ["inner", "outer"]
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
