"""Compares the members of a sweep with one of them, pair by pair over the seeds.

Runs of one seed share initial weights and the order of the data as far as their shapes allow, so
the spread of their differences says more about two members than their own spreads do. The table has
mean and sample standard deviation of perplexity, and of its difference over the seeds that both
members finished. It says "(level)" where the 95% interval of the mean difference contains 0, and
"other evaluation" where the two perplexities are of different data, tokens, contexts or batches.

Example:
  scripts/compare_members.py runs/tiny/alpha.json --against SM+ScFFN
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from aero.core.command import run_command
from aero.core.errors import UsageError
from aero.core.fit import add_wide, print_fitted
from aero.core.markdown import markdown_table
from aero.core.options import Parser
from aero.results.inputs import note_other_evaluation
from aero.results.latex import latex_table
from aero.results.sweep import Member, Sweep, read_sweep


def spread(values: Sequence[float], sign: str = "") -> str:
    """Returns mean ± sample standard deviation."""
    if not values:
        return "–"
    text = f"{fmean(values):{sign}.2f}"
    return text if len(values) < 2 else f"{text} ± {stdev(values):.2f}"


def difference(member: Member, against: Member) -> str:
    """Returns the difference over the common seeds, marked where they do not separate the two."""
    if member.evaluated_otherwise(against):
        return "other evaluation"
    text = spread(member.differences(against), "+")
    return f"{text} (level)" if member.is_level_with(against) else text


def bins_text(bins: list[float] | None) -> str:
    """Returns the shares of heads, lowest entropy first."""
    return "–" if bins is None else " ".join(f"{100 * share:.0f}%" for share in bins)


FORMATS = {"markdown": markdown_table, "latex": latex_table}


def table(sweep: Sweep, against: Member, names: Sequence[str], form: str) -> list[str]:
    """Returns the table's lines, with all members where no names are given."""
    members = [sweep.member(name) for name in names] if names else sweep.members
    note_other_evaluation(against, members, "no difference is shown")
    rows = []
    for member in members:
        pairs = member.differences(against)
        rows.append(
            [
                member.name,
                spread(list(member.by_seed().values())),
                "" if member is against else difference(member, against),
                "" if member is against else ", ".join(f"{pair:+.2f}" for pair in pairs),
                bins_text(member.bins),
            ]
        )
    header = ["member", "perplexity", f"against {against.name}", "by seed", "heads by entropy"]
    return FORMATS[form](header, rows)


def parse_arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "result", type=Path, help="the JSON file that `aero ablate` or `aero pipeline` wrote"
    )
    parser.add_argument("--against", metavar="MEMBER", help="instead of the sweep's baseline")
    parser.add_argument("--members", nargs="+", default=[], metavar="MEMBER", help="only these")
    parser.add_argument(
        "--format", choices=FORMATS, default="markdown", help="default: %(default)s"
    )
    add_wide(parser)
    return parser.parse_args()


def compare() -> int:
    """Prints the table, and returns the exit status."""
    arguments = parse_arguments()
    sweep = read_sweep(arguments.result)
    name = arguments.against or sweep.baseline
    if not name:
        raise UsageError(f"{arguments.result}: the sweep has no baseline; give --against")
    lines = table(sweep, sweep.member(name), arguments.members, arguments.format)
    print_fitted("\n".join(lines), arguments.wide or arguments.format == "latex")
    return 0


def main() -> int:
    """Runs the script, and returns its exit status."""
    return run_command(compare)
