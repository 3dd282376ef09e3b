"""Describes the machine that measures: its GPU, the software that computes, the memory in use."""

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
from aero.core.launch import TORCH
from aero.core.machine import processor
from aero.core.places import ROOT

_SAMPLE_MILLISECONDS = 200
_MEBIBYTE = 1 << 20


def _output_of(command: list[str]) -> str:
    """Returns a command's output, empty where there is no such program, or where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def query_command(device: str, keys: str) -> list[str]:
    """Returns the command that describes a GPU: cuda, the first that programs see, or cuda:N."""
    number = int(device.partition(":")[2] or 0)
    seen = list(filter(None, os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")))
    gpu = seen[number] if number < len(seen) else str(number)
    return ["nvidia-smi", "-i", gpu, f"--query-gpu={keys}", "--format=csv,noheader,nounits"]


def _commit() -> str:
    """Returns the commit of the sources, from AERO_COMMIT or from git."""
    described = _output_of(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    )
    return os.environ.get("AERO_COMMIT", "") or described or "unknown"


def machine(aero: Path, device: str) -> dict[str, str]:
    """Returns what figures depend on beside a setting: the machine, the program, the libraries.

    Raises UsageError where `device` is a GPU that the machine lacks, where the program does not
    run, or where this Python has no torch.
    """
    doctor = _output_of([str(aero), "doctor"])
    libtorch = re.search(r"^LibTorch\s+(\S+)", doctor, re.MULTILINE)
    if libtorch is None:
        raise UsageError(f"{aero}: `{aero} doctor` fails; run it to see why")
    card, driver = processor(), "none"
    if device.startswith("cuda"):
        facts = _output_of(query_command(device, "name,driver_version")).split(", ")
        if len(facts) != 2:
            raise UsageError("nvidia-smi reports no GPU; --device cpu needs none")
        card, driver = facts
    try:
        pytorch = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(f"the Python package torch is missing; {TORCH}") from None
    return {
        "card": card,
        "driver": driver,
        "libtorch": libtorch[1],
        "pytorch": pytorch,
        "commit": _commit(),
        "program": hashlib.sha256(aero.read_bytes()).hexdigest()[:16],
    }


def machine_lines(facts: dict[str, str]) -> list[str]:
    """Returns the lines above a table that describe the machine."""
    return [
        f"{facts['card']}, driver {facts['driver']}, LibTorch {facts['libtorch']}, "
        f"PyTorch {facts['pytorch']}, AERO {facts['commit']}."
    ]


class MemoryInUse:
    """Holds the most bytes that the card had in use beyond those at the start."""

    peak_bytes: int | None = None  # None: it could not be measured


@contextlib.contextmanager
def watch_memory(device: str) -> Iterator[MemoryInUse]:
    """Samples the memory of the whole card, so that all sides are measured in the same way.

    The samples include what the allocators keep and what the kernels take.
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
    samples_of_card = cast(IO[str], sampler.stdout)
    try:
        first = samples_of_card.readline()  # the sampler is at work once it has printed a line
        yield found
    finally:
        sampler.terminate()
        rest = samples_of_card.read()
        sampler.wait()
    samples = [int(line) for line in (first + rest).split("\n") if line.strip().isdigit()]
    if len(samples) > 1:
        found.peak_bytes = (max(samples) - samples[0]) * _MEBIBYTE
