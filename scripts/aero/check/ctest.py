"""Runs AERO's tests by ctest, and reports each as it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Timer
from typing import IO, cast

from aero.core.errors import AeroError

_ENDED = re.compile(r"^ *[0-9]+/[0-9]+ Test +#[0-9]+: (\S+) [ .]*(\S.*?) +([0-9.]+) sec")


def names(build: Path, pattern: str) -> list[str]:
    """Lists the tests that match, in ctest's order. Raises AeroError where there are none."""
    command = ["ctest", "--test-dir", str(build), "--show-only=json-v1", "-R", pattern]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["tests"] if done.returncode == 0 else []
    if not found:
        raise AeroError(f"{build}: has no test that matches {pattern}")
    return [test["name"] for test in found]


def run(
    build: Path,
    tests: Iterable[str],
    *,
    device: str,
    jobs: int,
    seconds: float,
    log: Path,
    ended: Callable[[str, str, float], None],
) -> None:
    """Runs tests, and calls `ended` with the name, the outcome and the seconds of each.

    The outcome is "passed", or the word that ctest prints. Tests that still run after `seconds` are
    killed without a call. `log` receives ctest's output.
    """
    exactly = "|".join(re.escape(name) for name in tests)
    command = ["ctest", "--test-dir", str(build), "-R", f"^({exactly})$", "-j", str(jobs)]
    process = subprocess.Popen(
        [*command, "--output-on-failure", "--timeout", "300"],
        env={**os.environ, "AERO_TEST_DEVICE": device},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # so that the tests end with it
    )

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    limit = Timer(seconds, end)
    limit.start()
    try:
        with log.open("a", encoding="utf-8") as file:
            for line in cast(IO[str], process.stdout):
                file.write(line)
                if found := _ENDED.match(line):
                    name, outcome, took = found.groups()
                    ended(name, outcome.strip("* ").lower(), float(took))
    finally:
        limit.cancel()
        end()
        process.wait()
