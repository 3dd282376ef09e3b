"""Draws by layer and step the rows of attention that are not finite."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from aero.checkpoint.run_folder import Run
from aero.core.records import FloatArray
from aero.results.figures import style
from aero.results.figures.records import columns_of, every_run, extract, records
from aero.results.inputs import Series


def counts(run: Run) -> tuple[FloatArray, FloatArray]:
    """Returns steps [n] and the numbers of rows that were not finite [n, L]."""
    found = records(run)
    steps = np.array([record.step for record in found], dtype=np.float64)
    return steps, np.stack([record.nonfinite_rows for record in found])


def _edges(steps: FloatArray) -> FloatArray:
    if len(steps) == 1:
        return np.array([steps[0] - 0.5, steps[0] + 0.5])
    middle = (steps[:-1] + steps[1:]) / 2
    first, last = 2 * steps[0] - middle[0], 2 * steps[-1] - middle[-1]
    return np.concatenate(([first], middle, [last]))


def draw(series: list[Series], width: float) -> Figure:
    """Draws a panel for each run, on one scale; a cross marks a value that was not finite."""
    shown = extract(series, counts)
    chosen = every_run(shown)
    figure, axes = style.panels([label for label, *_ in chosen], width, 0.8, columns_of(shown))
    top = max(float(np.nanmax(rows, initial=0)) for *_, (_, rows) in chosen)
    cross = {"marker": "x", "linestyle": "none", "color": style.COLORS[1]}
    image = None
    for ax, (_, run, (steps, rows)) in zip(axes.flat, chosen, strict=False):
        layers = rows.shape[1]
        masked = np.ma.masked_equal(np.nan_to_num(rows), 0).T
        edges = np.arange(layers + 1) - 0.5
        colors = style.colormap().with_extremes(bad="white")
        norm = LogNorm(1, max(top, 10))
        drawn = ax.pcolormesh(_edges(steps), edges, masked, cmap=colors, norm=norm)
        image = drawn if rows.any() else image
        for event in run.nonfinite:
            layer = layers - 0.5 if event.layer is None else event.layer
            ax.plot(event.step, layer, **cross, clip_on=False)
        if not rows.any():
            ax.text(0.5, 0.5, "every row finite", transform=ax.transAxes, ha="center")
        ax.set_ylim(layers - 0.5, -0.5)
        style.step_axis(ax, width / axes.shape[1] - 0.5)
        ax.set_ylabel("layer")
        style.layer_ticks(ax, layers)
    if image is not None:
        bar = figure.colorbar(image, ax=axes, label="rows not finite", fraction=0.05)
        bar.ax.yaxis.set_major_formatter(style.plain_numbers())
    if any(run.nonfinite for _, run, _ in chosen):
        text = "stopped at a value that is not finite"
        style.key(figure, [style.line_mark(text, **cross)])
    return figure
