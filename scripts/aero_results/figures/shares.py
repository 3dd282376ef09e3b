"""Shares of heads in the four entropy bins, and the sweep over gamma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aero_results.errors import ResultsError
from aero_results.figures import style
from aero_results.figures.records import record_at
from aero_results.inputs import Series
from aero_results.run_folder import FloatArray
from aero_results.sweep import Member

BINS = ("[0, max/4)", "[max/4, max/2)", "[max/2, 3max/4)", "[3max/4, max]")


def mean_bins(series: Series, step: int | None) -> FloatArray:
    """Shares [4], the mean over the runs that have some; they sum to 1."""
    found = [record_at(run, step).bins for run in series.runs]
    known = [bins for bins in found if bins is not None]
    if not known:
        raise ResultsError(
            f"{series.runs[0].folder}/metrics.jsonl: no entropy bins; no head had a finite row"
        )
    return np.mean(known, axis=0)


def _stack(ax: Axes, x: FloatArray, shares: FloatArray, bar: float) -> None:
    """`shares` [n, 4] as bars of 100%."""
    bottom = np.zeros(len(x))
    shades = style.colormap()(np.linspace(0.1, 0.95, len(BINS)))
    for index, name in enumerate(BINS):
        height = 100 * shares[:, index]
        ax.bar(
            x,
            height,
            bar,
            bottom=bottom,
            color=shades[index],
            hatch=style.HATCHES[index],
            edgecolor="white" if index < 2 else "black",
            linewidth=0.4,
            label=name,
        )
        bottom += height
    ax.set_ylim(0, 100)
    ax.set_ylabel("share of heads (%)")


def draw_bins(series: list[Series], width: float, step: int | None) -> Figure:
    """A bar a series."""
    shares = np.stack([mean_bins(each, step) for each in series])
    figure, axes = style.panels(1, width, 0.6)
    x = np.arange(len(series), dtype=np.float64)
    _stack(axes[0, 0], x, shares, 0.7)
    labels = [each.label for each in series]
    long = max(map(len, labels)) * len(labels) > 10 * width
    turn = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if long else {}
    axes[0, 0].set_xticks(x, labels, **turn)
    figure.legend(loc="outside upper center", ncols=2, title="entropy")
    return figure


@dataclass(frozen=True)
class GammaPoint:
    """One margin of the regulariser."""

    gamma: float
    perplexity: float | None
    deviation: float | None
    bins: Sequence[float] | None


def gamma_points(members: Sequence[Member]) -> list[GammaPoint]:
    """Of the members with entropy regularisation, in the order of gamma."""
    points = [
        GammaPoint(float(ereg["gamma"]), member.perplexity, member.deviation, member.bins)
        for member in members
        if (ereg := member.config.get("ereg", {})).get("enabled")
    ]
    gammas = {point.gamma for point in points}
    if len(gammas) < 2:
        raise ResultsError("a gamma sweep takes EReg(...) members with at least two gammas")
    if len(points) != len(gammas):
        raise ResultsError("two members have one gamma; choose with --members")
    return sorted(points, key=lambda point: point.gamma)


def draw_gamma(members: Sequence[Member], width: float) -> Figure:
    """Perplexity and bins against gamma."""
    points = gamma_points(members)
    figure, axes = style.panels(2, width, 0.8, columns=2)
    first, second = axes.flat
    known = [point for point in points if point.perplexity is not None]
    first.errorbar(
        [point.gamma for point in known],
        [point.perplexity for point in known],
        [point.deviation or 0.0 for point in known],
        color=style.color(0),
        marker="o",
        capsize=2,
    )
    first.set_ylabel("held-out perplexity")
    with_bins = [point for point in points if point.bins is not None]
    if with_bins:
        x = np.array([point.gamma for point in with_bins])
        gap = float(np.diff(x).min()) if len(x) > 1 else 0.05
        _stack(second, x, np.array([point.bins for point in with_bins]), 0.7 * gap)
        figure.legend(loc="outside upper right", ncols=2, title="entropy")
    for ax in (first, second):
        ax.set_xlabel("γ (margin, share of ln T)")
    return figure
