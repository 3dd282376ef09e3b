"""Draws the shares of heads in the four entropy bins, and the sweep over gamma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from aero.checkpoint.run_folder import NothingToShow, Run
from aero.core.errors import UsageError
from aero.core.records import FloatArray
from aero.results.figures import scales, style
from aero.results.figures.records import extract, record_at
from aero.results.figures.text import LINE_HEIGHT, lines_of, wrap
from aero.results.inputs import Found, Series, comparable, note_left_out

BINS = ("[0, max/4)", "[max/4, max/2)", "[max/2, 3max/4)", "[3max/4, max]")


def finite_heads(run: Run, step: int | None) -> FloatArray:
    """Returns the mean entropies of a run's heads that have a finite row, in nats."""
    heads = record_at(run, step).heads
    finite = heads[np.isfinite(heads)]
    if not finite.size:
        raise NothingToShow(run, "no entropy bins; no head had a finite row")
    return finite


def bin_shares(heads: FloatArray, largest: float) -> FloatArray:
    """Returns the shares [4] of heads in quarters of [0, largest], which sum to 1."""
    quarters = np.floor(4 * heads / largest) if largest > 0 else np.zeros_like(heads)
    return np.bincount(np.clip(quarters, 0, 3).astype(int), minlength=4) / heads.size


def shared_bins(series: Sequence[Sequence[FloatArray]]) -> tuple[FloatArray, float]:
    """Returns shares [n, 4], each the mean over the runs of a series, and where the bins end.

    They end at the largest mean entropy of a head of all runs.
    """
    largest = max(float(heads.max()) for runs in series for heads in runs)
    shares = [np.mean([bin_shares(heads, largest) for heads in runs], axis=0) for runs in series]
    return np.stack(shares), largest


def _heading(largest: float | None, models: int) -> str:
    """Says what the bins measure."""
    if largest is None:
        return "entropy of a head; max: the largest mean of a head of each model for itself"
    whose = " of all models" if models > 1 else ""
    return f"entropy of a head; max: the largest mean of a head{whose}, {largest:.3g} nats"


def _marks() -> list[Patch]:
    """Returns an entry for each bin."""
    return [Patch(**_look(index), label=name) for index, name in enumerate(BINS)]


def _look(index: int) -> dict[str, Any]:
    shades = style.colormap()(np.linspace(0.1, 0.95, len(BINS)))
    return {
        "facecolor": shades[index],
        "hatch": style.HATCHES[index],
        "edgecolor": "white" if index < 2 else "black",
        "linewidth": 0.4,
    }


def _stack(ax: Axes, places: FloatArray, shares: FloatArray, thick: float, across: bool) -> None:
    """Draws `shares` [n, 4] as bars of 100%, lying or standing."""
    start = np.zeros(len(places))
    for index in range(len(BINS)):
        length = 100 * shares[:, index]
        if across:
            ax.barh(places, length, thick, left=start, **_look(index))
        else:
            ax.bar(places, length, thick, bottom=start, **_look(index))
        start += length
    (ax.set_xlim if across else ax.set_ylim)(0, 100)
    (ax.set_xlabel if across else ax.set_ylabel)("share of heads (%)")


def draw_bins(series: list[Series], width: float, step: int | None) -> Figure:
    """Draws a bar for each series, all with the same bins."""
    shown = extract(series, lambda run: finite_heads(run, step))
    shares, largest = shared_bins([each.values() for each in shown])
    labels = [wrap(each.label, 0.4 * width) for each in shown]
    rows = np.array([max(0.26, LINE_HEIGHT * lines_of(label) + 0.06) for label in labels])
    ends = np.cumsum(rows)
    figure = Figure(figsize=(width, ends[-1] + 0.5), layout="constrained")
    ax = figure.subplots()
    _stack(ax, ends - rows / 2, shares, 0.75 * rows.min(), across=True)
    ax.set_yticks(ends - rows / 2, labels)
    ax.set_ylim(ends[-1], 0)
    counts = sorted({len(each.runs) for each in shown})
    mean = f"; means over {style.seeds_text(counts)}" if counts[-1] > 1 else ""
    style.key(figure, _marks(), _heading(largest, len(shown)) + mean)
    return figure


@dataclass(frozen=True)
class GammaPoint:
    """Holds the member of one margin of the regulariser."""

    gamma: float
    found: Found


def gamma_points(members: Sequence[Found]) -> list[GammaPoint]:
    """Lists the members with entropy regularisation in the order of gamma.

    Other members are left out with a note.
    """
    points, others = [], []
    for found in members:
        ereg = found.member.config.get("ereg")
        gamma = ereg.get("gamma") if isinstance(ereg, dict) and ereg.get("enabled") else None
        if isinstance(gamma, int | float) and np.isfinite(gamma):
            points.append(GammaPoint(float(gamma), found))
        else:
            others.append(found.member.name)
    if points:
        kept = comparable([point.found.member for point in points], points[0].found.member)
        points = [point for point in points if point.found.member in kept]
    gammas = {point.gamma for point in points}
    if len(gammas) < 2:
        raise UsageError("a gamma sweep takes EReg(...) members with at least two gammas")
    if len(points) != len(gammas):
        raise UsageError("two members have one gamma; choose with --members")
    note_left_out(others, "without entropy regularisation")
    return sorted(points, key=lambda point: point.gamma)


def _gamma_bins(points: Sequence[GammaPoint]) -> tuple[FloatArray, FloatArray, float | None]:
    """Returns gammas [n], shares [n, 4] and where the bins end.

    The bins end in one place where the run folders are at hand. Elsewhere the shares are those of
    the sweep's table, where each model has bins of its own.
    """
    known = [point for point in points if point.found.member.bins is not None]
    gammas = np.array([point.gamma for point in known])
    heads = []
    for point in known:
        runs = [run for run in point.found.runs() if run.entropy]
        heads.append([run.entropy[-1].heads for run in runs])
    finite = [[each[np.isfinite(each)] for each in runs] for runs in heads]
    finite = [[each for each in runs if each.size] for runs in finite]
    if known and all(finite):
        return gammas, *shared_bins(finite)
    return gammas, np.array([point.found.member.bins for point in known]), None


def draw_gamma(members: Sequence[Found], width: float) -> Figure:
    """Draws perplexity and bins against gamma."""
    points = gamma_points(members)
    figure, axes = style.panels(["", ""], width, 0.8)
    first, second = axes.flat
    known = [point for point in points if point.found.member.perplexity is not None]
    note_left_out(
        [point.found.member.name for point in points if point not in known], "without a perplexity"
    )
    if not known:
        raise UsageError("no member has a perplexity; has the sweep been run?")
    first.errorbar(
        [point.gamma for point in known],
        [point.found.member.perplexity for point in known],
        [point.found.member.deviation or 0.0 for point in known],
        color=style.COLORS[0],
        marker="o",
        capsize=2,
    )
    first.set_ylabel("held-out perplexity")
    gammas, shares, largest = _gamma_bins(points)
    if len(gammas):
        gap = float(np.diff(gammas).min()) if len(gammas) > 1 else 0.05
        _stack(second, gammas, shares, 0.7 * gap, across=False)
    else:
        second.set_axis_off()
    for ax in (first, second):
        ax.set_xlabel("γ (share of ln T)")
        scales.set_scale(ax.xaxis, [0.0], "linear", 0.55 / (width / 2 - 0.5))
    bars = style.bar_mark([point.found.member.seeds for point in known])
    if len(gammas):
        style.key(figure, [*_marks(), *bars], _heading(largest, len(gammas)))
    else:
        style.key(figure, bars)
    return figure
