"""Tests that `aero report --svg` and scripts/plot.py draw in the same colours."""

from __future__ import annotations

import re

from aero.core.places import ROOT
from aero.results.figures.style import COLORS


def test_both_halves_have_one_palette() -> None:
    source = (ROOT / "src/report/bar_chart.cpp").read_text(encoding="utf-8")
    listed = source[source.index("colours{") :].partition("}")[0]
    assert tuple(re.findall(r'"(#[0-9A-F]{6})"', listed)) == COLORS
