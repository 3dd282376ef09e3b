"""Runs AERO's tests on a card: the C++ suites, then those of the program.

BUILD/bin/aero names the build whose tests run; AERO_TEST_DEVICE passes them the device. Started
again, the program runs what has not passed, and what did not fit into --seconds before. It writes
suite.json, suite.md and suite.log into FOLDER.

Examples:
  scripts/gpu/suite.py --aero build/gpu/bin/aero --out build/gpu-check/suite
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from typing import Any

from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.options import add_common, check_common
from aero.benchmark.store import Store
from aero.check import ctest
from aero.core.command import run_command
from aero.core.files import write_text
from aero.core.options import Parser
from aero.core.signals import Tidying

ROOMS = "core|config|dist|ops|tokenizer|data|model|cost|checkpoint|report|train|jobs|pipeline"
CPP = rf"^({ROOMS})\."
PROGRAM = r"^cli\."
TINY = r"^ops\.gemm_rate$"
MOST_JOBS = 8  # each takes some 0.5 GB of the card


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common(parser)
    return check_common(parser, parser.parse_args(command_line))


def table(wanted: list[str], results: dict[str, Any]) -> list[str]:
    """Returns lines of Markdown: a row per room, and the tests that did not pass."""
    rooms = dict.fromkeys(name.partition(".")[0] for name in wanted)
    lines = ["| tests of | passed | failed | not reached | seconds |", "|---|---|---|---|---|"]
    for room in rooms:
        mine = [results.get(name) for name in wanted if name.startswith(f"{room}.")]
        counted = Counter("none" if each is None else each["outcome"] for each in mine)
        passed, missing = counted["passed"], counted["none"]
        seconds = sum(each["seconds"] for each in mine if each)
        failed = len(mine) - passed - missing
        lines.append(f"| {room} | {passed} | {failed} | {missing} | {seconds:.0f} |")
    faulty = [n for n in wanted if n in results and results[n]["outcome"] != "passed"]
    if faulty:
        lines += ["", *(f"- {name}: {results[name]['outcome']}" for name in faulty)]
    return lines


def suite(arguments: argparse.Namespace) -> int:
    """Returns 1 where a test has not passed."""
    budget = Budget(arguments.seconds)
    facts = machine(arguments.aero, arguments.device)
    build = arguments.aero.parents[1]
    groups = [ctest.names(build, p) for p in ([TINY] if arguments.tiny else [CPP, PROGRAM])]
    arguments.out.mkdir(parents=True, exist_ok=True)
    store = Store(
        arguments.out / "suite.json", facts, {"device": arguments.device, "tiny": arguments.tiny}
    )

    def ended(name: str, outcome: str, seconds: float) -> None:
        print(f"{name}: {outcome} ({seconds:.1f} s)", flush=True)
        store.put(name, {"outcome": outcome, "seconds": seconds})

    with Tidying():
        for group in groups:
            left = [n for n in group if (store.get(n) or {}).get("outcome") != "passed"]
            if left and budget.left() > 1:
                ctest.run(
                    build,
                    left,
                    device=arguments.device,
                    jobs=min(MOST_JOBS, os.cpu_count() or 1),
                    seconds=budget.left(),
                    log=arguments.out / "suite.log",
                    ended=ended,
                )
    wanted = [name for group in groups for name in group]
    lines = ["# Tests", "", *machine_lines(facts), "", *table(wanted, store.measured())]
    text = "\n".join(lines) + "\n"
    write_text(arguments.out / "suite.md", text)
    print(text, end="")
    return 0 if all((store.get(name) or {}).get("outcome") == "passed" for name in wanted) else 1


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: suite(parse(command_line)))
