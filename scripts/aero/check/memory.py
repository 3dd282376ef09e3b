"""Measures how much memory a run holds."""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path

from aero.benchmark.card import query_command

_MEBIBYTE = 1 << 20


def memory_in_use(device: str, process: int) -> int | None:
    """Returns the bytes in use on the card or, for the CPU, in the process's resident memory.

    Counts the whole card, because a container may not see its processes. Returns None where the
    system does not report it.
    """
    if device.startswith("cuda"):
        command = query_command(device, "memory.used")
        with contextlib.suppress(OSError, ValueError):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return int(done.stdout) * _MEBIBYTE
        return None
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        if found := re.search(r"^VmRSS:\s+([0-9]+) kB$", status, re.MULTILINE):
            return int(found[1]) * 1024
    return None
