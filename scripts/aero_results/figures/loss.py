"""Loss curves: the mean over seeds with its spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from aero_results.errors import ResultsError
from aero_results.figures import style
from aero_results.inputs import Series
from aero_results.run_folder import FloatArray, Run

QUANTITIES = ("evaluation", "training")
UNITS = ("loss", "perplexity")
AXES = ("steps", "tokens")


@dataclass(frozen=True)
class Curve:
    """A series over the points that all its runs have."""

    label: str
    x: FloatArray
    mean: FloatArray
    deviation: FloatArray | None  # sample standard deviation; None with one run
    runs: list[tuple[FloatArray, FloatArray]]
    ends: list[tuple[float, float]]  # where a run stopped at a value that was not finite


def _points(run: Run, quantity: str, unit: str, smooth: int) -> dict[int, float]:
    pairs = run.evaluations if quantity == "evaluation" else run.losses
    finite = [(step, loss) for step, loss in pairs if math.isfinite(loss)]
    if quantity == "training" and smooth > 1:
        windows = [finite[i : i + smooth] for i in range(0, len(finite) - smooth + 1, smooth)]
        finite = [(window[-1][0], float(np.mean([v for _, v in window]))) for window in windows]
    return {step: math.exp(loss) if unit == "perplexity" else loss for step, loss in finite}


def _place(run: Run, step: int, axis: str) -> float:
    return float(step) if axis == "steps" else run.tokens.get(step, 0) / 1e6


def curve(series: Series, quantity: str, unit: str, axis: str, smooth: int = 1) -> Curve:
    """Raises ResultsError where no run has a point."""
    points = [_points(run, quantity, unit, smooth) for run in series.runs]
    if not any(points):
        raise ResultsError(
            f"{series.runs[0].folder}/metrics.jsonl: no {quantity} loss yet; has the run begun?"
        )
    common = sorted(set.intersection(*(set(each) for each in points)))
    values = np.array([[each[step] for step in common] for each in points])
    first = series.runs[0]
    runs, ends = [], []
    for run, each in zip(series.runs, points, strict=True):
        steps = sorted(each)
        x = np.array([_place(run, step, axis) for step in steps])
        runs.append((x, np.array([each[step] for step in steps])))
        if run.nonfinite and steps:
            ends.append((float(x[-1]), each[steps[-1]]))
    return Curve(
        series.label,
        np.array([_place(first, step, axis) for step in common]),
        values.mean(axis=0),
        values.std(axis=0, ddof=1) if len(points) > 1 else None,
        runs,
        ends,
    )


def draw(
    series: Sequence[Series], width: float, quantity: str, unit: str, axis: str, smooth: int
) -> Figure:
    """Bands are one standard deviation over seeds; a cross marks where a run diverged."""
    figure, axes = style.panels(1, width, 0.6)
    ax = axes[0, 0]
    for index, each in enumerate(series):
        data = curve(each, quantity, unit, axis, smooth)
        color, line = style.color(index), style.line(index)
        ax.plot(data.x, data.mean, color=color, linestyle=line, label=each.label)
        if data.deviation is not None:
            low, high = data.mean - data.deviation, data.mean + data.deviation
            ax.fill_between(data.x, low, high, color=color, alpha=0.2, linewidth=0)
        if data.ends:
            for x, y in data.runs:
                ax.plot(x, y, color=color, linestyle=line, linewidth=0.5)
            ax.plot(*zip(*data.ends, strict=True), color=color, marker="x", linestyle="none")
    ax.set_xlabel("optimizer steps" if axis == "steps" else "training tokens (millions)")
    split = "held-out" if quantity == "evaluation" else "training"
    ax.set_ylabel(f"{split} loss (nats a token)" if unit == "loss" else f"{split} perplexity")
    if unit == "perplexity":
        style.log_y(ax)
    style.legend(figure, len(series))
    return figure
