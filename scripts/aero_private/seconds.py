"""From timed probes to the seconds of a cost model, which are lines over sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
from scipy.optimize import nnls

from .constants import SLOTS
from .probes import Measurements, Probe, matrix_probes, short_probes

# The long probe that tells the slope of each short one.
LONG = {
    "multiply_activation": "product",
    "multiply_weight": "weight",
    "multiply_constant": "constant",
    "relu": "relu",
    "exp": "exp",
    "reciprocal": "reciprocal",
    "rsqrt": "rsqrt",
    "gelu": "gelu",
    "gelu_tanh": "gelu_tanh",
    "quadratic": "quadratic",
}


@dataclass(frozen=True)
class VectorSeconds:
    """start + n each, or, where SPU works on batches of SLOTS, start ceil(n / SLOTS) + n each."""

    start: float
    each: float
    batched: bool = False


@dataclass(frozen=True)
class MatrixSeconds:
    """start + operand min(m k, k n) + result m n + product m k n."""

    start: float
    operand: float
    result: float
    product: float


@dataclass(frozen=True)
class Seconds:
    """Of the primitives that are measured, by name."""

    vectors: Mapping[str, VectorSeconds]
    matrices: Mapping[str, MatrixSeconds]
    setup: float


def vector_line(
    short: tuple[int, float], long: tuple[int, float], batched: bool = False
) -> VectorSeconds:
    """Through two measurements (elements, seconds); neither part is below 0. `batched`: the short
    one takes what a batch takes.
    """
    if batched:
        rest = long[1] - short[1] * math.ceil(long[0] / SLOTS)
        return VectorSeconds(short[1], max(0.0, rest / long[0]), batched)
    each = max(0.0, (long[1] - short[1]) / (long[0] - short[0]))
    return VectorSeconds(max(0.0, short[1] - each * short[0]), each)


def matrix_plane(shapes: Sequence[tuple[int, int, int]], seconds: Sequence[float]) -> MatrixSeconds:
    """Least squares of the relative errors, no part below 0."""
    sizes = np.array([(1, min(m * k, k * n), m * n, m * k * n) for m, k, n in shapes], dtype=float)
    units = sizes.max(axis=0)
    measured = np.asarray(seconds)
    parts, _ = nnls(sizes / units / measured[:, None], np.ones(len(measured)))
    return MatrixSeconds(*(parts / units).tolist())


def _times(measured: Measurements, name: str) -> list[float]:
    return [run.total.seconds for run in measured.runs[name]]


def batched_vectors(colocated: bool) -> set[str]:
    """Those that are one-sided products throughout, of which a batch costs the same, however full:
    exp's squares, and products by weights that one party has.
    """
    return {"exp", "multiply_weight"} if colocated else {"exp"}


def seconds_of(
    timed: Measurements, counted: Measurements, probes: Sequence[Probe], colocated: bool
) -> Seconds:
    """From the short and matrix probes and those that bytes are counted with.

    Long vectors take their mean: oblivious transfers, made anew now and then, are part of it.
    """
    elements = {probe.name: probe.elements for probe in probes}
    short = {probe.name: probe.elements for probe in short_probes()}
    matrices: dict[str, list[Probe]] = {}
    for probe in matrix_probes():
        if probe.name not in timed.runs:
            continue  # for want of memory
        matrices.setdefault(probe.name.split(" ")[0], []).append(probe)
    return Seconds(
        {
            name: vector_line(
                (short[name], min(_times(timed, name))),
                (elements[long], fmean(_times(counted, long))),
                name in batched_vectors(colocated),
            )
            for name, long in LONG.items()
        },
        {
            name: matrix_plane(
                [(*probe.shapes[0], probe.shapes[1][1]) for probe in group],
                [median(_times(timed, probe.name)) for probe in group],
            )
            for name, group in matrices.items()
        },
        counted.setup.total.seconds,
    )
