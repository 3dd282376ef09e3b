"""Trains small models on a card and checks the results: beside the CPU, with blocking launches,
model by model, after a warm start, with overflows, twice, killed and resumed, for memory, and under
compute-sanitizer.

Started again, the program repeats trials that failed, and those that did not fit into --seconds
before. It writes trials.json and trials.md into FOLDER.

Examples:
  scripts/gpu/trials.py --aero build/gpu/bin/aero --out build/gpu-check/trials
  scripts/gpu/trials.py --aero build/release/bin/aero --out /tmp/dry --device cpu --tiny
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.options import add_common, check_common
from aero.benchmark.store import Store
from aero.check import lab
from aero.check.trials import TRIALS
from aero.core.command import run_command
from aero.core.files import write_text
from aero.core.options import Parser
from aero.core.signals import Tidying


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common(parser)
    return check_common(parser, parser.parse_args(command_line))


def attempt(name: str, place: lab.Lab) -> dict[str, Any]:
    """Runs a trial; returns its outcome, what it found and its seconds. Raises lab.OutOfTime."""
    start = time.monotonic()
    try:
        outcome, found = "passed", TRIALS[name](place)
    except lab.SkipTrial as reason:
        outcome, found = "skipped", str(reason)
    except lab.TrialError as fault:
        outcome, found = "failed", str(fault)
    return {"outcome": outcome, "found": found, "seconds": round(time.monotonic() - start, 1)}


def table(results: dict[str, Any]) -> list[str]:
    """Returns lines of Markdown: a row per trial."""
    lines = ["| trial | | what was found | seconds |", "|---|---|---|---|"]
    for name in TRIALS:
        row = results.get(name, {"outcome": "not reached", "found": "", "seconds": 0})
        found = row["found"].replace("|", r"\|")
        lines.append(f"| {name} | {row['outcome']} | {found} | {row['seconds']:.0f} |")
    return lines


def trials(arguments: argparse.Namespace) -> int:
    """Returns 1 where a trial has failed or was not reached."""
    budget = Budget(arguments.seconds)
    facts = machine(arguments.aero, arguments.device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    kind = {"device": arguments.device, "tiny": arguments.tiny}
    store = Store(arguments.out / "trials.json", facts, kind)
    size = lab.TINY if arguments.tiny else lab.FULL
    with Tidying(), tempfile.TemporaryDirectory(prefix="aero-trials-") as folder:
        for number, name in enumerate(TRIALS):
            done = store.get(name)
            if done is not None and done["outcome"] != "failed":
                continue
            print(f"{name} ({budget.left():.0f} s left)", flush=True)
            place = lab.Lab(
                arguments.aero, arguments.device, size, Path(folder) / str(number), budget
            )
            try:
                result = attempt(name, place)
            except lab.OutOfTime:
                break
            print(f"{name}: {result['outcome']}: {result['found']}", flush=True)
            store.put(name, result)
    lines = ["# Trials", "", *machine_lines(facts), "", *table(store.measured())]
    text = "\n".join(lines) + "\n"
    write_text(arguments.out / "trials.md", text)
    print(text, end="")
    outcomes = [(store.get(name) or {}).get("outcome") for name in TRIALS]
    return 0 if all(outcome in ("passed", "skipped") for outcome in outcomes) else 1


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: trials(parse(command_line)))
