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

from aero.benchmark.gpu_scenes import dry_catalogue, full_catalogue
from aero.benchmark.options import add_common, add_scenes, check_common
from aero.benchmark.step_program import Call, measure
from aero.core.command import run_command
from aero.core.options import Parser

SCENES = ("gpt2", "ereg", "long", "tiny", "vocabulary")


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common(parser)
    add_scenes(parser, SCENES)
    return check_common(parser, parser.parse_args(command_line))


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    call = Call(
        arguments.aero,
        arguments.out,
        arguments.device,
        arguments.tiny,
        arguments.seconds,
        arguments.scenes,
    )
    catalogue = dry_catalogue if arguments.tiny else full_catalogue
    return measure(call, catalogue(arguments.device))


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
