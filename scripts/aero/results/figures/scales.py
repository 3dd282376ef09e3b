"""Sets linear or logarithmic axes, with ticks that can be read on both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from aero.results.figures.style import plain_numbers

CHOICES = ("auto", "linear", "log")
_FINE = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)
_SUBDIVISIONS = (_FINE, (1, 1.5, 2, 3, 4, 6, 8), (1, 2, 5), (1, 3), (1,))


def crowded(values: Sequence[float]) -> bool:
    """Returns whether more than half of the values share the lowest quarter of a linear axis.

    A logarithmic axis would spread them.
    """
    found = np.array([value for value in values if value > 0], dtype=np.float64)
    if len(found) < 4 or len(found) < len(values) or found.max() < 2 * found.min():
        return False
    quarter = found.min() + (found.max() - found.min()) / 4
    return bool((found <= quarter).mean() > 0.5)


def log_ticks(low: float, high: float, gap: float) -> list[float]:
    """Chooses round numbers of [low, high], as many as stand `gap` of its length apart."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    best: list[float] = []
    for factors in _SUBDIVISIONS:
        ticks = [f * 10.0**decade for decade in decades for f in factors]
        inside = [tick for tick in ticks if low * 0.999999 <= tick <= high * 1.000001]
        places = np.log(inside) / np.log(high / low) if inside else np.array([])
        if len(inside) > len(best) and (len(inside) < 2 or np.diff(places).min() >= gap):
            best = inside
    return best


def set_scale(
    axis: Axis, values: Sequence[float], choice: str, gap: float, spread: bool = False
) -> None:
    """Makes an axis of the drawn `values` linear or logarithmic.

    `gap` is the room of a tick label as a share of the axis. The choice "auto" is logarithmic where
    the values crowd, or with `spread` where they differ by a factor of 3.
    """
    found = [value for value in values if np.isfinite(value)]
    wide = bool(found) and min(found) > 0 and max(found) >= 3 * min(found)
    log = choice == "log" or (choice == "auto" and (wide if spread else crowded(found)))
    if not log or not found or min(found) <= 0:
        axis.set_major_locator(MaxNLocator(min(6, int(1 / gap))))
        axis.set_major_formatter(plain_numbers())
        return
    margin = (max(found) / min(found)) ** 0.05 or 1.0
    low, high = min(found) / max(margin, 1.01), max(found) * max(margin, 1.01)
    _logarithmic(axis, low, high, gap)


def _logarithmic(axis: Any, low: float, high: float, gap: float) -> None:
    name = axis.axis_name
    getattr(axis.axes, f"set_{name}scale")("log")
    getattr(axis.axes, f"set_{name}lim")(low, high)
    ticks = log_ticks(low, high, gap)
    axis.set_major_locator(FixedLocator(ticks) if len(ticks) > 1 else MaxNLocator(3))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(plain_numbers())
    axis.set_minor_formatter(NullFormatter())
