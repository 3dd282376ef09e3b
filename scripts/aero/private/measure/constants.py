"""Derives the constants of a cost model from measured probes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aero.config.cost_models import SHIPPED
from aero.core.errors import UsageError
from aero.core.jsonc import load_object
from aero.private.measure.probes import COMPOSED, KEPT, Measurements, Probe
from aero.private.program.products import SLOTS
from aero.private.program.settings import VERSION

# The file of configs/cost that has the formulas of this SPU.
STRUCTURE = f"spu_{VERSION}"
# Kernels that draw on oblivious transfers or truncate: all but products and matrix products.
PRODUCTS = ("mul_aa", "mul_av", "square_s", "mmul_aa", "mmul_av", "mmul_sv")


@dataclass(frozen=True)
class Constants:
    """Holds bytes, both directions summed."""

    ole_batch: float
    product_batch: float
    triple: float
    truncation: float
    compare: float
    select: float
    exp_rest: float
    ct_in: float
    ct_out: float
    ct_kept: float
    setup_bytes: float
    rests: Mapping[str, float]  # of each function in COMPOSED


class _Counter:
    """Looks up measured bytes by probe and kernel."""

    def __init__(self, measured: Measurements, probes: list[Probe]) -> None:
        self._runs = measured.runs
        self._elements = {probe.name: probe.elements for probe in probes}

    def kernel(self, probe: str, *names: str, lowest: bool = False) -> float:
        """Returns the bytes of these kernels: the mean of the probe's runs, or the lowest."""
        sums = [
            sum(run.kernels[name].bytes for name in names if name in run.kernels)
            for run in self._runs[probe]
        ]
        return min(sums) if lowest else sum(sums) / len(sums)

    def by_element(self, probe: str, *names: str) -> float:
        return self.kernel(probe, *names) / self._elements[probe]

    def rest(self, probe: str) -> float:
        """Returns the bytes that all kernels but products take for an element."""
        names = {
            name
            for run in self._runs[probe]
            for name in run.kernels
            if not name.startswith("pphlo.") and name not in PRODUCTS
        }
        return self.by_element(probe, *names)

    def rest_of(self, probe: str, formula: str, ole_batch: float, triple: float) -> float:
        """Returns rest() after a check that SPU makes as many products and squares as `formula`.

        They are counted at a length at which products find triples ready. Raises UsageError where
        the numbers differ.
        """
        count = f"{probe}_count"
        measured = {
            "product": self.kernel(count, "mul_aa", lowest=True) / (triple * self._elements[count]),
            "square": self.kernel(count, "square_s") / ole_batch,
        }
        for call, value in measured.items():
            known = calls_in(formula, call)
            if abs(value - known) > 0.02 * max(1.0, value):
                raise UsageError(
                    f"{probe}: {value:.3f} of {call}(n) an element, and {known} in {formula!r} of "
                    f"{STRUCTURE}: this SPU computes it in another way"
                )
        return self.rest(probe)


def calls_in(formula: str, name: str) -> int:
    """Counts the calls of a name in a formula: 11 of product in "11 * product(n) + square(n)"."""
    found = re.findall(rf"(?:(\d+) \* )?\b{name}\(n\)", formula)
    return sum(int(count or 1) for count in found)


def byte_formulas() -> dict[str, str]:
    """Reads the formulas of the primitives' bytes from the file that all models of SPU extend."""
    primitives = load_object(SHIPPED / f"{STRUCTURE}.json")["primitives"]
    return {name: str(entry["bytes"]) for name, entry in primitives.items()}


def constants_of(measured: Measurements, probes: list[Probe], exp_squares: int) -> Constants:
    """Derives all constants. Raises UsageError where SPU does not compute as the formulas say."""
    formulas = byte_formulas()
    counter = _Counter(measured, probes)
    ole_batch = counter.kernel("exp", "square_s") / (exp_squares * 32768 // SLOTS)
    triple = counter.kernel("triple", "mul_aa", lowest=True) / 256
    matmul = ("mmul_aa", "mmul_av", "mmul_sv")
    one, four, back = (
        counter.kernel(f"matmul_{shape}", *matmul) for shape in ("1_1", "4_1", "1_4")
    )
    factor = round(counter.kernel("activations_1_1", *matmul) / one)  # 1: the weights are shared
    directions = 2 if factor == 1 else 1
    ct_in = (four - one) / 3 / directions
    ct_out = (back - one) / 3 / directions
    if abs(ct_in + ct_out - one / directions) > 0.02 * one:
        raise UsageError("matrix products: the number of ciphertexts is not that of the formulas")
    # A lone result sends one polynomial whole, and of the other one a coefficient for each number.
    kept = counter.kernel("matmul_kept", *matmul) / directions - ct_in - ct_out / 2
    return Constants(
        ole_batch=ole_batch,
        product_batch=counter.kernel("product", "mul_aa") / (32768 // SLOTS),
        triple=triple,
        truncation=counter.by_element("constant", "trunc_a"),
        compare=counter.by_element("relu", "msb_a2b"),
        select=counter.by_element("relu", "mul_a1b"),
        exp_rest=counter.rest("exp"),
        ct_in=ct_in,
        ct_out=ct_out,
        ct_kept=kept / KEPT,
        setup_bytes=measured.setup.total.bytes,
        rests={name: counter.rest_of(name, formulas[name], ole_batch, triple) for name in COMPOSED},
    )


def rounds_of(near: Measurements, far: Measurements, rate: float, delay: float) -> dict[str, float]:
    """Returns the round trips of each short probe.

    They follow from how much longer it takes on a line of `rate` bits a second and `delay` seconds
    a round trip than on the loopback, without the time of its bytes.
    """
    rounds = {}
    for name, runs in far.runs.items():
        seconds = [
            run.total.seconds - 8 * max(run.total.sent, run.total.received) / rate for run in runs
        ]
        here = min(run.total.seconds for run in near.runs[name])
        rounds[name] = max(0.0, round((min(seconds) - here) / delay, 1))
    return rounds
