"""Draws figures of AERO's runs and sweeps.

An input is a run's folder (with metrics.jsonl) or the JSON file that `aero ablate` or
`aero pipeline` wrote, of which --members takes some. Give inputs before --members and --labels.
The suffix of --out decides the format: .pdf, .svg or .png; a name without one gives a PNG and an
SVG. A run that has nothing to show in a figure is left out, with a note.

Examples:
  scripts/plot.py loss runs/tiny/tiny.json --members SM+LN+G SM --out docs/figures/loss
  scripts/plot.py entropy runs/a runs/b --labels baseline "softmax only" --out entropy.pdf
  scripts/plot.py pareto runs/four-steps/pipeline.json --width column --out front.pdf
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aero.core.command import note, run_command
from aero.core.errors import UsageError
from aero.core.options import Parser, whole
from aero.results.figures import heads, layers, loss, nonfinite, pareto, scales, shares, style
from aero.results.figures.fonts import note_lacking
from aero.results.figures.save import files_of, save
from aero.results.inputs import find_members, load_baseline, load_members, load_series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aero.results.inputs import Series

Draw = Callable[[argparse.Namespace], "Figure"]


def _width(arguments: argparse.Namespace) -> float:
    return style.WIDTHS[arguments.width]


def _series(arguments: argparse.Namespace) -> list[Series]:
    return load_series(arguments.inputs, arguments.members, arguments.labels, arguments.seed)


KINDS: dict[str, tuple[Draw, str, str]] = {
    "loss": (
        lambda a: loss.draw(_series(a), _width(a), a.quantity, a.y, a.x, a.smooth, a.scale_y),
        "loss or perplexity: mean over seeds, band of one standard deviation",
        "loss runs/tiny/tiny.json --y perplexity --out loss.pdf",
    ),
    "entropy": (
        lambda a: heads.draw_entropy(_series(a), _width(a), a.step),
        "heatmap of mean entropy by layer and head, a panel a run, all on one scale",
        "entropy runs/a runs/b --labels baseline ours --out entropy.pdf",
    ),
    "entropy-layers": (
        lambda a: layers.draw_entropy(_series(a), _width(a)),
        "mean entropy of each layer against steps: mean over seeds with a band",
        "entropy-layers runs/tiny/tiny.json --members SM --out layers.pdf",
    ),
    "bins": (
        lambda a: shares.draw_bins(_series(a), _width(a), a.step),
        "shares of heads in four entropy bins, the same for all, which end at the largest mean "
        "entropy of a head of all models shown",
        "bins runs/tiny/tiny.json --width column --out bins.pdf",
    ),
    "thresholds": (
        lambda a: heads.draw_thresholds(_series(a), _width(a), a.step),
        "learned thresholds: heatmap, mean and variance by layer",
        "thresholds runs/ereg --out thresholds.pdf",
    ),
    "gamma": (
        lambda a: shares.draw_gamma(find_members(a.inputs, a.members), _width(a)),
        "perplexity and bins against gamma (a sweep's JSON file)",
        "gamma runs/tiny/gamma.json --out gamma.pdf",
    ),
    "slopes": (
        lambda a: layers.draw_slopes(_series(a), _width(a)),
        "learned slopes of leaky ReLU against steps",
        "slopes runs/leaky --out slopes.pdf",
    ),
    "scales": (
        lambda a: layers.draw_scales(_series(a), _width(a)),
        "alpha and beta of ScFFN against steps",
        "scales runs/tiny/tiny.json --members SM+ScFFN SM+ScFuFFN --out scales.pdf",
    ),
    "temperatures": (
        lambda a: layers.draw_temperatures(_series(a), _width(a)),
        "smallest learned temperature of each layer against steps",
        "temperatures runs/ereg --out temperatures.pdf",
    ),
    "nan": (
        lambda a: nonfinite.draw(_series(a), _width(a)),
        "attention rows that are not finite by layer and step",
        "nan runs/diverged --out nan.pdf",
    ),
    "pareto": (
        lambda a: pareto.draw(
            load_members(a.inputs, a.members),
            _width(a),
            a.x,
            a.scale_x,
            a.scale_y,
            load_baseline(a.inputs),
        ),
        "perplexity against cost, with its front (the JSON file of a sweep or pipeline)",
        "pareto runs/tiny/tiny.json --x latency --out front.pdf",
    ),
}
PRINTED_HEIGHT = 10.0  # inches of a page
OF_SWEEPS = ("gamma", "pareto")


def _add_kind(kinds: argparse._SubParsersAction[Parser], name: str) -> None:
    _, help_text, example = KINDS[name]
    kind = kinds.add_parser(
        name,
        help=help_text,
        description=help_text,
        epilog=f"example: scripts/plot.py {example}",
    )
    file = "JSON file of a sweep or pipeline"
    what = file if name in OF_SWEEPS else f"run folder, or {file}"
    kind.add_argument("inputs", nargs="*", type=Path, metavar="INPUT", help=what)
    kind.add_argument(
        *("--out", "-o"),
        type=Path,
        required=True,
        help="FILE.pdf, .svg or .png; without a suffix, .png and .svg",
    )
    kind.add_argument(
        *("--members", "-m"),
        nargs="+",
        default=[],
        metavar="MEMBER",
        help="of the sweeps, in this order",
    )
    kind.add_argument(
        "--width",
        choices=style.WIDTHS,
        default="page",
        help="of the figure: a column of 3.4 inches, or a page of 7 (default: %(default)s)",
    )
    if name not in OF_SWEEPS:
        kind.add_argument(
            "--labels", nargs="+", default=[], metavar="LABEL", help="instead of the names"
        )
        kind.add_argument(
            "--seed", type=whole(0, 2**64 - 1), metavar="N", help="of a sweep, the runs of this one"
        )
    if name in ("entropy", "bins", "thresholds"):
        kind.add_argument(
            "--step", type=whole(0, 2**63 - 1), metavar="N", help="of the entropy line (the last)"
        )
    if name == "loss":
        kind.add_argument("--x", choices=loss.AXES, default="steps")
        kind.add_argument("--y", choices=loss.UNITS, default="loss")
        kind.add_argument("--quantity", choices=loss.QUANTITIES, default="evaluation")
        kind.add_argument(
            "--smooth",
            type=whole(1),
            default=1,
            metavar="N",
            help="steps in a mean (training loss)",
        )
    if name == "pareto":
        kind.add_argument("--x", choices=pareto.COSTS, default="communication")
        kind.add_argument("--scale-x", choices=scales.CHOICES, default="auto", help="of the axis")
    if name in ("loss", "pareto"):
        kind.add_argument(
            "--scale-y",
            choices=scales.CHOICES,
            default="auto",
            help="of the axis; auto: logarithmic where values crowd",
        )


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name in KINDS:
        _add_kind(kinds, name)
    parsed = parser.parse_args(arguments)
    if not parsed.inputs:
        what = "the JSON file of a sweep" if parsed.kind in OF_SWEEPS else "a run or a sweep"
        raise UsageError(
            f"no INPUT: give {what} before --members and --labels, which take all that follows "
            "them up to the next option"
        )
    return parsed


def _draw(parsed: argparse.Namespace) -> int:
    files_of(parsed.out)
    style.apply_style()
    draw = KINDS[parsed.kind][0]
    figure = draw(parsed)
    note_lacking(figure)
    height = figure.get_figheight()
    for file in save(figure, parsed.out):
        print(file)
    if height > PRINTED_HEIGHT:
        note(f"the figure is {height:.0f} inches high; --members or --seed make it fit a page")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: _draw(parse_arguments(arguments)))
