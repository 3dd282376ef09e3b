"""Sets the look of all figures: readable in print, for the colour-blind and without colour."""

from __future__ import annotations

import colorsys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from aero.results.figures.text import FONT_SIZE, LINE_HEIGHT, lines_of, text_width, wrap

WIDTHS = {"column": 3.4, "page": 7.0}  # inches

# Okabe and Ito's palette without its yellow, which is too light on paper, then darker colours of
# Tol's.
COLORS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"),
    *("#882255", "#117733", "#332288", "#999933", "#661100", "#888888", "#AA4499", "#CC6677"),
)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (3, 1, 1, 1)))
HATCHES = ("", "///", "...", "xxx")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
MISSING = "#BBBBBB"
AUXILIARY = "#555555"  # the colour of marks that are not a series
BAND = 0.2  # the opacity of a band

_STYLE: dict[str, Any] = {
    "font.family": ["sans-serif"],
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "legend.fontsize": FONT_SIZE,
    "legend.title_fontsize": FONT_SIZE,
    "legend.frameon": False,
    "text.parse_math": False,  # names are not formulas
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "hatch.linewidth": 0.5,
    "savefig.dpi": 300,
    "svg.fonttype": "none",
    "svg.hashsalt": "aero",
    "pdf.fonttype": 42,
}


def apply_style() -> None:
    """Sets the look of every figure made from here on."""
    # note_lacking() says in one line what this warning would say.
    warnings.filterwarnings("ignore", message="Glyph .* missing from font")
    mpl.rcParams.update(mpl.RcParams(_STYLE))


def colors(count: int) -> list[str]:
    """Returns a colour for each series; behind the palette, hues step by the golden ratio."""
    found = list(COLORS[:count])
    number = 0
    while len(found) < count:
        hue, value = (0.05 + number * 0.618034) % 1, (0.75, 0.45, 0.6)[number % 3]
        candidate = to_hex(colorsys.hsv_to_rgb(hue, 0.85, value))
        found += [candidate] if candidate not in found else []
        number += 1
    return found


def line(index: int) -> Any:
    """Returns a dash pattern in which neighbours differ."""
    return LINES[index % len(LINES)]


def marker(index: int) -> str:
    """Returns a marker in which neighbours differ."""
    return MARKERS[index % len(MARKERS)]


def colormap(name: str = "cividis") -> Colormap:
    """Returns a map of even lightness, with grey for missing values."""
    return mpl.colormaps[name].with_extremes(bad=MISSING)


def layer_colors(count: int) -> list[Any]:
    """Returns colours from the first layer to the last, without viridis's lightest shades."""
    shades = mpl.colormaps["viridis"](np.linspace(0, 0.82, 256))
    return list(LinearSegmentedColormap.from_list("layers", shades)(np.linspace(0, 1, count)))


def panels(
    titles: Sequence[str],
    width: float,
    aspect: float,
    columns: int | None = None,
    rows_each: int = 1,
) -> tuple[Figure, NDArray[Any]]:
    """Makes a figure and axes [rows_each * rows, columns].

    `aspect` is a panel's height by its width. panels_in() explains the other arguments.
    """
    title_lines = max(map(lines_of, _titles(titles, width, columns)))
    height = grid_height(len(titles), width, aspect, columns, rows_each, title_lines)
    figure = Figure(figsize=(width, height + 0.5), layout="constrained")
    return figure, panels_in(figure, titles, width, columns, rows_each)


def _titles(titles: Sequence[str], width: float, columns: int | None) -> list[str]:
    across = _across(len(titles), width, columns)
    return [wrap(title, width / across - 0.55) if title else "" for title in titles]


def panels_in(
    figure: Figure | SubFigure,
    titles: Sequence[str],
    width: float,
    columns: int | None = None,
    rows_each: int = 1,
) -> NDArray[Any]:
    """Makes axes in a figure.

    A page has at most three `columns`, and a column of it two; that is also the default. A title
    stands over the first of a panel's rows, in as many lines as it takes.
    """
    across = _across(len(titles), width, columns)
    rows = -(-len(titles) // across)
    wrapped = _titles(titles, width, columns)
    axes = figure.subplots(rows * rows_each, across, squeeze=False)
    for index, title in enumerate(wrapped):
        axes[index // across * rows_each, index % across].set_title(title)
    hide_rest(
        axes[row + (rows - 1) * rows_each, column]
        for column in range(len(titles) - (rows - 1) * across, across)
        for row in range(rows_each)
    )
    return axes


def _across(count: int, width: float, columns: int | None) -> int:
    most = 3 if width > WIDTHS["column"] else 2
    return min(count, columns or most, most)


def grid_height(
    count: int,
    width: float,
    aspect: float,
    columns: int | None = None,
    rows_each: int = 1,
    title_lines: int = 0,
) -> float:
    """Returns the height in inches of the figure that panels() makes."""
    across = _across(count, width, columns)
    row = panel_height(width, across, aspect) * rows_each + LINE_HEIGHT * title_lines
    return -(-count // across) * row


def panel_height(width: float, across: int, aspect: float) -> float:
    """Returns a panel's height in inches, which is enough for an axis label."""
    return max(width / across * aspect, 1.5)


def one_scale(axes: Sequence[Axes], across: int) -> None:
    """Gives panels in rows of `across` one y axis, which the first of each row labels."""
    limits = np.array([ax.get_ylim() for ax in axes])
    for number, ax in enumerate(axes):
        ax.set_ylim(limits.min(), limits.max())
        ax.tick_params(labelleft=number % across == 0)


def hide_rest(axes: Iterable[Axes]) -> None:
    """Hides the panels of the grid that no series takes."""
    for ax in axes:
        ax.set_axis_off()


def _columns(labels: Sequence[str], width: float) -> int:
    """Returns how many columns fit; a handle and the gaps take half an inch."""
    widest = max(map(text_width, labels)) + 0.55
    return max(1, min(len(labels), int((width - 0.1) / widest)))


def _rows_height(labels: Sequence[str], columns: int) -> float:
    rows = -(-len(labels) // columns)
    deepest = max(map(lines_of, labels))
    return rows * deepest * LINE_HEIGHT + 0.12


def legend(figure: Figure, handles: Sequence[Artist], title: str | None = None) -> None:
    """Names the series beside the axes of a page where the legend fits, else below them.

    Below the axes, the legend makes the figure higher.
    """
    if not handles:
        return
    width, height = figure.get_size_inches()
    labels = [wrap(str(handle.get_label()), width - 0.65) for handle in handles]
    head = LINE_HEIGHT if title else 0.0
    beside = max(map(text_width, labels)) + 0.5
    fits = width > WIDTHS["column"] and beside < 0.36 * width
    if fits and _rows_height(labels, 1) + head <= height:
        figure.legend(handles, labels, loc="outside right upper", title=title)
        return
    columns = _columns(labels, width)
    figure.set_figheight(height + _rows_height(labels, columns) + head)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, title=title)


def key(figure: Figure, handles: Sequence[Artist], title: str | None = None) -> None:
    """Says above the axes what the marks mean."""
    if not handles:
        return
    width, height = figure.get_size_inches()
    labels = [wrap(str(handle.get_label()), width - 0.65) for handle in handles]
    heading = None if title is None else wrap(title, width - 0.2)
    columns = _columns(labels, width)
    head = LINE_HEIGHT * lines_of(heading) if heading else 0.0
    figure.set_figheight(height + _rows_height(labels, columns) + head)
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, title=heading)


def line_mark(label: str, **look: Any) -> Line2D:
    """Makes an entry of a legend or key."""
    return Line2D([], [], label=label, **({"color": AUXILIARY} | look))


def band_mark(seeds: Iterable[int]) -> list[Patch]:
    """Makes the entry of bands over so many seeds a series, and none where no series has two."""
    counts = sorted({count for count in seeds if count > 1})
    if not counts:
        return []
    text = "±1 standard deviation over " + seeds_text(counts)
    return [Patch(facecolor=AUXILIARY, alpha=2 * BAND, linewidth=0, label=text)]


def bar_mark(seeds: Iterable[int]) -> list[Line2D]:
    """Makes the entry of error bars, as band_mark() does for bands."""
    counts = sorted({count for count in seeds if count > 1})
    if not counts:
        return []
    text = "±1 standard deviation over " + seeds_text(counts)
    return [line_mark(text, marker="|", markersize=9, linestyle="none")]


def seeds_text(counts: Sequence[int]) -> str:
    """Says how many seeds there are, from ascending counts."""
    low, high = counts[0], counts[-1]
    return f"{high} seeds" if low == high else f"{low} to {high} seeds"


def plain_numbers() -> StrMethodFormatter:
    """Writes numbers without powers of ten, whose exponents would be smaller than the rest."""
    return StrMethodFormatter("{x:,.10g}")


def _short(value: float, _: Any = None) -> str:
    """Writes 20000 as 20k."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * unit or (abs(value) >= unit and value % unit == 0):
            return f"{value / unit:,.10g}{letter}"
    return f"{value:,.10g}"


def step_axis(ax: Axes, width: float) -> None:
    """Makes an axis of optimizer steps, with as many ticks as fit `width` inches."""
    ax.set_xlabel("optimizer steps")
    ax.xaxis.set_major_locator(MaxNLocator(min(8, max(2, int(width / 0.55))), integer=True))
    ax.xaxis.set_major_formatter(_short)


def layer_ticks(ax: Axes, count: int, axis: str = "y") -> None:
    """Sets about eight whole numbers at most, from 0; four along the narrow side."""
    most = 8 if axis == "y" else 6
    ticks = np.arange(0, count, max(1, -(-count // most)))
    (ax.set_yticks if axis == "y" else ax.set_xticks)(ticks)
