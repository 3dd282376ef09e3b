"""Draws tokens/s and peak memory of a training step against each of its sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aero.results.figures import scales, style
from aero.results.growth import Curve

_HEIGHT = 3.4  # inches
_TICK = 0.12  # the room of a tick label on a vertical axis
_IDEAL = {"color": style.AUXILIARY, "linestyle": "--"}
_MEASURED = {"color": style.COLORS[0], "marker": "o"}


def _numbers(values: Iterable[float | None], scale: float = 1) -> list[float]:
    return [math.nan if value is None else value * scale for value in values]


def _ticks(ax: Axes, values: Sequence[int]) -> None:
    """Marks every size, and names every other one of many."""
    ax.set_xscale("log", base=2)
    each = 2 if len(values) > 3 else 1
    ax.set_xticks(values, [f"{v:,}" if i % each == 0 else "" for i, v in enumerate(values)])
    ax.set_xticks([], minor=True)


def draw(curves: Sequence[Curve], gemm_flops_per_second: float | None) -> Figure:
    """Draws a column for each size on a page: tokens/s beside the ideal, below it memory."""
    figure = Figure(figsize=(style.WIDTHS["page"], _HEIGHT), layout="constrained")
    axes = figure.subplots(2, len(curves), sharex="col", sharey="row", squeeze=False)
    speeds: list[float] = []
    memories: list[float] = []
    for (above, below), curve in zip(axes.T, curves, strict=True):
        sizes = [point.value for point in curve.points]
        ideal = _numbers(point.ideal_tokens_per_second for point in curve.points)
        speed = _numbers(point.tokens_per_second for point in curve.points)
        memory = _numbers((point.peak_bytes for point in curve.points), 1e-9)
        above.plot(sizes, ideal, **_IDEAL)
        above.plot(sizes, speed, **_MEASURED)
        below.plot(sizes, memory, **_MEASURED)
        _ticks(below, sizes)
        below.set_xlabel(curve.size)
        speeds += ideal + speed
        memories += memory
    axes[0, 0].set_ylabel("tokens/s")
    axes[1, 0].set_ylabel("peak memory (GB)")
    scales.set_scale(axes[0, 0].yaxis, speeds, "log", _TICK)
    scales.set_scale(axes[1, 0].yaxis, memories, "log", _TICK)
    marks = [style.line_mark("measured", **_MEASURED)]
    if gemm_flops_per_second is not None:
        rate = f"{gemm_flops_per_second / 1e9:,.0f} GFLOP/s"
        marks.append(style.line_mark(f"all FLOPs at the rate of products, {rate}", **_IDEAL))
    style.key(figure, marks)
    return figure
