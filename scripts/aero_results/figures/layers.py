"""Against steps, a line a layer: mean entropy, slopes, scales, temperatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from aero_results.figures import style
from aero_results.figures.records import history, records, single_runs
from aero_results.inputs import Series
from aero_results.run_folder import FloatArray, Run

OverHeads = Callable[..., Any]  # np.mean or np.min
DASHES = ("-", "--", "-.", ":")


def layer_entropy(run: Run) -> tuple[FloatArray, FloatArray]:
    """Steps [n] and mean entropies [n, L] in nats."""
    found = records(run)
    steps = np.array([record.step for record in found], dtype=np.float64)
    return steps, np.stack([record.layers() for record in found])


def _lines(ax: Axes, steps: FloatArray, values: FloatArray) -> None:
    """Colour runs from the first layer to the last; dashes tell neighbours apart."""
    count = values.shape[1]
    shades = style.layer_colors()(np.linspace(0, 1, count))
    marker = "o" if len(steps) < 3 else None
    for layer in range(count):
        dashes = DASHES[layer % len(DASHES)]
        ax.plot(steps, values[:, layer], color=shades[layer], linestyle=dashes, marker=marker)


def _layer_bar(figure: Figure, axes: np.ndarray, count: int) -> None:
    if count < 2:
        return
    shown = ScalarMappable(Normalize(0, count - 1), style.layer_colors())
    bar = figure.colorbar(shown, ax=axes, label="layer", fraction=0.05)
    bar.set_ticks([int(tick) for tick in np.arange(0, count, max(1, -(-count // 8)))])


def draw_entropy(series: list[Series], width: float) -> Figure:
    """A panel a run; the dashed line is uniform attention, the most a causal row can have."""
    chosen = [(label, run, *layer_entropy(run)) for label, run in single_runs(series)]
    figure, axes = style.panels(len(chosen), width, 0.8, sharey=True)
    for ax, (label, run, steps, values) in zip(axes.flat, chosen, strict=False):
        _lines(ax, steps, values)
        ax.axhline(run.entropy[-1].uniform, color="#555555", linestyle=(0, (1, 3)), linewidth=0.9)
        ax.set_title(label)
        ax.set_xlabel("optimizer steps")
        ax.set_ylim(bottom=0)
    for ax in axes[:, 0]:
        ax.set_ylabel("mean entropy (nats)")
    style.hide_rest(axes.flat[len(chosen) :])
    _layer_bar(figure, axes, max(values.shape[1] for *_, values in chosen))
    return figure


def _by_layer(run: Run, name: str, over_heads: OverHeads) -> tuple[FloatArray, FloatArray]:
    """Steps [n] and values [n, layers]; those of heads become one a layer."""
    steps, values = history(run, name)
    return steps, values if values.ndim == 2 else over_heads(values, axis=2)


def _draw_parameters(
    series: list[Series], width: float, names: dict[str, str], over_heads: OverHeads = np.mean
) -> Figure:
    runs = single_runs(series)
    data = {name: [_by_layer(run, name, over_heads) for _, run in runs] for name in names}
    columns = len(runs)
    figure, axes = style.panels(
        columns, width, 0.8, columns=columns, rows_each=len(names), sharey="row"
    )
    for row, (name, meaning) in enumerate(names.items()):
        for column, (label, _) in enumerate(runs):
            ax = axes[row, column]
            _lines(ax, *data[name][column])
            if row == 0:
                ax.set_title(label)
            if row == len(names) - 1:
                ax.set_xlabel("optimizer steps")
        axes[row, 0].set_ylabel(meaning)
    layers = max(values.shape[1] for found in data.values() for _, values in found)
    _layer_bar(figure, axes, layers)
    return figure


def draw_slopes(series: list[Series], width: float) -> Figure:
    """The learned negative slopes of leaky ReLU."""
    figure = _draw_parameters(series, width, {"slopes": "negative slope"})
    for ax in figure.axes[: len(series)]:
        ax.axhline(0, color="#555555", linewidth=0.6)
    return figure


def draw_scales(series: list[Series], width: float) -> Figure:
    """The scales alpha and beta of ScFFN; a pruned FFN has none."""
    return _draw_parameters(series, width, {"alpha": "α", "beta": "β"})


def draw_temperatures(series: list[Series], width: float) -> Figure:
    """The smallest temperature of each layer: at 0 the logits are infinite, below it attention
    prefers what scores least.
    """
    names = {"temperature_min": "smallest temperature"}
    figure = _draw_parameters(series, width, names, np.min)
    for ax in figure.axes[: len(series)]:
        ax.axhline(0, color="#555555", linewidth=0.6)
    return figure
