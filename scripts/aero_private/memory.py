"""What a run takes of memory, estimated before it starts."""

from __future__ import annotations

from pathlib import Path

from .errors import PrivateError
from .program import Program
from .settings import SERVER, Settings

BASE = 650e6  # a process of Python, JAX and SPU
# A matrix product [m, k] x [k, n] keeps one operand as polynomials of 8,192 coefficients of three
# 64-bit primes, m k n / 8192 of them where shared; measured up to 1.3 times that.
BYTES_A_PRODUCT = 24 * 1.3
SHARE = 8


def _products(program: Program, shapes: dict[str, tuple[int, ...]]) -> dict[str, float]:
    """M k n of each matrix product."""
    sizes = {}
    for stage in program.stages:
        if len(stage.inputs) < 2 or stage.function.__class__.__name__ == "ufunc":
            continue
        left, right = shapes.get(stage.inputs[0]), shapes.get(stage.inputs[1])
        if left and right and len(left) == 2 and len(right) == 2 and left[1] == right[0]:
            sizes[stage.label] = float(left[0]) * left[1] * right[1]
    return sizes


def estimate(program: Program, shapes: dict[str, tuple[int, ...]]) -> tuple[float, str]:
    """Bytes of one party at its peak, and the stage that takes most.

    `shapes` has those of all values, as program.shapes() gives them.
    """
    products = _products(program, shapes)
    label = max(products, key=products.__getitem__)
    numbers = 0.0
    for _name, value in program.inputs.items():
        size = 1.0
        for extent in value.shape:
            size *= extent
        # Made, sent and kept.
        numbers += size * SHARE * (1 if value.owner == SERVER else 3)
    return BASE + products[label] * BYTES_A_PRODUCT + numbers, label


def of_product(m: int, k: int, n: int, parties: int) -> float:
    """Bytes of so many parties while they make one matrix product."""
    return parties * (BASE + BYTES_A_PRODUCT * m * k * n)


def available() -> float | None:
    """Bytes that new processes can take, where the system says so."""
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
    program: Program, shapes: dict[str, tuple[int, ...]], settings: Settings, parties: int
) -> float:
    """The estimate for the parties that run here; raises PrivateError where it does not fit."""
    need, label = estimate(program, shapes)
    # Colocated, the server alone has the weights' polynomials; QK^T and PV are both parties'.
    both = need if parties == 1 or settings.colocated else 2 * need
    if parties == 2 and settings.colocated:
        both = need + BASE
    have = available()
    if have is not None and both > have:
        raise PrivateError(
            f"not enough memory: this run needs about {both / 1e9:.1f} GB here (the most in "
            f"{label}), and {have / 1e9:.1f} GB are free; take fewer tokens, --weights colocated, "
            f"or each party on a machine of its own (--party)"
        )
    return both
