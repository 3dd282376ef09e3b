#!/usr/bin/env python3
"""Holds the members of a sweep against one of them, pair by pair over the seeds.

Runs of one seed share initial weights and the order of the data as far as their shapes allow, so
the spread of their differences says more of two members than their own spreads do. The table has
mean and sample standard deviation of perplexity, and of its difference over the seeds that both
members finished.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from aero_results.errors import ResultsError
from aero_results.markdown import markdown_table
from aero_results.sweep import Member, Sweep, read_sweep


def spread(values: Sequence[float], sign: str = "") -> str:
    """Mean ± sample standard deviation."""
    if not values:
        return "–"
    text = f"{fmean(values):{sign}.2f}"
    return text if len(values) < 2 else f"{text} ± {stdev(values):.2f}"


def by_seed(member: Member) -> dict[int, float]:
    """Perplexity of the seeds that finished."""
    return {
        run.seed: run.perplexity
        for run in member.runs
        if run.state == "finished" and run.perplexity is not None
    }


def differences(member: Member, other: Member) -> list[float]:
    """Perplexity above the other's, by seed."""
    theirs = by_seed(other)
    ours = sorted(by_seed(member).items())
    return [value - theirs[seed] for seed, value in ours if seed in theirs]


def bins_text(bins: list[float] | None) -> str:
    """Shares of heads, lowest entropy first."""
    return "–" if bins is None else " ".join(f"{100 * share:.0f}%" for share in bins)


def table(sweep: Sweep, against: Member, names: Sequence[str]) -> list[str]:
    """Markdown; all members where no names are given."""
    members = [sweep.member(name) for name in names] if names else sweep.members
    rows = []
    for member in members:
        pairs = differences(member, against)
        rows.append(
            [
                member.name,
                spread(list(by_seed(member).values())),
                "" if member is against else spread(pairs, "+"),
                "" if member is against else ", ".join(f"{pair:+.2f}" for pair in pairs),
                bins_text(member.bins),
            ]
        )
    header = ["member", "perplexity", f"against {against.name}", "by seed", "heads by entropy"]
    return markdown_table(header, rows)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("result", type=Path, help="the JSON file that `aero ablate` wrote")
    parser.add_argument("--against", metavar="MEMBER", help="instead of the sweep's baseline")
    parser.add_argument("--members", nargs="+", default=[], metavar="MEMBER", help="only these")
    return parser.parse_args()


def main() -> int:
    """Exit code 2 for what the user can put right."""
    arguments = parse_arguments()
    try:
        sweep = read_sweep(arguments.result)
        name = arguments.against or sweep.baseline
        if name is None:
            raise ResultsError(f"{arguments.result}: the sweep has no baseline; give --against")
        print("\n".join(table(sweep, sweep.member(name), arguments.members)))
    except ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
