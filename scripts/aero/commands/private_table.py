"""Runs trained models under encryption on held-out text, and compares them in one table.

Each model runs on windows of its context from the validation split of its corpus: first, middle,
quarters and so on, the same for all models of one corpus. The table has one row per model: bytes of
a pass beside those that the cost model predicts, of the whole and of the blocks alone; seconds,
measured and predicted, and rounds, with --wan also over a simulated line (as root); the set-up
apart; the largest error of a logit against AERO's own, how often the likeliest token is the same,
and the perplexity of these windows in the clear and encrypted.

OUT/table.json keeps every run as soon as it is done, and the script does not repeat it: start the
same command again after an interruption. OUT/table.md is the table.

Example:
  build/venv-spu/bin/python scripts/private_table.py runs/quickstart --repeats 1 --out runs/table
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aero.commands.private_command import run_command
from aero.commands.private_options import (
    WanAction,
    add_model_options,
    add_settings_options,
    make_parser,
)
from aero.core.fit import add_wide
from aero.core.options import whole

MOST_WINDOWS = 10_000


def parse_arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="run or checkpoint folders")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the table")
    parser.add_argument(
        "--repeats",
        type=whole(1, MOST_WINDOWS),
        default=3,
        metavar="N",
        help="windows of each model (default: 3)",
    )
    parser.add_argument(
        "--wan",
        action=WanAction,
        nargs=2,
        metavar=("MBIT", "MS"),
        help="also over a line of so many Mbit/s each way and milliseconds a round trip; as root",
    )
    parser.add_argument(
        "--wan-repeats",
        type=whole(1, MOST_WINDOWS),
        default=1,
        metavar="N",
        help="of the windows, so many over the line, too (default: 1)",
    )
    add_settings_options(parser)
    parser.add_argument("--data", type=Path, metavar="DIR", help="corpus, if not the runs' own")
    add_model_options(parser)
    add_wide(parser)
    return parser.parse_args()


def main() -> int:
    """Returns the exit code, 1 where a model failed, 2 for what the user can correct."""
    return run_command("aero.commands.private_table_work", parse_arguments)
