"""Finds circles in a graph of what stands on what."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def circle_of(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Returns a circle, which ends where it begins, or nothing."""
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for lower in sorted(graph.get(name, ())):
            if circle := visit(lower, [*trail, name]):
                return circle
        done.add(name)
        return []

    for name in sorted(graph):
        if circle := visit(name, []):
            return circle
    return []
