"""Measures AERO's training steps on a GPU beside PyTorch on the same card, in the same run.

It measures GPT-2 124M beside nanoGPT's loop, eager and under torch.compile; entropy regularisation
beside the same model without it, and beside the authors' way in PyTorch; T = 1024; and the tiny
sweeps' model. The sides take turns, each in its own process. What does not fit into --seconds is
left out and named; called again, the program measures what is missing. It writes benchmark.json and
benchmark.md into FOLDER.

Examples:
  scripts/gpu/benchmark.py --aero build/cuda-release/bin/aero --out build/gpu
  scripts/gpu/benchmark.py --aero build/release/bin/aero --out /tmp/dry --device cpu --tiny
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.options import add_common, check_common
from aero.benchmark.step_report import markdown, summary
from aero.benchmark.step_scenes import Scene, dry_scenes, full_scenes
from aero.benchmark.step_turns import Turns
from aero.benchmark.store import Store
from aero.core.command import run_command
from aero.core.files import write_text
from aero.core.options import Parser
from aero.core.signals import Tidying

GEMM_SIZE, TINY_GEMM_SIZE = 8192, 128
SCENES = ("gpt2", "ereg", "long", "tiny", "vocabulary")


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common(parser)
    parser.add_argument(
        "--scenes",
        nargs="+",
        choices=SCENES,
        default=SCENES,
        help="what to measure (default: all of it)",
    )
    return check_common(parser, parser.parse_args(command_line))


def report(
    taken: Turns, scenes: list[Scene], facts: dict[str, str], out: Path, is_dry: bool
) -> str:
    """Writes what has been measured, and returns the table."""
    measured, left_out, failed = taken.store.measured(), taken.left_out, taken.failed
    taken.store.write(summary=summary(scenes, measured), left_out=left_out, failed=failed)
    lines = ["# Steps", "", *machine_lines(facts), "", *markdown(scenes, measured)]
    if is_dry:
        lines += ["", "A dry run: sizes of no interest."]
    if left_out:
        lines += ["", f"Left out because time ran out: {', '.join(left_out)}."]
    if failed:
        lines += ["", f"Failed: {', '.join(failed)}."]
    text = "\n".join(lines) + "\n"
    write_text(out / "benchmark.md", text)
    return text


def benchmark(arguments: argparse.Namespace) -> int:
    """Returns 1 where a turn failed; it is not a failure that a turn was left out for time."""
    budget = Budget(arguments.seconds)
    facts = machine(arguments.aero, arguments.device)
    scenes = (dry_scenes if arguments.tiny else full_scenes)(arguments.device)
    kind = {"device": arguments.device, "tiny": arguments.tiny}
    store = Store(arguments.out / "benchmark.json", facts, kind)
    gemm = TINY_GEMM_SIZE if arguments.tiny else GEMM_SIZE
    taken = Turns(arguments.aero, gemm, budget, store)
    with Tidying():
        try:
            taken.take([scene for scene in scenes if scene.name in arguments.scenes])
        finally:
            text = report(taken, scenes, facts, arguments.out, arguments.tiny)
    print(text, end="")
    return 1 if taken.failed else 0


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
