"""Measures what SPU's operations cost between two parties and writes a cost model of AERO.

Both parties run on this machine, over the loopback: keep it quiet. The file extends the cost model
spu_0.9.5, which has the formulas, and gives their constants: bytes, seconds and, with --network wan
(as root), the round trips of each primitive, from how much longer it takes in two network
namespaces behind a line of the given rate and delay. `aero report CONFIG --cost FILE` then uses it.

Example:
  build/venv-spu/bin/python scripts/measure_costs.py --weights colocated --out mine.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aero.commands.private_command import run_command
from aero.commands.private_options import (
    add_network_options,
    add_settings_options,
    make_parser,
)


def parse_arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--out", type=Path, required=True, help="cost model file to write")
    add_settings_options(parser)
    parser.add_argument(
        "--thorough", action="store_true", help="repeat more, for some minutes longer"
    )
    add_network_options(parser)
    return parser.parse_args()


def main() -> int:
    """Runs the script, and returns its exit code, 2 for what the user can correct."""
    return run_command("aero.commands.measure_costs_work", parse_arguments)
