"""The machine that figures are measured on: its GPU, what computes on it, the memory in use."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from aero.core.errors import UsageError
from aero.core.machine import processor
from aero.core.places import ROOT

_SAMPLE_MILLISECONDS = 200
_MEBIBYTE = 1 << 20


def _said(command: list[str]) -> str:
    """Returns what a command says; empty where there is no such program, or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def query_command(device: str, keys: str) -> list[str]:
    """The command that tells of a GPU: cuda, the first that programs see, or cuda:N."""
    number = int(device.partition(":")[2] or 0)
    seen = list(filter(None, os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")))
    gpu = seen[number] if number < len(seen) else str(number)
    return ["nvidia-smi", "-i", gpu, f"--query-gpu={keys}", "--format=csv,noheader,nounits"]


def _commit() -> str:
    """Names the commit of the sources; AERO_COMMIT says it where git does not."""
    described = _said(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"])
    return os.environ.get("AERO_COMMIT", "") or described or "unknown"


def machine(aero: Path, device: str) -> dict[str, str]:
    """Tells what decides figures and is not in a setting. Raises UsageError where there is no GPU
    but one is asked for, or the program does not run.
    """
    doctor = _said([str(aero), "doctor"])
    libtorch = re.search(r"^LibTorch\s+(\S+)", doctor, re.MULTILINE)
    if libtorch is None:
        raise UsageError(f"{aero}: `{aero} doctor` fails; run it to see why")
    card, driver = processor(), "none"
    if device.startswith("cuda"):
        facts = _said(query_command(device, "name,driver_version")).split(", ")
        if len(facts) != 2:
            raise UsageError("nvidia-smi tells of no GPU; --device cpu goes without")
        card, driver = facts
    return {
        "card": card,
        "driver": driver,
        "libtorch": libtorch[1],
        "pytorch": importlib.metadata.version("torch"),
        "commit": _commit(),
        "program": hashlib.sha256(aero.read_bytes()).hexdigest()[:16],
    }


def machine_lines(facts: dict[str, str]) -> list[str]:
    """Tells of the machine at the top of a table."""
    return [
        f"{facts['card']}, driver {facts['driver']}, LibTorch {facts['libtorch']}, "
        f"PyTorch {facts['pytorch']}, AERO {facts['commit']}."
    ]


class MemoryInUse:
    """Bytes that the card had in use at the most beyond those at the start."""

    peak_bytes: int | None = None  # None: it cannot be told


@contextlib.contextmanager
def watch_memory(device: str) -> Iterator[MemoryInUse]:
    """Samples the whole card, so that all sides are measured alike: with what their allocators
    keep, and their kernels' own.
    """
    found = MemoryInUse()
    if not device.startswith("cuda"):
        yield found
        return
    command = [*query_command(device, "memory.used"), "-lms", str(_SAMPLE_MILLISECONDS)]
    try:
        sampler = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    except OSError:
        yield found
        return
    said = cast(IO[str], sampler.stdout)
    try:
        first = said.readline()  # so that what follows finds it at work
        yield found
    finally:
        sampler.terminate()
        rest = said.read()
        sampler.wait()
    samples = [int(line) for line in (first + rest).split("\n") if line.strip().isdigit()]
    if len(samples) > 1:
        found.peak_bytes = (max(samples) - samples[0]) * _MEBIBYTE
