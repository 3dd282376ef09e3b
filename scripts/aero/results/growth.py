"""Holds how a training step grows with one of its sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aero.core.markdown import markdown_table

_NONE = "–"


@dataclass(frozen=True)
class Point:
    """Holds a step of one size, None where it was not measured.

    The ideal speed is that of a step whose FLOPs all run at the rate of large matrix products.
    """

    value: int
    tokens_per_second: float | None
    ideal_tokens_per_second: float | None
    peak_bytes: float | None


@dataclass(frozen=True)
class Curve:
    """Holds the steps in which one size varies, in its order."""

    size: str  # "layers L"
    points: tuple[Point, ...]


def _figure(value: float | None, digits: int = 0, scale: float = 1) -> str:
    return _NONE if value is None else f"{value * scale:,.{digits}f}"


def _share(point: Point) -> float | None:
    reached, ideal = point.tokens_per_second, point.ideal_tokens_per_second
    return reached / ideal if reached and ideal else None


def markdown(curves: Iterable[Curve]) -> list[str]:
    """Returns a table for each curve."""
    lines = []
    for curve in curves:
        header = [curve.size, "tokens/s", "ideal tokens/s", "share", "peak memory, GB"]
        rows = [
            [
                f"{point.value:,}",
                _figure(point.tokens_per_second),
                _figure(point.ideal_tokens_per_second),
                _figure(_share(point), 2),
                _figure(point.peak_bytes, 2, 1e-9),
            ]
            for point in curve.points
        ]
        lines += ["", *markdown_table(header, rows, text_columns=0)]
    return lines
