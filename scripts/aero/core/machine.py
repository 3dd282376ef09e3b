"""Describes the machine that measures seconds, and whether other programs are busy on it."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from pathlib import Path


def processor() -> str:
    """Returns the processor's name from /proc/cpuinfo, or else its kind."""
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE):
            return found[1].strip()
    return platform.processor() or platform.machine()


def describe() -> str:
    """Returns the processor's name and its number of cores."""
    return f"{processor()}, {os.cpu_count()} cores"


def _busy_seconds() -> float | None:
    """Sums the seconds that all cores were busy since the start of the machine."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, *rest = map(int, line.split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def busy_cores(seconds: float = 1.0) -> float | None:
    """Returns how many cores were busy, on average over `seconds`; None where the system does not
    report it.
    """
    before, start = _busy_seconds(), time.monotonic()
    if before is None:
        return None
    time.sleep(seconds)
    after = _busy_seconds()
    assert after is not None
    return (after - before) / (time.monotonic() - start)
