"""Makes tiny models by Hugging Face transformers, which the tests of import and export read.

Writes them to tests/golden/exchange/transformers-N, where N is the version of transformers that
runs, each as save_pretrained() does, with tokens and their logits in float64. Run it once in each
of two Pythons that have transformers 4.57 and 5. Nothing is downloaded.

Example:
  scripts/make_exchange_golden.py --out build/exchange-golden
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aero.core.command import run_command
from aero.core.options import Parser
from aero.core.places import ROOT
from aero.golden.exchange import make_folders

GOLDEN = ROOT / "tests" / "golden" / "exchange"


def make() -> int:
    """Parses the command line, and makes the folders."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=GOLDEN, help="(default: tests/golden/exchange)")
    make_folders(parser.parse_args().out)
    return 0


def main() -> int:
    """Runs the script, and returns its exit status."""
    return run_command(make)
