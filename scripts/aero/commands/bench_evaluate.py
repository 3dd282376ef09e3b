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
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from aero.benchmark.aero_side import aero_config
from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.options import add_cpu, add_limits, check_common
from aero.benchmark.processes import OutOfTime, run_process
from aero.benchmark.setting import Setting, make_corpus
from aero.benchmark.step_turns import scratch
from aero.benchmark.store import Store
from aero.checkpoint.run_folder import read_lines
from aero.core.command import run_command
from aero.core.files import write_text
from aero.core.options import Parser
from aero.core.signals import Tidying

_RESERVE_SECONDS = 2  # to end a turn and write the report
_WARMUP = 2  # steps that are left out
_DTYPES = ("float32", "bfloat16")


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
        left = budget.left() - _RESERVE_SECONDS
        if left <= 0:
            raise OutOfTime("no time is left")
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
        "training": setting.tokens_per_step / statistics.median(seconds[_WARMUP:]),
        "evaluation": found["tokens"] / found["seconds"],
    }


def _median(rounds: list[dict[str, float]], key: str) -> float:
    return statistics.median(each[key] for each in rounds)


def _report(
    out: Path, facts: dict[str, str], setting: Setting, store: Store, names: list[str]
) -> str:
    """Writes the files. `names` are the turns that were asked for."""
    left_out = [name for name in names if store.get(name) is None]
    store.write(left_out=left_out)
    s = setting
    lines = ["# Evaluation", "", *machine_lines(facts), ""]
    lines += [
        f"GPT-2: {s.n_layer}L, d = {s.d_model}, T = {s.context}, V = {s.vocab_size:,}, "
        f"B = {s.batch_size}, {s.threads} threads.",
        "",
        "| dtype | training, tokens/s | evaluation, tokens/s | evaluation over training |",
        "|---|---|---|---|",
    ]
    for dtype in _DTYPES:
        found = [store.get(name) for name in names if name.startswith(dtype)]
        rounds = [each for each in found if each is not None]
        if not rounds:
            continue
        ratio = statistics.median(each["evaluation"] / each["training"] for each in rounds)
        lines.append(
            f"| {dtype} | {_median(rounds, 'training'):,.0f} | "
            f"{_median(rounds, 'evaluation'):,.0f} | {ratio:.2f} |"
        )
    if left_out:
        lines += ["", f"Left out because time ran out: {', '.join(left_out)}."]
    text = "\n".join(lines) + "\n"
    write_text(out / "evaluate.md", text)
    return text


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    setting = _setting(arguments.tiny, arguments.threads)
    rounds = 1 if arguments.tiny else 3
    names = [f"{dtype}/{number}" for number in range(1, rounds + 1) for dtype in _DTYPES]
    facts = machine(arguments.aero, "cpu")
    kind = {"tiny": arguments.tiny, "threads": setting.threads}
    store = Store(arguments.out / "evaluate.json", facts, kind)
    budget = Budget(arguments.seconds)
    with (
        Tidying(),
        tempfile.TemporaryDirectory(prefix="aero-benchmark-", dir=scratch()) as place,
    ):
        make_corpus(Path(place) / "corpus", setting)
        try:
            for name in (name for name in names if store.get(name) is None):
                print(f"{name}: {budget.left():.0f} s left", file=sys.stderr, flush=True)
                of_dtype = replace(setting, dtype=name.partition("/")[0])
                store.put(name, _turn(arguments.aero, of_dtype, Path(place), budget))
        except OutOfTime:
            pass  # the report names what is missing
        finally:
            text = _report(arguments.out, facts, setting, store, names)
    print(text, end="")
    return 0


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
