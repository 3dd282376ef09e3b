"""Measures AERO's training steps on the CPU beside PyTorch and the authors' way, in the same run.

It measures GPT-2 124M beside nanoGPT's loop, eager and under torch.compile, and beside the authors'
way in PyTorch, in bfloat16 and in float32; SM+ScFuFFN_i6, and EReg(SM(t)+ScFuFFN_i6) at two context
lengths, beside the authors' way; the tiny sweeps' model; and how memory grows from 8 sequences in a
batch to 32. The sides take turns, each in its own process. What does not fit into --seconds is left
out and named; called again, the program measures what is missing. It writes benchmark.json and
benchmark.md into FOLDER.

Examples:
  scripts/bench/steps.py --out build/bench
  scripts/bench/steps.py --out build/bench --scenes ereg long
"""

from __future__ import annotations

import argparse

from aero.benchmark.cpu_scenes import SCENES, dry_catalogue, full_catalogue
from aero.benchmark.options import add_cpu, add_limits, add_scenes, check_common
from aero.benchmark.step_program import Call, measure
from aero.core.command import run_command
from aero.core.options import Parser

_GEMM_SIZE = 2048  # products of 8192 would take a CPU seconds each


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cpu(parser)
    add_scenes(parser, SCENES)
    add_limits(parser, 1750)
    return check_common(parser, parser.parse_args(command_line))


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    call = Call(
        arguments.aero,
        arguments.out,
        "cpu",
        arguments.tiny,
        arguments.seconds,
        arguments.scenes,
        _GEMM_SIZE,
    )
    return measure(call, dry_catalogue() if arguments.tiny else full_catalogue(arguments.threads))


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
