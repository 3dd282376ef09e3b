"""Measures the rate of an evaluation without gradient beside that of training, on the CPU.

A GPT-2 124M trains for some steps of 8 x 128 tokens, and `aero eval` scores the same tokens with
the weights that it has then, in float32 and bfloat16. The table has medians of the rounds; a rate
is that of a round's median step, or of its evaluation. What does not fit into --seconds is left out
and named; called again, the program measures what is missing. It writes evaluate.json and
evaluate.md into FOLDER.

Example:
  scripts/bench/evaluate.py --out build/bench
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
from pathlib import Path

from aero.benchmark.aero_side import aero_config
from aero.benchmark.budget import Budget
from aero.benchmark.options import add_cpu, add_limits, check_common
from aero.benchmark.processes import run_process
from aero.benchmark.rate_pairs import WARMUP, Pair, measure_pair, time_left
from aero.benchmark.setting import Setting
from aero.checkpoint.run_folder import read_lines
from aero.core.command import run_command
from aero.core.options import Parser

_PAIR = Pair(
    "evaluate",
    "Evaluation",
    "threads",
    "training",
    "evaluation",
    "training, tokens/s | evaluation, tokens/s | evaluation over training",
)


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cpu(parser)
    add_limits(parser, 850)
    return check_common(parser, parser.parse_args(command_line))


def _setting(tiny: bool, threads: int) -> Setting:
    if tiny:
        return Setting(1, 1, 64, 64, 8, 2, 1, "float32", 1, 3)
    return Setting(12, 12, 768, 50304, 128, 8, 1, "float32", threads, 8)


def _turn(aero: Path, setting: Setting, place: Path, budget: Budget) -> dict[str, float]:
    """Returns the tokens/s of a run's median step, and of an evaluation of its weights."""
    corpus, run, config = place / "corpus", place / "run", place / "config.json"
    config.write_text(json.dumps(aero_config(setting, corpus, run)), encoding="utf-8")

    def call(*words: str | Path) -> str:
        left = time_left(budget)
        log = place / "log.txt"
        threads = {"OMP_NUM_THREADS": str(setting.threads)}
        run_process([str(aero), *map(str, words)], log, left, environment={**os.environ, **threads})
        return log.read_text(encoding="utf-8")

    try:
        call("train", config)
        seconds: list[float] = []
        read_lines(
            run, lambda line: seconds.extend([] if "event" in line else [line.number("seconds")])
        )
        found = json.loads(call("eval", run, "--split", "train", "--json"))
    finally:
        shutil.rmtree(run, ignore_errors=True)  # its checkpoint can be several GB
    return {
        "training": setting.tokens_per_step / statistics.median(seconds[WARMUP:]),
        "evaluation": found["tokens"] / found["seconds"],
    }


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    return measure_pair(
        _PAIR,
        arguments,
        _setting(arguments.tiny, arguments.threads),
        1 if arguments.tiny else 3,
        lambda setting, place, budget: _turn(arguments.aero, setting, place, budget),
    )


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
