"""Runs PyTorch's side of a benchmark: nanoGPT's loop, in its own process."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from aero.benchmark.processes import run_process
from aero.benchmark.pytorch_task import PyTorchTask
from aero.core.places import SCRIPTS


@dataclass(frozen=True)
class PyTorchTurn:
    """Holds the seconds of all steps, the peak memory of the process and the FLOP/s of a large
    product.
    """

    seconds: list[float]
    peak_bytes: int
    gemm_flops_per_second: float | None


def pytorch_turn(task: PyTorchTask, folder: Path, limit: float | None = None) -> PyTorchTurn:
    """Runs one PyTorch process that writes into `folder`."""
    result = folder / "result.json"
    path = os.pathsep.join([str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "aero.core.launch", "aero.benchmark.pytorch_work"]
    command += [json.dumps(asdict(task)), str(result)]
    environment = {**os.environ, "PYTHONPATH": path}
    peak = run_process(command, folder / "log.txt", limit, environment=environment)
    found = json.loads(result.read_text(encoding="utf-8"))
    return PyTorchTurn(found["seconds"], peak, found["gemm_flops_per_second"])
