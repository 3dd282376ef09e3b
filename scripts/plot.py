#!/usr/bin/env python3
"""Draws figures of AERO's runs and sweeps, each as PNG and SVG.

An input is a run's folder (with metrics.jsonl) or the JSON file that `aero ablate` wrote, of which
--members takes some. For example:

  scripts/plot.py loss runs/tiny/tiny.json --members SM+LN+G SM --out docs/figures/loss
  scripts/plot.py entropy runs/a runs/b --labels baseline "softmax only" --out entropy.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

try:
    from aero_results.errors import ResultsError
    from aero_results.figures import heads, layers, loss, nonfinite, pareto, shares, style
    from aero_results.inputs import load_members, load_series
except ModuleNotFoundError as error:
    sys.exit(f"error: the Python package {error.name} is missing; pip install matplotlib tqdm")

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aero_results.inputs import Series
    from aero_results.sweep import Member

Draw = Callable[[argparse.Namespace], "Figure"]


def _width(arguments: argparse.Namespace) -> float:
    return style.WIDTHS[arguments.width]


def _series(arguments: argparse.Namespace) -> list[Series]:
    return load_series(arguments.inputs, arguments.members, arguments.labels)


def _members(arguments: argparse.Namespace) -> list[Member]:
    return load_members(arguments.inputs, arguments.members)


KINDS: dict[str, tuple[Draw, str]] = {
    "loss": (
        lambda a: loss.draw(_series(a), _width(a), a.quantity, a.y, a.x, a.smooth),
        "loss or perplexity: mean over seeds, band of one standard deviation",
    ),
    "entropy": (
        lambda a: heads.draw_entropy(_series(a), _width(a), a.step),
        "heatmap of mean entropy by layer and head, a panel a run",
    ),
    "entropy-layers": (
        lambda a: layers.draw_entropy(_series(a), _width(a)),
        "mean entropy of each layer against steps",
    ),
    "bins": (
        lambda a: shares.draw_bins(_series(a), _width(a), a.step),
        "shares of heads in the four entropy bins, a bar a series",
    ),
    "thresholds": (
        lambda a: heads.draw_thresholds(_series(a), _width(a), a.step),
        "learned thresholds: heatmap, mean and variance by layer",
    ),
    "gamma": (
        lambda a: shares.draw_gamma(_members(a), _width(a)),
        "perplexity and bins against gamma (a sweep's JSON file)",
    ),
    "slopes": (
        lambda a: layers.draw_slopes(_series(a), _width(a)),
        "learned slopes of leaky ReLU against steps",
    ),
    "scales": (
        lambda a: layers.draw_scales(_series(a), _width(a)),
        "alpha and beta of ScFFN against steps",
    ),
    "temperatures": (
        lambda a: layers.draw_temperatures(_series(a), _width(a)),
        "smallest learned temperature of each layer against steps",
    ),
    "nan": (
        lambda a: nonfinite.draw(_series(a), _width(a)),
        "attention rows that are not finite by layer and step",
    ),
    "pareto": (
        lambda a: pareto.draw(_members(a), _width(a), a.x),
        "perplexity against cost, with its front (a sweep's JSON file)",
    ),
}


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Exits with usage where they do not fit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name, (_, help_text) in KINDS.items():
        kind = kinds.add_parser(name, help=help_text, description=help_text)
        sweeps_only = name in ("gamma", "pareto")
        what = "JSON file of a sweep" if sweeps_only else "run folder, or JSON file of a sweep"
        kind.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help=what)
        kind.add_argument(
            *("--out", "-o"), type=Path, required=True, help="FILE; .png and .svg are both written"
        )
        kind.add_argument(
            *("--members", "-m"), nargs="+", default=[], help="of the sweeps, in this order"
        )
        kind.add_argument("--width", choices=style.WIDTHS, default="page", help="of the figure")
        if not sweeps_only:
            kind.add_argument("--labels", nargs="+", default=[], help="instead of the names")
        if name in ("entropy", "bins", "thresholds"):
            kind.add_argument("--step", type=int, help="which entropy line; default: the last")
        if name == "loss":
            kind.add_argument("--x", choices=loss.AXES, default="steps")
            kind.add_argument("--y", choices=loss.UNITS, default="loss")
            kind.add_argument("--quantity", choices=loss.QUANTITIES, default="evaluation")
            kind.add_argument(
                "--smooth", type=positive, default=1, help="steps in a mean (training loss)"
            )
        if name == "pareto":
            kind.add_argument("--x", choices=pareto.COSTS, default="communication")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    parsed = parse_arguments(arguments)
    style.apply_style()
    draw, _ = KINDS[parsed.kind]
    try:
        for file in style.save(draw(parsed), parsed.out):
            print(file)
    except ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
