"""Layer x head: entropy, and learned thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aero_results.errors import ResultsError
from aero_results.figures import style
from aero_results.figures.records import record_at, single_runs
from aero_results.inputs import Series
from aero_results.run_folder import Entropy, FloatArray, Run


def _map(ax: Axes, values: FloatArray, **options: Any) -> None:
    ax.imshow(
        np.ma.masked_invalid(values),
        aspect="auto",
        interpolation="nearest",
        cmap=style.colormap(),
        **options,
    )
    ax.set_xlabel("head")
    ax.set_ylabel("layer")
    style.layer_ticks(ax, values.shape[0])
    style.layer_ticks(ax, values.shape[1], "x")
    for spine in ax.spines.values():
        spine.set_visible(False)


def draw_entropy(series: list[Series], width: float, step: int | None) -> Figure:
    """A panel a run on one scale from 0 to uniform attention; grey: no finite row."""
    runs = single_runs(series)
    chosen = [(label, record_at(run, step)) for label, run in runs]
    top = max(record.uniform for _, record in chosen)
    figure, axes = style.panels(len(chosen), width, 0.8)
    for ax, (label, record) in zip(axes.flat, chosen, strict=False):
        _map(ax, record.heads, vmin=0, vmax=top)
        ax.set_title(f"{label}\nstep {record.step:,}")
    style.hide_rest(axes.flat[len(chosen) :])
    figure.colorbar(
        axes[0, 0].images[0], ax=axes, label="mean attention entropy (nats)", fraction=0.05
    )
    return figure


def thresholds(run: Run, step: int | None) -> tuple[Entropy, FloatArray]:
    """The record and its theta [L, H]."""
    record = record_at(run, step)
    values = record.parameters.get("thresholds")
    if values is None:
        raise ResultsError(
            f"{run.folder}/metrics.jsonl: no thresholds; only EReg(...) architectures have them"
        )
    return record, values


def draw_thresholds(series: list[Series], width: float, step: int | None) -> Figure:
    """A column a run: theta by layer and head, then its mean and variance over a layer's heads."""
    chosen = [(label, *thresholds(run, step)) for label, run in single_runs(series)]
    figure, axes = style.panels(len(chosen), width, 0.5, columns=len(chosen), rows_each=3)
    low = min(float(values.min()) for *_, values in chosen)
    high = max(float(values.max()) for *_, values in chosen)
    for column, (label, record, values) in enumerate(chosen):
        _map(axes[0, column], values, vmin=low, vmax=high)
        axes[0, column].set_title(f"{label}\nstep {record.step:,}")
        layers = np.arange(values.shape[0])
        rows = (("mean of θ", values.mean(axis=1)), ("variance of θ", values.var(axis=1)))
        for row, (name, data) in enumerate(rows, start=1):
            ax = axes[row, column]
            ax.plot(layers, data, color=style.color(row - 1), marker=style.MARKERS[row - 1])
            ax.set_xlabel("layer")
            ax.set_ylabel(name)
            style.layer_ticks(ax, values.shape[0], "x")
        axes[2, column].set_ylim(bottom=0)
    figure.colorbar(axes[0, 0].images[0], ax=axes[0, :], label="θ (share of ln T)", fraction=0.05)
    return figure
