"""Runs a command in its own process, limits its time and measures its peak memory."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from resource import struct_rusage

from aero.core.errors import AeroError
from aero.core.signals import Undisturbed

_POLL_SECONDS = 0.02


class OutOfTime(AeroError):  # noqa: N818, the process did nothing wrong
    """Reports that a process was stopped because its time was over."""


class ProcessFailed(AeroError):  # noqa: N818
    """Reports that a process ended with a status other than 0; `output` is its last output."""

    def __init__(self, code: int, output: str) -> None:
        ended = f"a turn was ended by signal {-code}" if code < 0 else f"a turn failed ({code})"
        super().__init__(f"{ended}:\n{output}")
        self.code = code
        self.output = output


def tail(log: Path) -> str:
    """Returns the last lines of a process's output, or the last line of a Python traceback."""
    lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    traced = any(line.startswith("Traceback ") for line in lines)
    return "\n".join(lines[-1:] if traced else lines[-20:]) or "it printed nothing"


def _wait(process: subprocess.Popen[bytes], until: float | None) -> tuple[int, struct_rusage]:
    """Returns the process's status and its use of resources. Raises TimeoutError."""
    if until is None:
        _, status, usage = os.wait4(process.pid, 0)
        return status, usage
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            return status, usage
        if time.monotonic() >= until:
            raise TimeoutError
        time.sleep(_POLL_SECONDS)


def run_process(
    command: list[str],
    log: Path,
    limit: float | None = None,
    grace: float = 0,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Runs a command, and returns its peak resident memory in bytes.

    The result is at least the memory of this process, which stays small. After `limit` seconds the
    command gets SIGTERM, and `grace` seconds later SIGKILL. Raises ProcessFailed where the command
    fails, and OutOfTime where it was killed or failed because of the limit.
    """
    start = time.monotonic()
    until = None if limit is None else start + limit
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
        except OSError as error:
            raise AeroError(f"{command[0]}: {error.strerror}") from error
        stopped = False
        try:
            try:
                status, usage = _wait(process, until)
            except TimeoutError:
                stopped = True
                process.send_signal(signal.SIGTERM)
                status, usage = _wait(process, time.monotonic() + grace)
        except TimeoutError:
            process.kill()
            process.wait()
            raise OutOfTime(f"{command[0]}: stopped after {limit:.0f} s") from None
        except BaseException:
            with Undisturbed():
                process.kill()
                process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        if stopped:
            raise OutOfTime(f"{command[0]}: stopped after {limit:.0f} s")
        raise ProcessFailed(process.returncode, tail(log))
    return usage.ru_maxrss * 1024
