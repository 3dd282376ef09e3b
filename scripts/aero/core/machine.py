"""What seconds were measured on, and whether other programs were busy there."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path


def describe() -> str:
    """Processor and cores."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} cores"


def _busy_seconds() -> float | None:
    """Of all cores since the start of the machine."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, *rest = map(int, line.split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def busy_cores(seconds: float = 1.0) -> float | None:
    """How many cores are busy for so long; None where the system does not say."""
    before, start = _busy_seconds(), time.monotonic()
    if before is None:
        return None
    time.sleep(seconds)
    after = _busy_seconds()
    assert after is not None
    return (after - before) / (time.monotonic() - start)
