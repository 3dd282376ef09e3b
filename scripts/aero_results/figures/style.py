"""How all figures look: readable in print, for the colour-blind and without colour."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from aero_results.errors import ResultsError

WIDTHS = {"column": 3.4, "page": 7.0}  # inches
FONT_SIZE = 8.0

# Okabe and Ito's palette without its yellow, which is too light on paper.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (3, 1, 1, 1)))
HATCHES = ("", "///", "...", "xxx")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MISSING = "#BBBBBB"

_STYLE: dict[str, Any] = {
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "legend.fontsize": FONT_SIZE,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "hatch.linewidth": 0.5,
    "savefig.dpi": 300,
    "svg.fonttype": "none",
    "svg.hashsalt": "aero",
}


def apply_style() -> None:
    """For every figure made from now on."""
    mpl.rcParams.update(mpl.RcParams(_STYLE))


def color(index: int) -> str:
    """Of a series."""
    return COLORS[index % len(COLORS)]


def line(index: int) -> Any:
    """A dash pattern; two series of one colour differ in it."""
    return LINES[(index + index // len(COLORS)) % len(LINES)]


def colormap(name: str = "cividis") -> Colormap:
    """Of even lightness; what is missing is grey."""
    return mpl.colormaps[name].with_extremes(bad=MISSING)


def layer_colors() -> Colormap:
    """From the first layer to the last, without viridis's lightest tenth."""
    shades = mpl.colormaps["viridis"](np.linspace(0, 0.9, 256))
    return LinearSegmentedColormap.from_list("layers", shades)


def panels(
    count: int,
    width: float,
    aspect: float,
    columns: int | None = None,
    rows_each: int = 1,
    **options: Any,
) -> tuple[Figure, NDArray[Any]]:
    """Axes [rows_each * rows, columns]; `aspect` is a panel's height by its width, `columns` three
    on a page and two in a column of it unless given.
    """
    across = min(count, columns or (3 if width > WIDTHS["column"] else 2))
    rows = -(-count // across)
    height = rows * rows_each * max(width / across * aspect, 1.3) + 0.5
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows * rows_each, across, squeeze=False, **options)


def hide_rest(axes: Iterable[Axes]) -> None:
    """Panels of the grid that no series takes."""
    for ax in axes:
        ax.set_axis_off()


def legend(figure: Figure, labels: int) -> None:
    """Beside the axes of a page, below those of a column, which stay as large as they were."""
    if figure.get_figwidth() > WIDTHS["column"]:
        figure.legend(loc="outside right upper")
        return
    figure.set_figheight(figure.get_figheight() + 0.17 * -(-labels // 2) + 0.1)
    figure.legend(loc="outside lower center", ncols=2)


def plain_numbers() -> StrMethodFormatter:
    """Without powers of ten, whose exponents are smaller than the rest."""
    return StrMethodFormatter("{x:,.10g}")


def log_y(ax: Axes) -> None:
    """Logarithmic, with numbers at 1, 2 and 5 times the powers of ten."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(plain_numbers())
    ax.yaxis.set_minor_formatter(NullFormatter())


def layer_ticks(ax: Axes, count: int, axis: str = "y") -> None:
    """At most about eight whole numbers, from 0."""
    ticks = np.arange(0, count, max(1, -(-count // 8)))
    (ax.set_yticks if axis == "y" else ax.set_xticks)(ticks)


def save(figure: Figure, out: Path) -> list[Path]:
    """As PNG and as SVG, beside each other; the same data gives the same bytes."""
    stem = out.with_suffix("") if out.suffix.lower() in (".png", ".svg") else out
    files = [stem.with_name(stem.name + suffix) for suffix in (".png", ".svg")]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for file in files:
            metadata = {"Date": None} if file.suffix == ".svg" else {"Software": None}
            figure.savefig(file, metadata=metadata)
    except OSError as error:
        raise ResultsError(f"{error.filename or out}: {error.strerror or error}") from error
    return files
