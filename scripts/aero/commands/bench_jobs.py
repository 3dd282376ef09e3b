"""Measures what a sweep's --jobs 2 gives: two runs side by side beside one that has their threads.

A small model (L = 4, d = 128) trains with --threads threads, and then two such models train at once
with half of the threads each, in float32 and bfloat16. The rate of a run is that of its median
step. The table has medians of the rounds. What does not fit into --seconds is left out and named;
called again, the program measures what is missing. It writes jobs.json and jobs.md into FOLDER.

Example:
  scripts/bench/jobs.py --out build/bench
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from aero.benchmark.aero_side import aero_turn
from aero.benchmark.budget import Budget
from aero.benchmark.options import add_cpu, add_limits, check_common
from aero.benchmark.rate_pairs import WARMUP, Pair, measure_pair, time_left
from aero.benchmark.setting import Setting
from aero.core.command import run_command
from aero.core.options import Parser

_PAIR = Pair(
    "jobs",
    "Runs side by side",
    "threads in all",
    "one",
    "two",
    "one run, tokens/s | two runs, tokens/s | two over one",
)


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cpu(parser)
    add_limits(parser, 400)
    arguments = check_common(parser, parser.parse_args(command_line))
    if arguments.threads % 2:
        parser.error(f"--threads {arguments.threads}: two runs share them; give an even number")
    return arguments


def _setting(tiny: bool, threads: int) -> Setting:
    if tiny:
        return Setting(1, 1, 64, 64, 8, 2, 1, "float32", threads, 3)
    return Setting(4, 4, 128, 4096, 128, 32, 1, "float32", threads, 60)


def _rate(aero: Path, setting: Setting, runs: int, place: Path, budget: Budget) -> float:
    """Returns the tokens/s of so many runs at once, all together."""
    limit = time_left(budget)
    folders = [place / f"run{number}" for number in range(runs)]
    for folder in folders:
        folder.mkdir()

    def train(folder: Path) -> float:
        turn = aero_turn(aero, setting, folder, corpus=place / "corpus", limit=limit)
        return setting.tokens_per_step / statistics.median(turn.seconds[WARMUP:])

    try:
        with ThreadPoolExecutor(runs) as pool:
            return sum(pool.map(train, folders))
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _turn(aero: Path, setting: Setting, place: Path, budget: Budget) -> dict[str, float]:
    half = replace(setting, threads=setting.threads // 2)
    return {
        "one": _rate(aero, setting, 1, place, budget),
        "two": _rate(aero, half, 2, place, budget),
    }


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    return measure_pair(
        _PAIR,
        arguments,
        _setting(arguments.tiny, arguments.threads),
        1 if arguments.tiny else 5,
        lambda setting, place, budget: _turn(arguments.aero, setting, place, budget),
    )


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
