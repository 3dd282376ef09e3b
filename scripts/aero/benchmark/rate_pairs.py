"""Measures two rates in turn, in float32 and bfloat16, and sets the second beside the first."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.processes import OutOfTime
from aero.benchmark.setting import Setting, make_corpus
from aero.benchmark.step_turns import scratch
from aero.benchmark.store import Store
from aero.core.files import write_text
from aero.core.signals import Tidying

WARMUP = 2  # steps of a run that are left out
_RESERVE_SECONDS = 2  # to end a turn and write the report
_DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class Pair:
    """Says what is measured: `first` and `second` are the keys of a turn's rates, in tokens/s."""

    stem: str  # of the files
    title: str
    threads: str  # what the report says of them
    first: str
    second: str
    columns: str  # of the table, behind the dtype


Turn = Callable[[Setting, Path, Budget], dict[str, float]]


def time_left(budget: Budget) -> float:
    """Returns the seconds that a process may take. Raises OutOfTime where there are none."""
    left = budget.left() - _RESERVE_SECONDS
    if left <= 0:
        raise OutOfTime("no time is left")
    return left


def _report(
    pair: Pair, out: Path, facts: dict[str, str], setting: Setting, store: Store, names: list[str]
) -> str:
    """Writes the files. `names` are the turns that were asked for."""
    left_out = [name for name in names if store.get(name) is None]
    store.write(left_out=left_out)
    s = setting
    lines = [f"# {pair.title}", "", *machine_lines(facts), ""]
    lines += [
        f"GPT-2: {s.n_layer}L, d = {s.d_model}, T = {s.context}, V = {s.vocab_size:,}, "
        f"B = {s.batch_size}, {s.threads} {pair.threads}.",
        "",
        f"| dtype | {pair.columns} |",
        "|---|---|---|---|",
    ]
    for dtype in _DTYPES:
        found = [store.get(name) for name in names if name.startswith(dtype)]
        rounds = [each for each in found if each is not None]
        if not rounds:
            continue
        first, second = (
            statistics.median(each[key] for each in rounds) for key in (pair.first, pair.second)
        )
        ratio = statistics.median(each[pair.second] / each[pair.first] for each in rounds)
        lines.append(f"| {dtype} | {first:,.0f} | {second:,.0f} | {ratio:.2f} |")
    if left_out:
        lines += ["", f"Left out because time ran out: {', '.join(left_out)}."]
    text = "\n".join(lines) + "\n"
    write_text(out / f"{pair.stem}.md", text)
    return text


def measure_pair(
    pair: Pair, arguments: argparse.Namespace, setting: Setting, rounds: int, turn: Turn
) -> int:
    """Measures what the files in arguments.out lack, and reports; returns the exit status.

    `turn` gets the setting in one dtype, a folder with a corpus, and the time that is left.
    """
    names = [f"{dtype}/{number}" for number in range(1, rounds + 1) for dtype in _DTYPES]
    facts = machine(arguments.aero, "cpu")
    kind = {"tiny": arguments.tiny, "threads": setting.threads}
    store = Store(arguments.out / f"{pair.stem}.json", facts, kind)
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
                store.put(name, turn(of_dtype, Path(place), budget))
        except OutOfTime:
            pass  # the report names what is missing
        finally:
            text = _report(pair, arguments.out, facts, setting, store, names)
    print(text, end="")
    return 0
