"""Tests that a circle is found wherever it begins."""

from __future__ import annotations

from circles import circle_of


def test_a_graph_without_a_circle_has_none() -> None:
    assert circle_of({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def test_a_circle_behind_a_dead_end_is_found() -> None:
    assert circle_of({"a": ["b"], "b": ["c"], "c": ["d"], "d": ["c"]}) == ["c", "d", "c"]


def test_what_stands_on_itself_is_a_circle() -> None:
    assert circle_of({"a": {"a"}}) == ["a", "a"]
