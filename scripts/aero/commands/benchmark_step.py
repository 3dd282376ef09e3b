"""Measures tokens/s of a training step on the CPU: AERO against the same GPT-2 in PyTorch eager,
or AERO's architectures against each other (--architectures), the first of them the reference.

The sides take turns for --rounds rounds, each turn in its own process, so that slow phases of the
machine affect all sides alike. The first steps of a turn are warm-up and left out. The report has
medians over all steps, the median over rounds of the ratio within a round, and peak memory. PyTorch
runs nanoGPT's loop with torch.optim.AdamW's defaults, and with fused=True.

Examples:
  scripts/benchmark_step.py --rounds 3 --json step.json
  scripts/benchmark_step.py --architectures "SM(t)+ScFuFFN_i6" "EReg(SM(t)+ScFuFFN_i6)"
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aero.benchmark.aero_side import BASELINE, AeroTurn, aero_turn
from aero.benchmark.measured import Measured, ratio
from aero.benchmark.pytorch_side import PyTorchTurn, pytorch_turn
from aero.benchmark.pytorch_task import PyTorchTask
from aero.benchmark.setting import Setting, make_corpus
from aero.core.command import run_command
from aero.core.errors import AeroError
from aero.core.files import check_output, write_text
from aero.core.options import Parser, whole
from aero.core.places import AERO
from aero.core.signals import Tidying

PYTORCH_SIDES = ("pytorch", "pytorch fused")
MOST_TOKENS = 1 << 30


def measure(sides: list[str], arguments: argparse.Namespace) -> dict[str, Measured]:
    """Lets the sides take turns, and returns their times."""
    setting = setting_of(arguments)
    measured = {side: Measured() for side in sides}
    turns = [(number, side) for number in range(arguments.rounds) for side in sides]
    with Tidying(), tempfile.TemporaryDirectory(prefix="aero-benchmark-") as name:
        corpus = Path(name) / "corpus"
        make_corpus(corpus, setting)
        progress = tqdm(turns, unit="turn", disable=None)
        for number, side in progress:
            progress.set_description(side)
            folder = Path(name) / f"{number}-{sides.index(side)}"
            folder.mkdir()
            if side in PYTORCH_SIDES:
                task = PyTorchTask(setting, str(corpus), fused=side.endswith("fused"))
                turn: PyTorchTurn | AeroTurn = pytorch_turn(task, folder)
            else:
                architecture = BASELINE if side == "aero" else side
                turn = aero_turn(arguments.aero, setting, folder, architecture, corpus=corpus)
            if len(turn.seconds) != setting.steps:
                timed = len(turn.seconds)
                raise AeroError(f"{side}: {timed} steps were timed, not {setting.steps}")
            measured[side].rounds.append(turn.seconds[arguments.warmup :])
            measured[side].peak_bytes = max(measured[side].peak_bytes, turn.peak_bytes)
    return measured


def summary(measured: dict[str, Measured], setting: Setting) -> dict[str, Any]:
    """Returns the report that --json writes."""
    sides = {}
    reference = next((side for side in measured if side not in PYTORCH_SIDES), None)
    for side, result in measured.items():
        seconds = result.median_seconds()
        sides[side] = {
            "tokens_per_second": setting.tokens_per_step / seconds,
            "seconds_per_step": seconds,
            "peak_bytes": result.peak_bytes,
            "rounds": result.rounds,
        }
        if reference not in (None, side):
            sides[side]["reference_over_this"] = ratio(measured, side, reference)
    return {"setting": asdict(setting), "reference": reference, "sides": sides}


def markdown(report: dict[str, Any]) -> str:
    """Returns the report as a table."""
    s = report["setting"]
    lines = [
        f"GPT-2 {s['n_layer']}L, d={s['d_model']}, H={s['n_head']}, V={s['vocab_size']}, "
        f"T={s['context']}, B={s['batch_size']}, accumulation {s['accumulation']}, "
        f"{s['dtype']}, {s['threads']} threads",
        "",
        f"| | tokens/s | s/step | peak memory, GB | tokens/s of {report['reference']} over this |",
        "|---|---|---|---|---|",
    ]
    for side, row in report["sides"].items():
        against = f"{row['reference_over_this']:.3f}" if "reference_over_this" in row else ""
        lines.append(
            f"| {side} | {row['tokens_per_second']:.0f} | {row['seconds_per_step']:.3f} "
            f"| {row['peak_bytes'] / 1e9:.2f} | {against} |"
        )
    return "\n".join(lines)


def setting_of(arguments: argparse.Namespace) -> Setting:
    """Returns the step that the command line describes."""
    return Setting(
        arguments.layers,
        arguments.heads,
        arguments.width,
        arguments.vocab,
        arguments.context,
        arguments.batch,
        arguments.accumulation,
        arguments.dtype,
        arguments.threads,
        arguments.steps,
    )


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Prints defaults, and the description as it is written."""


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where its options contradict each other."""
    parser = Parser(description=__doc__, formatter_class=_Help)
    parser.add_argument("--aero", type=Path, default=AERO, help="AERO's binary")
    parser.add_argument("--sides", nargs="+", choices=["aero", *PYTORCH_SIDES], help="who runs")
    parser.add_argument(
        "--architectures", nargs="+", metavar="NAME", help="instead of --sides: AERO's, by name"
    )
    parser.add_argument("--layers", type=whole(1, 1000), default=12, help="L")
    parser.add_argument("--heads", type=whole(1, 1000), default=12, help="H")
    parser.add_argument("--width", type=whole(1, 1 << 16), default=768, help="d")
    parser.add_argument("--vocab", type=whole(2, 1 << 24), default=50304, help="V")
    parser.add_argument("--context", type=whole(1, 1 << 20), default=128, help="T")
    parser.add_argument("--batch", type=whole(1, 1 << 16), default=8, help="B")
    parser.add_argument(
        "--accumulation", type=whole(1, 1 << 16), default=1, help="forward passes a step"
    )
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16", help=" ")
    parser.add_argument(
        "--threads", type=whole(1, 1024), default=2, help="CPU threads of each side"
    )
    parser.add_argument("--rounds", type=whole(1, 10000), default=5, help="turns of each side")
    parser.add_argument(
        "--steps", type=whole(1, 1_000_000), default=8, help="steps in a turn, warm-up included"
    )
    parser.add_argument(
        "--warmup", type=whole(0, 1_000_000), default=2, help="steps of a turn that are left out"
    )
    parser.add_argument("--json", type=Path, help="also write everything measured here")
    arguments = parser.parse_args(command_line)
    if arguments.sides and arguments.architectures:
        parser.error("--sides and --architectures exclude each other: give one of them")
    arguments.sides = arguments.architectures or arguments.sides or ["aero", *PYTORCH_SIDES]
    if len(set(arguments.sides)) < len(arguments.sides):
        parser.error("a side is named twice")
    if arguments.width % arguments.heads:
        parser.error(f"--width {arguments.width} is not a multiple of --heads {arguments.heads}")
    tokens = arguments.batch * arguments.accumulation * arguments.context * arguments.steps
    if tokens > MOST_TOKENS:
        parser.error(
            f"--batch, --accumulation, --context and --steps make {tokens:,} tokens, which are "
            f"made before the first turn: at most {MOST_TOKENS:,}"
        )
    if not arguments.warmup < arguments.steps:
        parser.error(f"--warmup {arguments.warmup} leaves nothing of --steps {arguments.steps}")
    if set(arguments.sides) - set(PYTORCH_SIDES):
        if not arguments.aero.is_file():
            parser.error(
                f"--aero {arguments.aero}: no such file; scripts/build.sh release makes it"
            )
        if not os.access(arguments.aero, os.X_OK):
            parser.error(f"--aero {arguments.aero}: not a program")
    return arguments


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    if arguments.json:
        check_output(arguments.json, "--json")
    report = summary(measure(arguments.sides, arguments), setting_of(arguments))
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + "\n")
    print(markdown(report))
    return 0


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
