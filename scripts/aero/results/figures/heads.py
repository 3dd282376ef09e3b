"""Draws entropy and learned thresholds by layer and head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aero.checkpoint.run_folder import Entropy, NothingToShow, Run
from aero.core.records import FloatArray
from aero.results.figures import style
from aero.results.figures.records import Shown, columns_of, every_run, extract, record_at
from aero.results.inputs import Series


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


def _missing(arrays: list[FloatArray]) -> list[Any]:
    """Returns a key's entry for heads without a value, where there are some."""
    if all(np.isfinite(values).all() for values in arrays):
        return []
    look = {"marker": "s", "linestyle": "none", "markersize": 6, "color": style.MISSING}
    return [style.line_mark("no finite row", **look)]


def _titles(chosen: Sequence[tuple[str, Entropy]]) -> tuple[list[str], str]:
    """Returns the panels' titles and a text that is said once.

    The step is in the text where it is the same for all panels, else in their titles.
    """
    steps = {record.step for _, record in chosen}
    if len(steps) == 1:
        return [label for label, _ in chosen], f", step {steps.pop():,}"
    return [f"{label}\nstep {record.step:,}" for label, record in chosen], ""


def draw_entropy(series: list[Series], width: float, step: int | None) -> Figure:
    """Draws a panel for each run, on one scale from 0 to uniform attention; no finite row: grey."""
    shown = extract(series, lambda run: record_at(run, step))
    chosen = every_run(shown)
    top = max(record.uniform for *_, record in chosen)
    titles, at = _titles([(label, record) for label, _, record in chosen])
    figure, axes = style.panels(titles, width, 0.8, columns_of(shown))
    for ax, (*_, record) in zip(axes.flat, chosen, strict=False):
        _map(ax, record.heads, vmin=0, vmax=top)
    image = axes[0, 0].images[0]
    figure.colorbar(image, ax=axes, label=f"mean entropy (nats){at}", fraction=0.05)
    style.key(figure, _missing([record.heads for *_, record in chosen]))
    return figure


def thresholds(run: Run, step: int | None) -> tuple[Entropy, FloatArray]:
    """Returns the record of a step and its theta [L, H]."""
    record = record_at(run, step)
    values = record.parameters.get("thresholds")
    if values is None or values.ndim != 2:
        raise NothingToShow(run, "no thresholds; only EReg(...) architectures have them")
    return record, values


def _over_layers(ax: Axes, shown: list[Shown[FloatArray]], name: str) -> list[Any]:
    """Draws a line for each series over the layers: the mean over its seeds with a band."""
    handles = []
    colors = style.colors(len(shown))
    for index, each in enumerate(shown):
        values = np.stack(each.values())
        layers, mean = np.arange(values.shape[1]), values.mean(axis=0)
        look = {"color": colors[index], "linestyle": style.line(index)}
        mark = style.marker(index)
        handles += ax.plot(layers, mean, **look, marker=mark, label=each.label)
        if len(values) > 1:
            spread = values.std(axis=0, ddof=1)
            band: dict[str, Any] = {"color": colors[index], "alpha": style.BAND, "linewidth": 0}
            ax.fill_between(layers, mean - spread, mean + spread, **band)
        style.layer_ticks(ax, values.shape[1], "x")
    ax.set_xlabel("layer")
    ax.set_ylabel(name)
    return handles


def draw_thresholds(series: list[Series], width: float, step: int | None) -> Figure:
    """Draws theta by layer and head, a panel for each run, on one scale.

    Below, a line for each series shows its mean and its variance over the heads of each layer.
    """
    shown = extract(series, lambda run: thresholds(run, step))
    chosen = every_run(shown)
    across = 2 if width > style.WIDTHS["column"] else 1
    maps_height = style.grid_height(len(chosen), width, 0.5, columns_of(shown), title_lines=2)
    lines_height = (2 // across) * style.panel_height(width, across, 0.4)
    figure = Figure(figsize=(width, maps_height + lines_height + 0.5), layout="constrained")
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[maps_height, lines_height])
    above, below = parts[:, 0]
    titles, at = _titles([(label, record) for label, _, (record, _) in chosen])
    axes = style.panels_in(above, titles, width, columns_of(shown))
    every = np.concatenate([values.ravel() for *_, (_, values) in chosen])
    scale = {"vmin": np.nanmin(every), "vmax": np.nanmax(every)} if np.isfinite(every).any() else {}
    for ax, (*_, (_, values)) in zip(axes.flat, chosen, strict=False):
        _map(ax, values, **scale)
    above.colorbar(axes[0, 0].images[0], ax=axes, label=f"θ (share of ln T){at}", fraction=0.05)

    statistics: tuple[Callable[..., FloatArray], ...] = (np.mean, np.var)
    lines = below.subplots(2 // across, across, squeeze=False).flat
    handles = []
    for ax, name, of in zip(lines, ("mean of θ", "variance of θ"), statistics, strict=True):
        by_layer = [
            Shown(each.label, [(run, of(values, axis=1)) for run, (_, values) in each.runs])
            for each in shown
        ]
        handles = _over_layers(ax, by_layer, name)
    lines[1].set_ylim(bottom=0)
    style.legend(figure, handles)
    style.key(figure, style.band_mark(len(each.runs) for each in shown))
    return figure
