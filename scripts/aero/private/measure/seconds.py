"""Fits a cost model's seconds to timed probes: lines over sizes, products by their cuts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
from scipy.optimize import nnls

from aero.private.measure.probes import COMPOSED, Measurements, Probe, matrix_probes, short_probes
from aero.private.program.products import SLOTS, cuts

# The counts from which a product's seconds follow, in the order of MatrixSeconds.
COUNTS = ("sent", "plain", "merges", "lone")
# The long probe that gives the slope of each short one.
LONG = {
    "multiply_activation": "product",
    "multiply_weight": "weight",
    "multiply_constant": "constant",
    "relu": "relu",
    "exp": "exp",
    **{name: name for name in COMPOSED},
}


@dataclass(frozen=True)
class VectorSeconds:
    """Models start + n each, or start ceil(n / SLOTS) + n each where SPU computes in batches."""

    start: float
    each: float


@dataclass(frozen=True)
class MatrixSeconds:
    """Models the seconds of a matrix product.

    They are start + sent x ciphertexts sent + plain x polynomials + merge x merges + lone x lone
    steps of a cut, and m n truncations. Where a party multiplies a share of its own by its weights,
    own_start + own x m k n are added.
    """

    start: float
    sent: float
    plain: float
    merge: float
    lone: float
    own_start: float
    own: float


@dataclass(frozen=True)
class Seconds:
    """Holds the seconds of the measured primitives by name."""

    vectors: Mapping[str, VectorSeconds]
    matrices: Mapping[str, MatrixSeconds]
    setup: float


def vector_line(
    short: tuple[int, float], long: tuple[int, float], batched: bool = False
) -> VectorSeconds:
    """Fits a line through two measurements (elements, seconds), with neither part below 0.

    Where `batched`, the short measurement takes as long as a full batch.
    """
    if batched:
        rest = long[1] - short[1] * math.ceil(long[0] / SLOTS)
        return VectorSeconds(short[1], max(0.0, rest / long[0]))
    each = max(0.0, (long[1] - short[1]) / (long[0] - short[0]))
    return VectorSeconds(max(0.0, short[1] - each * short[0]), each)


def matrix_seconds(
    shapes: Sequence[tuple[int, int, int]],
    prompts: Sequence[tuple[int, int, int]],
    seconds: Sequence[float],
    truncation: float,
) -> MatrixSeconds:
    """Fits by least squares of the relative errors, with no part below 0.

    `seconds` are first those of products by shares, then those by a prompt, of which the weights'
    owner has no share. Without a product by a prompt, what the owner computes by itself cannot be
    separated from the rest, and is 0. `truncation` is the time for each number.
    """
    rows = []
    for number, (m, k, n) in enumerate([*shapes, *prompts]):
        own = bool(prompts) and number < len(shapes)
        parts = cuts(m, k, n)
        counts = (sum(getattr(cut, count) for cut in parts) for count in COUNTS)
        rows.append((1, *counts, own, own * m * k * n))
    sizes = np.array(rows, dtype=float)
    units = np.maximum(sizes.max(axis=0), 1)
    measured = np.asarray(seconds)
    truncated = np.array([truncation * m * n for m, _, n in [*shapes, *prompts]])
    seconds_of_parts, _ = nnls(sizes / units / measured[:, None], 1 - truncated / measured)
    return MatrixSeconds(*(seconds_of_parts / units).tolist())


def _times(measured: Measurements, name: str) -> list[float]:
    return [run.total.seconds for run in measured.runs[name]]


def batched_vectors(colocated: bool) -> set[str]:
    """Names the vectors that take one-sided products alone.

    A batch of those costs the same however full it is. They are exp's squares, and products by
    weights that one party has.
    """
    return {"exp", "multiply_weight"} if colocated else {"exp"}


def seconds_of(
    timed: Measurements, counted: Measurements, probes: Sequence[Probe], colocated: bool
) -> Seconds:
    """Fits the short probes, the matrix probes and the probes that bytes are counted with.

    Long vectors take their mean, which includes oblivious transfers that are made now and then.
    """
    elements = {probe.name: probe.elements for probe in probes}
    short = {probe.name: probe.elements for probe in short_probes()}
    vectors = {
        name: vector_line(
            (short[name], min(_times(timed, name))),
            (elements[long], fmean(_times(counted, long))),
            name in batched_vectors(colocated),
        )
        for name, long in LONG.items()
    }
    shapes: dict[str, list[tuple[int, int, int]]] = {}
    times: dict[str, list[float]] = {}
    for probe in matrix_probes(colocated):
        if probe.name not in timed.runs:
            continue  # there was too little memory for it
        kind = probe.name.split(" ")[0]
        (m, k), (_, n) = probe.shapes
        shapes.setdefault(kind, []).append((m, k, n))
        times.setdefault(kind, []).append(median(_times(timed, probe.name)))
    truncation = vectors["multiply_constant"].each
    weight, prompt, activation = (f"matmul_{kind}" for kind in ("weight", "prompt", "activation"))
    by_weight = [*times[weight], *times.get(prompt, [])]
    return Seconds(
        vectors,
        {
            weight: matrix_seconds(shapes[weight], shapes.get(prompt, []), by_weight, truncation),
            activation: matrix_seconds(shapes[activation], [], times[activation], truncation),
        },
        counted.setup.total.seconds,
    )
