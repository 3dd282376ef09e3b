"""Draws mean entropy, slopes, scales and temperatures against steps, a line for each layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aero.checkpoint.run_folder import Run
from aero.core.records import FloatArray
from aero.results.figures import style
from aero.results.figures.records import Shown, extract, history, records
from aero.results.figures.seeds import over_seeds
from aero.results.inputs import Series

OverHeads = Callable[..., Any]  # np.mean or np.min
ByLayer = tuple[FloatArray, FloatArray]  # steps [n], values [n, L]
FEW = 3  # a line of fewer steps cannot be seen


def layer_entropy(run: Run) -> ByLayer:
    """Returns the mean entropies in nats."""
    found = records(run)
    steps = np.array([record.step for record in found], dtype=np.float64)
    return steps, np.stack([record.layers() for record in found])


def _look(layer: int, count: int) -> dict[str, Any]:
    """Returns a layer's look: colours run from first to last, and dashes distinguish neighbours."""
    return {"color": style.layer_colors(count)[layer], "linestyle": style.line(layer)}


def _lines(ax: Axes, runs: Sequence[ByLayer], count: int) -> None:
    """Draws the mean over seeds with a band, and each seed thinly where one ended before others."""
    common = over_seeds(runs)
    for layer in range(common.mean.shape[1]):
        look = _look(layer, count)
        mark = style.marker(layer) if len(common.steps) < FEW else None
        mean = common.mean[:, layer]
        ax.plot(common.steps, mean, **look, marker=mark)
        if common.deviation is not None:
            spread = common.deviation[:, layer]
            ax.fill_between(
                common.steps,
                mean - spread,
                mean + spread,
                color=look["color"],
                alpha=style.BAND,
                linewidth=0,
            )
        if common.ended_early:
            for steps, values in runs:
                ax.plot(steps, values[:, layer], **look, linewidth=0.5)


def _legends(figure: Figure, shown: Sequence[Shown[Any]], count: int, marks: list[Any]) -> None:
    if count > 1:
        layers = [style.line_mark(str(layer), **_look(layer, count)) for layer in range(count)]
        style.legend(figure, layers, "layer")
    marks = marks + style.band_mark(len(each.runs) for each in shown)
    if any(over_seeds(each.values()).ended_early for each in shown):
        marks.append(style.line_mark("a single seed", linewidth=0.5))
    style.key(figure, marks)


def _layers(shown: Sequence[Shown[ByLayer]]) -> int:
    return max(int(values.shape[1]) for each in shown for _, values in each.values())


def _panel_width(width: float, axes: NDArray[Any]) -> float:
    return width / int(axes.shape[1]) - 0.5


def draw_entropy(series: list[Series], width: float) -> Figure:
    """Draws a panel for each series; a dotted line is uniform attention, a causal row's maximum."""
    shown = extract(series, layer_entropy)
    figure, axes = style.panels([each.label for each in shown], width, 0.8)
    uniform = {"color": style.AUXILIARY, "linestyle": (0, (1, 3)), "linewidth": 0.9}
    for ax, each in zip(axes.flat, shown, strict=False):
        _lines(ax, each.values(), _layers(shown))
        ax.axhline(each.runs[0][0].entropy[-1].uniform, **uniform)
        style.step_axis(ax, _panel_width(width, axes))
        ax.set_ylim(bottom=0)
    style.one_scale(list(axes.flat)[: len(shown)], axes.shape[1])
    for ax in axes[:, 0]:
        ax.set_ylabel("mean entropy (nats)")
    _legends(figure, shown, _layers(shown), [style.line_mark("uniform attention", **uniform)])
    return figure


def _by_layer(run: Run, name: str, over_heads: OverHeads) -> ByLayer:
    """Returns a parameter's values by layer; `over_heads` joins those of heads."""
    steps, values = history(run, name)
    return steps, values if values.ndim == 2 else over_heads(values, axis=2)


def _draw_parameters(
    series: list[Series],
    width: float,
    names: dict[str, str],
    over_heads: OverHeads = np.mean,
    with_zero: bool = False,
) -> Figure:
    def all_of(run: Run) -> dict[str, ByLayer]:
        return {name: _by_layer(run, name, over_heads) for name in names}

    shown = extract(series, all_of)
    by_name = {
        name: [Shown(each.label, [(run, of[name]) for run, of in each.runs]) for each in shown]
        for name in names
    }
    count = max(_layers(found) for found in by_name.values())
    titles = [each.label for each in shown]
    figure, axes = style.panels(titles, width, 0.7, rows_each=len(names))
    across = axes.shape[1]
    for row, (name, meaning) in enumerate(names.items()):
        drawn = []
        for number, each in enumerate(by_name[name]):
            place = number // across * len(names) + row
            ax = axes[place, number % across]
            _lines(ax, each.values(), count)
            style.step_axis(ax, _panel_width(width, axes))
            if row < len(names) - 1:
                ax.set_xlabel("")
            if number % across == 0:
                ax.set_ylabel(meaning)
            if with_zero:
                ax.axhline(0, color=style.AUXILIARY, linewidth=0.6)
            drawn.append(ax)
        style.one_scale(drawn, across)
    zero = [style.line_mark("0", linewidth=0.6)] if with_zero else []
    _legends(figure, next(iter(by_name.values())), count, zero)
    return figure


def draw_slopes(series: list[Series], width: float) -> Figure:
    """Draws the learned negative slopes of leaky ReLU."""
    return _draw_parameters(series, width, {"slopes": "negative slope"}, with_zero=True)


def draw_scales(series: list[Series], width: float) -> Figure:
    """Draws the scales alpha and beta of ScFFN; a pruned FFN has none."""
    return _draw_parameters(series, width, {"alpha": "α", "beta": "β"})


def draw_temperatures(series: list[Series], width: float) -> Figure:
    """Draws the smallest temperature of each layer.

    At 0 the logits are infinite, and below 0 attention prefers the keys with the lowest scores.
    """
    names = {"temperature_min": "smallest temperature"}
    return _draw_parameters(series, width, names, np.min, with_zero=True)
