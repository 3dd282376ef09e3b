"""Measures AERO's generation on the CPU beside transformers' generate() with its cache.

A GPT-2 124M with random weights continues 1 and 8 prompts of 16 tokens by 128 tokens, greedily, in
float32 and bfloat16. The sides take turns, each in its own process; the table has medians of the
rounds. A side's seconds are those of reading the prompts and of all new tokens; AERO's hold the
casting of the weights, too, and transformers has had a call that warms up. Without the Python
package transformers, its side is left out. What does not fit into --seconds is left out and named;
called again, the program measures what is missing. It writes generate.json and generate.md into
FOLDER.

Example:
  scripts/bench/generate.py --out build/bench
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.generation import (
    AERO,
    SIDES,
    TRANSFORMERS,
    Case,
    Generation,
    aero_turn,
    dry_generation,
    full_generation,
    make_model,
    markdown,
    transformers_turn,
    turn_name,
)
from aero.benchmark.options import add_cpu, add_limits, check_common
from aero.benchmark.processes import OutOfTime
from aero.benchmark.step_turns import scratch
from aero.benchmark.store import Store
from aero.core.command import run_command
from aero.core.files import write_text
from aero.core.options import Parser
from aero.core.signals import Tidying

_RESERVE_SECONDS = 2  # to end a turn and write the report


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cpu(parser)
    add_limits(parser, 850)
    return check_common(parser, parser.parse_args(command_line))


@dataclass
class _Turns:
    """Takes the turns of one call of the program."""

    aero: Path
    work: Generation
    budget: Budget
    store: Store
    left_out: list[str] = field(default_factory=list)  # because time ran out

    def take(self, place: Path) -> None:
        """Takes all turns that are not measured yet, round by round."""
        run: Path | None = None
        has_peer = importlib.util.find_spec(TRANSFORMERS) is not None
        sides = SIDES if has_peer else (AERO,)
        for number in range(1, self.work.rounds + 1):
            for case in self.work.cases:
                for side in sides:
                    name = turn_name(case, side, number)
                    if self.store.get(name) is not None:
                        continue
                    try:
                        run = run or make_model(self.aero, self.work.model, place, self._left())
                        self.store.put(name, self._seconds(case, side, run, place))
                    except OutOfTime:
                        self.left_out.append(name)

    def _left(self) -> float:
        left = self.budget.left() - _RESERVE_SECONDS
        if left <= 0:
            raise OutOfTime("no time is left")
        return left

    def _seconds(self, case: Case, side: str, run: Path, place: Path) -> float:
        left = self._left()
        print(f"{case.name}/{side}: {left:.0f} s left", file=sys.stderr, flush=True)
        if side == AERO:
            return aero_turn(self.aero, self.work, case, run, place, left)
        return transformers_turn(self.work, case, run, place, left)


def _report(out: Path, facts: dict[str, str], work: Generation, tiny: bool, taken: _Turns) -> str:
    taken.store.write(left_out=taken.left_out)
    s = work.model
    lines = ["# Generation", "", *machine_lines(facts), ""]
    lines += [
        f"GPT-2: {s.n_layer}L, d = {s.d_model}, V = {s.vocab_size:,}, random weights, "
        f"{s.threads} threads; prompts of {len(work.prompt)} tokens, {work.tokens} new tokens.",
        "",
        *markdown(work, taken.store.measured()),
    ]
    if tiny:
        lines += ["", "A dry run: sizes of no interest."]
    if taken.left_out:
        lines += ["", f"Left out because time ran out: {', '.join(taken.left_out)}."]
    text = "\n".join(lines) + "\n"
    write_text(out / "generate.md", text)
    return text


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    work = dry_generation() if arguments.tiny else full_generation(arguments.threads)
    facts = machine(arguments.aero, "cpu")
    kind = {"tiny": arguments.tiny, "threads": work.model.threads}
    store = Store(arguments.out / "generate.json", facts, kind)
    taken = _Turns(arguments.aero, work, Budget(arguments.seconds), store)
    with (
        Tidying(),
        tempfile.TemporaryDirectory(prefix="aero-benchmark-", dir=scratch()) as place,
    ):
        try:
            taken.take(Path(place))
        finally:
            text = _report(arguments.out, facts, work, arguments.tiny, taken)
    print(text, end="")
    return 0


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
