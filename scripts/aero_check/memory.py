"""How much memory a run holds at present."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from pathlib import Path

_MEBIBYTE = 1 << 20
_QUERY = ("--query-gpu=memory.used", "--format=csv,noheader,nounits")


def memory_in_use(device: str, process: int) -> int | None:
    """Bytes: of the whole card, whose processes a container may not tell apart; on the CPU those
    that the process has resident. None where it cannot be told.
    """
    if device.startswith("cuda"):
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0] or "0"
        command = ["nvidia-smi", "-i", first, *_QUERY]
        with contextlib.suppress(OSError, ValueError):
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            return int(said) * _MEBIBYTE
        return None
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        if found := re.search(r"^VmRSS:\s+([0-9]+) kB$", status, re.MULTILINE):
            return int(found[1]) * 1024
    return None
