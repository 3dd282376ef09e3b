"""Draws perplexity against costs, with the front of models that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from aero.core.errors import UsageError
from aero.results.figures import scales, style
from aero.results.figures.text import wrap
from aero.results.inputs import comparable, note_left_out
from aero.results.sweep import Member

COSTS = {
    "communication": (1e9, "communication (GB a forward pass{priced})"),
    "latency": (60, "latency (min a forward pass{priced})"),
    "flops": (1e9, "FLOPs of FFN and attention (billions a forward pass)"),
    "parameters": (1e6, "parameters (millions)"),
}
PRICED = ("communication", "latency")


@dataclass(frozen=True)
class Point:
    """Holds a member's place in the plane."""

    label: str
    cost: float
    perplexity: float
    deviation: float | None
    seeds: int
    on_front: bool
    is_level: bool  # whether the seeds leave open if it is on the front


def _cost(member: Member, by: str) -> float | None:
    if by == "communication":
        return member.comm_bytes
    if by == "latency":
        return member.latency_s
    if by == "parameters":
        return None if member.parameters is None else float(member.parameters)
    if member.ffn_flops is None or member.attention_flops is None:
        return None
    return float(member.ffn_flops + member.attention_flops)


def _priced_by(member: Member) -> str:
    """Returns the member's cost model, with its line where one was named."""
    over = f" over {member.network}" if member.network else ""
    return f"{member.cost_model or 'an unnamed cost model'}{over}"


def cost_model(members: Sequence[Member]) -> str:
    """Returns the cost model that priced all members. Raises UsageError where there are two."""
    names = {_priced_by(member): member.name for member in members}
    if len(names) > 1:
        (one, first), (other, second) = list(names.items())[:2]
        raise UsageError(
            f'"{first}" is priced by {one}, "{second}" by {other}, which do not compare; '
            "`aero ablate SWEEP --collect --cost NAME` charges all by one"
        )
    return next(iter(names))


def _with_cost(members: Sequence[Member], by: str) -> list[Member]:
    """Returns the members with a finite perplexity and this cost, and notes which it leaves out.

    Raises UsageError where no member is left.
    """
    trained = [member for member in members if member.perplexity is not None]
    if not trained:
        raise UsageError("no member has a perplexity; has the sweep been run?")
    found = [member for member in trained if _cost(member, by) is not None]
    if not found and by in PRICED:
        raise UsageError(
            f"no member has a {by}: the sweep was collected without a cost model of private "
            "inference that knows it; `aero ablate SWEEP --collect --cost NAME` writes a result "
            "that has one, SWEEP.NAME.json, or take --x flops or --x parameters"
        )
    if not found:
        raise UsageError(f"no member has {by} in the sweep's result")
    note_left_out([m.name for m in members if m.perplexity is None], "without a perplexity")
    note_left_out([m.name for m in trained if m not in found], f"without {by}")
    return found


def _beats(one: Member, other: Member, by: str) -> bool:
    """Returns whether `one` is as good in perplexity and cost, and better in one of them."""
    quality = (one.perplexity or 0.0) - (other.perplexity or 0.0)
    price = (_cost(one, by) or 0.0) - (_cost(other, by) or 0.0)
    return quality <= 0 and price <= 0 and (quality < 0 or price < 0)


def _is_level(member: Member, others: Sequence[Member], on_front: bool) -> bool:
    """Returns whether `aero ablate` calls the member level with the front.

    `others` are the members that cost no more. Some of them must be level with the member, and
    where it is not on the front, none may be better beyond the spread.
    """
    intervals = [interval for other in others if (interval := member.interval(other)) is not None]
    beaten = any(low > 0 for low, _ in intervals)
    is_level = any(member.is_level_with(other) for other in others)
    return is_level and (on_front or not beaten)


def points(members: Sequence[Member], by: str, baseline: Member | None = None) -> list[Point]:
    """Lists by cost the points whose perplexities compare with the baseline's.

    Without a baseline, they compare with the first member's.
    """
    costed = _with_cost(members, by)
    found = comparable(costed, baseline or costed[0])
    placed = []
    for member in found:
        cost = _cost(member, by) or 0.0
        others = [m for m in found if m is not member and (_cost(m, by) or 0.0) <= cost]
        on_front = not any(_beats(other, member, by) for other in others)
        placed.append(
            Point(
                member.name,
                cost / COSTS[by][0],
                member.perplexity or 0.0,
                member.deviation,
                member.seeds,
                on_front=on_front,
                is_level=_is_level(member, others, on_front),
            )
        )
    return sorted(placed, key=lambda point: (point.cost, point.perplexity))


def _filling(point: Point, color: str) -> dict[str, str]:
    if point.is_level:
        return {"fillstyle": "left", "markerfacecolor": color, "markerfacecoloralt": "white"}
    return {"markerfacecolor": color if point.on_front else "white"}


def _marks(placed: Sequence[Point]) -> list[Line2D]:
    """Lists the entries of this figure's key."""
    color = style.AUXILIARY
    look: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 5}
    level = {"fillstyle": "left", "markerfacecolor": color, "markerfacecoloralt": "white"}
    marks = [
        style.line_mark("front", linewidth=0.8),
        style.line_mark("on the front", **look, markerfacecolor=color),
    ]
    if any(point.is_level for point in placed):
        marks.append(style.line_mark("on it or off it: level over seeds", **look, **level))
    if any(not point.on_front and not point.is_level for point in placed):
        marks.append(style.line_mark("beaten in both", **look, markerfacecolor="white"))
    return marks + style.bar_mark(point.seeds for point in placed if point.deviation)


def draw(
    members: Sequence[Member],
    width: float,
    by: str,
    scale_x: str = "auto",
    scale_y: str = "auto",
    baseline: Member | None = None,
) -> Figure:
    """Draws the points and the front, a stair below and to the left of which there is nothing.

    points() explains the baseline.
    """
    placed = points(members, by, baseline)
    priced = ""
    if by in PRICED:
        names = {point.label for point in placed}
        priced = ", " + cost_model([member for member in members if member.name in names])
    figure, axes = style.panels([""], width, 0.6)
    ax = axes[0, 0]
    colors = style.colors(len(placed))
    handles = []
    for index, point in enumerate(placed):
        look: dict[str, Any] = {
            "color": colors[index],
            "linestyle": "none",
            "marker": style.marker(index),
        }
        look |= {"markersize": 5, **_filling(point, colors[index])}
        bar = point.deviation or None
        ax.errorbar(point.cost, point.perplexity, bar, capsize=2, **look)
        handles.append(style.line_mark(point.label, **look))
    front = [point for point in placed if point.on_front]
    x, y = [point.cost for point in front], [point.perplexity for point in front]
    ax.step(x, y, where="post", color=style.AUXILIARY, linewidth=0.8, zorder=0)
    ax.set_xlabel(wrap(COSTS[by][1].format(priced=priced), 0.8 * width))
    ax.set_ylabel("held-out perplexity")
    scales.set_scale(ax.xaxis, [point.cost for point in placed], scale_x, 0.5 / width)
    scales.set_scale(ax.yaxis, [point.perplexity for point in placed], scale_y, 0.08)
    style.legend(figure, handles)
    style.key(figure, _marks(placed))
    return figure
