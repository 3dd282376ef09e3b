"""Perplexity against what a model costs, with the front of those that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from aero_results.errors import ResultsError
from aero_results.figures import style
from aero_results.sweep import Member

COSTS = {
    "communication": (1e9, "communication (GB a forward pass)"),
    "latency": (60, "latency (min a forward pass)"),
    "flops": (1e9, "FLOPs of FFN and attention (billions a forward pass)"),
    "parameters": (1e6, "parameters (millions)"),
}


@dataclass(frozen=True)
class Point:
    """A member in the plane."""

    label: str
    cost: float
    perplexity: float
    deviation: float | None
    on_front: bool


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


def points(members: Sequence[Member], by: str) -> list[Point]:
    """By cost, those without a finite perplexity left out."""
    placed = []
    for member in members:
        if member.perplexity is None:
            continue
        cost = _cost(member, by)
        if cost is None and by in ("communication", "latency"):
            raise ResultsError(
                f'"{member.name}" has no {by}: the sweep was collected without a cost model of '
                "private inference that knows it; `aero ablate SWEEP --collect --cost NAME` "
                "charges one, or take --x flops or --x parameters"
            )
        if cost is None:
            raise ResultsError(f'"{member.name}" has no {by} in the sweep\'s result')
        placed.append((cost / COSTS[by][0], member.perplexity, member))
    if not placed:
        raise ResultsError("no member has a perplexity; has the sweep been run?")
    return [
        Point(
            member.name,
            cost,
            perplexity,
            member.deviation,
            not any(
                c <= cost and p <= perplexity and (c < cost or p < perplexity) for c, p, _ in placed
            ),
        )
        for cost, perplexity, member in sorted(placed, key=lambda item: item[:2])
    ]


def draw(members: Sequence[Member], width: float, by: str) -> Figure:
    """The front is a stair: below and to the left of it there is nothing."""
    placed = points(members, by)
    figure, axes = style.panels(1, width, 0.6)
    ax = axes[0, 0]
    for index, point in enumerate(placed):
        ax.errorbar(
            point.cost,
            point.perplexity,
            point.deviation or None,
            color=style.color(index),
            marker=style.MARKERS[(index + index // len(style.COLORS)) % len(style.MARKERS)],
            markerfacecolor=style.color(index) if point.on_front else "white",
            linestyle="none",
            capsize=2,
            label=point.label,
        )
    front = [point for point in placed if point.on_front]
    x, y = [point.cost for point in front], [point.perplexity for point in front]
    ax.step(x, y, where="post", color="#555555", linewidth=0.8, zorder=0)
    ax.set_xlabel(COSTS[by][1])
    ax.set_ylabel("held-out perplexity")
    style.legend(figure, len(placed))
    return figure
