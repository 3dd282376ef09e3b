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
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from aero.benchmark.aero_side import aero_turn
from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.options import add_cpu, add_limits, check_common
from aero.benchmark.processes import OutOfTime
from aero.benchmark.setting import Setting, make_corpus
from aero.benchmark.step_turns import scratch
from aero.benchmark.store import Store
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
    add_limits(parser, 400)
    arguments = check_common(parser, parser.parse_args(command_line))
    if arguments.threads % 2:
        parser.error(f"--threads {arguments.threads}: two runs share them; give an even number")
    return arguments


def _setting(tiny: bool, threads: int) -> Setting:
    if tiny:
        return Setting(1, 1, 64, 64, 8, 2, 1, "float32", threads, 3)
    return Setting(4, 4, 128, 4096, 128, 32, 1, "float32", threads, 60)


def _rates(aero: Path, setting: Setting, runs: int, place: Path, budget: Budget) -> float:
    """Returns the tokens/s of so many runs at once, all together."""
    limit = budget.left() - _RESERVE_SECONDS
    if limit <= 0:
        raise OutOfTime("no time is left")
    folders = [place / f"run{number}" for number in range(runs)]
    for folder in folders:
        folder.mkdir()
    try:
        with ThreadPoolExecutor(runs) as pool:
            turns = list(
                pool.map(
                    lambda folder: aero_turn(
                        aero, setting, folder, corpus=place / "corpus", limit=limit
                    ),
                    folders,
                )
            )
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    return sum(setting.tokens_per_step / statistics.median(t.seconds[_WARMUP:]) for t in turns)


def _turn(aero: Path, setting: Setting, place: Path, budget: Budget) -> dict[str, float]:
    half = replace(setting, threads=setting.threads // 2)
    return {
        "one": _rates(aero, setting, 1, place, budget),
        "two": _rates(aero, half, 2, place, budget),
    }


def _report(
    out: Path, facts: dict[str, str], setting: Setting, store: Store, names: list[str]
) -> str:
    """Writes the files. `names` are the turns that were asked for."""
    left_out = [name for name in names if store.get(name) is None]
    store.write(left_out=left_out)
    s = setting
    lines = ["# Runs side by side", "", *machine_lines(facts), ""]
    lines += [
        f"GPT-2: {s.n_layer}L, d = {s.d_model}, T = {s.context}, V = {s.vocab_size:,}, "
        f"B = {s.batch_size}, {s.threads} threads in all.",
        "",
        "| dtype | one run, tokens/s | two runs, tokens/s | two over one |",
        "|---|---|---|---|",
    ]
    for dtype in _DTYPES:
        found = [store.get(name) for name in names if name.startswith(dtype)]
        rounds = [each for each in found if each is not None]
        if not rounds:
            continue
        one, two = (statistics.median(each[key] for each in rounds) for key in ("one", "two"))
        ratio = statistics.median(each["two"] / each["one"] for each in rounds)
        lines.append(f"| {dtype} | {one:,.0f} | {two:,.0f} | {ratio:.2f} |")
    if left_out:
        lines += ["", f"Left out because time ran out: {', '.join(left_out)}."]
    text = "\n".join(lines) + "\n"
    write_text(out / "jobs.md", text)
    return text


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    setting = _setting(arguments.tiny, arguments.threads)
    rounds = 1 if arguments.tiny else 5
    names = [f"{dtype}/{number}" for number in range(1, rounds + 1) for dtype in _DTYPES]
    facts = machine(arguments.aero, "cpu")
    store = Store(
        arguments.out / "jobs.json", facts, {"tiny": arguments.tiny, "threads": setting.threads}
    )
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
