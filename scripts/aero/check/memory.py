"""How much memory a run holds at present."""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path

from aero.benchmark.card import query_command

_MEBIBYTE = 1 << 20


def memory_in_use(device: str, process: int) -> int | None:
    """Bytes: of the whole card, whose processes a container may not tell apart; on the CPU those
    that the process has resident. None where it cannot be told.
    """
    if device.startswith("cuda"):
        command = query_command(device, "memory.used")
        with contextlib.suppress(OSError, ValueError):
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            return int(said) * _MEBIBYTE
        return None
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        if found := re.search(r"^VmRSS:\s+([0-9]+) kB$", status, re.MULTILINE):
            return int(found[1]) * 1024
    return None
