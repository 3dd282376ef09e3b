"""Draws loss curves: the mean over seeds with its spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from aero.checkpoint.run_folder import NothingToShow, Run
from aero.core.records import FloatArray
from aero.results.figures import scales, style
from aero.results.figures.records import Shown, extract
from aero.results.figures.seeds import over_seeds
from aero.results.inputs import Series

QUANTITIES = ("evaluation", "training")
UNITS = ("loss", "perplexity")
AXES = ("steps", "tokens")
FEW = 3  # a line of fewer points cannot be seen


@dataclass(frozen=True)
class Curve:
    """Holds a series over the points that all its runs have."""

    label: str
    x: FloatArray
    mean: FloatArray
    deviation: FloatArray | None  # sample standard deviation; None with one run
    runs: list[tuple[FloatArray, FloatArray]]
    ends: list[tuple[float, float]]  # where a run stopped at a value that was not finite
    ended_early: bool  # whether some run has points beyond those of the mean


def _exponential(loss: float) -> float:
    """Returns e to the loss, which is infinite above what a float holds."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def _points(run: Run, quantity: str, unit: str, smooth: int) -> dict[int, float]:
    """Lists the points by step. Raises UsageError where there is none."""
    pairs = run.evaluations if quantity == "evaluation" else run.losses
    finite = [(step, loss) for step, loss in pairs if math.isfinite(loss)]
    if quantity == "training" and smooth > 1:
        windows = [finite[i : i + smooth] for i in range(0, len(finite) - smooth + 1, smooth)]
        finite = [(window[-1][0], float(np.mean([v for _, v in window]))) for window in windows]
    values = {step: _exponential(loss) if unit == "perplexity" else loss for step, loss in finite}
    found = {step: value for step, value in values.items() if math.isfinite(value)}
    if not found:
        raise NothingToShow(run, f"no {quantity} loss yet that is finite")
    return found


def _place(run: Run, step: int, axis: str) -> float:
    return float(step) if axis == "steps" else run.tokens.get(step, 0) / 1e6


def _curve(shown: Shown[dict[int, float]], axis: str) -> Curve:
    runs, ends, by_step = [], [], []
    for run, points in shown.runs:
        steps = sorted(points)
        values = np.array([points[step] for step in steps])
        by_step.append((np.array(steps, dtype=np.float64), values))
        x = np.array([_place(run, step, axis) for step in steps])
        runs.append((x, values))
        if run.nonfinite:
            ends.append((float(x[-1]), float(values[-1])))
    common = over_seeds(by_step)
    first = shown.runs[0][0]
    x = np.array([_place(first, int(step), axis) for step in common.steps])
    return Curve(shown.label, x, common.mean, common.deviation, runs, ends, common.ended_early)


def curves(
    series: Sequence[Series], quantity: str, unit: str, axis: str, smooth: int = 1
) -> list[Curve]:
    """Makes at least one curve; runs without a point are left out with a note."""
    found = extract(series, lambda run: _points(run, quantity, unit, smooth))
    return [_curve(each, axis) for each in found]


def draw(
    series: Sequence[Series],
    width: float,
    quantity: str,
    unit: str,
    axis: str,
    smooth: int,
    scale: str = "auto",
) -> Figure:
    """Draws the curves, with bands of one standard deviation over seeds.

    A cross marks where a run diverged. Where some seed ended before others, each is drawn thinly,
    too.
    """
    found = curves(series, quantity, unit, axis, smooth)
    figure, axes = style.panels([""], width, 0.6)
    ax = axes[0, 0]
    colors = style.colors(len(found))
    handles = []
    for index, data in enumerate(found):
        look = {"color": colors[index], "linestyle": style.line(index)}
        mark = style.marker(index) if len(data.x) < FEW else None
        handles += ax.plot(data.x, data.mean, **look, marker=mark, label=data.label)
        if data.deviation is not None:
            low, high = data.mean - data.deviation, data.mean + data.deviation
            ax.fill_between(data.x, low, high, color=colors[index], alpha=style.BAND, linewidth=0)
        if data.ended_early:
            for x, y in data.runs:
                ax.plot(x, y, **look, linewidth=0.5)
        ax.plot(*np.array(data.ends).reshape(-1, 2).T, "x", color=colors[index])
    ax.set_xlabel("optimizer steps" if axis == "steps" else "training tokens (millions)")
    split = "held-out" if quantity == "evaluation" else "training"
    ax.set_ylabel(f"{split} loss (nats a token)" if unit == "loss" else f"{split} perplexity")
    drawn = [float(y) for data in found for _, values in data.runs for y in values]
    if unit == "perplexity" or scale == "log":
        scales.set_scale(ax.yaxis, drawn, scale, 0.09, spread=True)
    if axis == "steps":
        style.step_axis(ax, width)
    style.legend(figure, handles)
    style.key(figure, _marks(found))
    return figure


def _marks(found: Sequence[Curve]) -> list[Artist]:
    """Lists the entries of this figure's key."""
    marks: list[Artist] = [*style.band_mark(len(data.runs) for data in found)]
    if any(data.ended_early for data in found):
        marks.append(style.line_mark("a single seed", linewidth=0.5))
    if any(data.ends for data in found):
        text = "stopped at a value that is not finite"
        marks.append(style.line_mark(text, marker="x", linestyle="none"))
    return marks
