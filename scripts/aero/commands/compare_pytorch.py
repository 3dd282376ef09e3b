r"""Trains a finished AERO run again with a plain PyTorch loop and compares held-out perplexity.

The loop takes the run's initial weights (train with --set checkpoint.at_start=true), tokens, order
and recipe, and uses none of AERO's code. The exit status is 1 where the perplexities differ by more
than --tolerance.

Example:
  build/release/bin/aero train configs/quickstart.json --set checkpoint.at_start=true \
      --set run.folder=runs/checked
  scripts/compare_pytorch.py runs/checked --out runs/checked/pytorch.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from aero.core.command import run_command
from aero.core.files import check_output, write_text
from aero.core.options import Parser, real
from aero.reference.finished_run import read_run
from aero.reference.retraining import make_trainer, train_again

FIRST_LOSSES = 10


def markdown(report: dict[str, Any]) -> str:
    """Returns the report as two tables."""
    lines = [
        "| | held-out perplexity |",
        "|---|---|",
        f"| AERO | {report['aero_perplexity']:.4f} |",
        f"| PyTorch | {report['pytorch_perplexity']:.4f} |",
        f"| AERO's is higher by | {report['relative_difference']:+.3%} |",
        "",
        "| step | loss, AERO | loss, PyTorch |",
        "|---|---|---|",
    ]
    for row in report["losses"]:
        lines.append(f"| {row['step']} | {row['aero']:.6f} | {row['pytorch']:.6f} |")
    return "\n".join(lines)


def parse_arguments(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--data", type=Path, help="the corpus, where data.path does not lead to it")
    parser.add_argument(
        "--tolerance", type=real(0, 1e9), default=0.02, help="relative (default: 0.02)"
    )
    parser.add_argument("--out", type=Path, help="also write the comparison here, as JSON")
    return parser.parse_args(command_line)


def compare(arguments: argparse.Namespace) -> int:
    """Returns the exit status, 1 where the perplexities differ by more than the tolerance."""
    run = read_run(arguments.run)
    if arguments.out:
        check_output(arguments.out, "--out")
    trainer = make_trainer(run, arguments.data)
    losses, perplexity = train_again(trainer)
    difference = run.perplexity / perplexity - 1
    logged = [step for step in sorted(run.losses) if 1 <= step <= len(losses)][:FIRST_LOSSES]
    report = {
        "run": str(arguments.run),
        "steps": trainer.steps,
        "aero_perplexity": run.perplexity,
        "pytorch_perplexity": perplexity,
        "relative_difference": difference,
        "tolerance": arguments.tolerance,
        "losses": [
            {"step": step, "aero": run.losses[step], "pytorch": losses[step - 1]} for step in logged
        ],
    }
    if arguments.out:
        write_text(arguments.out, json.dumps(report, indent=2) + "\n")
    print(markdown(report))
    return 0 if abs(difference) <= arguments.tolerance else 1


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: compare(parse_arguments(command_line)))
