"""Estimates the memory of a run before it starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from aero.core.errors import UsageError
from aero.private.program import functions
from aero.private.program.forward_pass import Program, Stage
from aero.private.program.products import SLOTS, cuts
from aero.private.program.settings import CLIENT, SERVER, Settings

PROCESS = 250e6  # of Python, JAX and SPU
OBLIVIOUS_TRANSFERS = 900e6  # of the transfers that the set-up makes
# For a field of 64 bits, SPU computes with three primes.
POLYNOMIAL = 3 * 8 * SLOTS
CIPHERTEXT = 2 * POLYNOMIAL
SHARE = 8
# Of each element of a vector, by stage; measured with GELU of up to 131,072, ReLU of 524,288.
ELEMENT = {"activation": 7500, "softmax": 3000}
MARGIN = 1.1

Shapes = Mapping[str, tuple[int, ...]]


def of_product(m: int, k: int, n: int) -> float:
    """Returns the bytes of the party that multiplies part after part; the other one's are few."""
    return max(
        float(POLYNOMIAL * part.plain + CIPHERTEXT * (part.results + part.sent))
        for part in cuts(m, k, n)
    )


def _of_stage(stage: Stage, shapes: Shapes, multiplies: bool) -> float:
    output = shapes[stage.output]
    if stage.function is functions.product:
        (m, k), (_, n) = (shapes[name] for name in stage.inputs[:2])
        return of_product(m, k, n) if multiplies else 0.0
    if stage.name == "scores":  # [H, T, T], one head after the other
        heads, length, _ = output
        return of_product(length, shapes[stage.inputs[0]][1] // heads, length)
    if stage.name == "mix":
        heads, length, _ = shapes[stage.inputs[0]]
        return of_product(length, length, output[1] // heads)
    return float(ELEMENT.get(stage.name, 0)) * math.prod(output)


def working_memory(
    program: Program, shapes: Shapes, settings: Settings, rank: int
) -> tuple[float, str]:
    """Returns a party's peak bytes, without its process, and the stage that needs most.

    `shapes` holds the shapes of all values, as program.shapes() returns them.
    """
    # Colocated, the server holds the weights' polynomials; else each party those of its share.
    multiplies = rank == SERVER or not settings.colocated
    sizes = {stage.label: _of_stage(stage, shapes, multiplies) for stage in program.stages}
    label = max(sizes, key=sizes.__getitem__)
    numbers = 0.0
    for value in program.inputs.values():
        # They are made, sent and kept.
        numbers += SHARE * math.prod(value.shape) * (1 if value.owner == SERVER else 3)
    return MARGIN * (OBLIVIOUS_TRANSFERS + sizes[label] + numbers), label


def available() -> float | None:
    """Returns the bytes that new processes can take; None where the system does not say so."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    entries = dict(line.split(":", 1) for line in lines)
    free = float(entries["MemAvailable"].split()[0]) * 1024
    for limit_file, usage_file in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        try:
            limit = Path(limit_file).read_text(encoding="ascii").strip()
            usage = Path(usage_file).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if limit.isdigit():
            free = min(free, float(limit) - float(usage))
    return free


def check_memory(
    program: Program, shapes: Shapes, settings: Settings, party: int | None = None
) -> float:
    """Estimates the bytes of the parties that run here. Raises UsageError where they do not fit."""
    here = (CLIENT, SERVER) if party is None else (party,)
    needs = [working_memory(program, shapes, settings, rank) for rank in here]
    need = sum(PROCESS + size for size, _ in needs)
    _, label = max(needs)
    have = available()
    if have is not None and need > have:
        raise UsageError(
            f"not enough memory: this run needs about {need / 1e9:.1f} GB here (the most in "
            f"{label}), and {have / 1e9:.1f} GB are free; take fewer tokens, --weights colocated, "
            f"or each party on a machine of its own (--party)"
        )
    return need
