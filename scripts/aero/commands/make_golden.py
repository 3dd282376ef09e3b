"""Makes the reference tensors of tests/golden, or checks that they are still what it makes.

Each file holds one tiny model with random weights: logits, loss and every gradient of one batch,
attention's row entropies where the case is about them, then losses, gradient norms and weights of
ten AdamW steps with clipping. Models that transformers has are computed by transformers, the others
by the decoder in aero.reference, which agrees with transformers on the models that both have.
Nothing is downloaded. tests/golden/README.md says what a file holds.

Example:
  scripts/make_golden.py --check --only gpt2_gelu
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tqdm import tqdm

from aero.core.command import run_command
from aero.core.options import Parser
from aero.core.places import ROOT
from aero.golden.agreement import CHECK_TOLERANCE
from aero.golden.cases import cases
from aero.golden.files import faults, write_safetensors
from aero.golden.make import make
from aero.golden.traces import DTYPES

GOLDEN = ROOT / "tests" / "golden"


def make_or_check() -> int:
    """Returns the exit status, 1 where --check found a difference."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=GOLDEN, help="folder (default: tests/golden)")
    parser.add_argument("--only", metavar="CASE", nargs="+", help="only these cases")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    jobs = [
        (number, case, dtype)
        for number, case in enumerate(cases())
        for dtype in DTYPES
        if arguments.only is None or case.name in arguments.only
    ]
    known = [case.name for case in cases()]
    for name in arguments.only or ():
        if name not in known:
            parser.error(f"unknown case {name!r}: {', '.join(known)}")
    found = False
    for number, case, dtype in tqdm(jobs, unit="file", disable=None):
        tensors, metadata, agreement = make(case, number, dtype)
        path = arguments.out / f"{case.name}.{dtype}.safetensors"
        if arguments.check:
            for fault in faults(path, tensors, metadata, CHECK_TOLERANCE[dtype]):
                found = True
                tqdm.write(f"{path}: {fault}")
        else:
            arguments.out.mkdir(parents=True, exist_ok=True)
            write_safetensors(path, tensors, metadata)
            words = ", ".join(f"{what} {value:.1e}" for what, value in agreement.items())
            tqdm.write(f"{path.name}: largest difference from {words}")
    return 1 if found else 0


def main() -> int:
    """Runs the script, and returns its exit status."""
    return run_command(make_or_check)
