"""Asks `aero doctor` how fast this machine multiplies matrices."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from aero.benchmark.processes import run_process
from aero.core.errors import AeroError


def product_rate(aero: Path, dtype: str, threads: int, limit: float) -> float:
    """Returns the FLOP/s of large products on the CPU. Raises AeroError where it says none."""
    with tempfile.TemporaryDirectory(prefix="aero-benchmark-") as name:
        log = Path(name) / "log.txt"
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        run_process([str(aero), "doctor"], log, limit, environment=environment)
        said = log.read_text(encoding="utf-8", errors="replace")
    found = re.search(
        rf"^matrix products of \d+ on the CPU:\n(?:  .*\n)*?  {dtype} +(\d+) GFLOP/s$", said, re.M
    )
    if found is None:
        raise AeroError(f"`{aero} doctor` reports no rate of products in {dtype} on the CPU")
    return float(found[1]) * 1e9
