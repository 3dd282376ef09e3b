"""Puts the results of scripts/gpu/check.sh together: FOLDER/results.json and FOLDER/results.md.

Each part has its own folder under FOLDER, with a JSON file and a table; the build has its logs.
Parts of another machine or another program are left out and named.

Examples:
  scripts/gpu/collect.py --aero build/gpu/bin/aero --out build/gpu-check
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from aero.benchmark.card import machine, machine_lines
from aero.benchmark.options import add_machine, check_common
from aero.core.command import note, run_command
from aero.core.files import write_text
from aero.core.jsonc import load_object
from aero.core.options import Parser

PARTS = {
    "suite": "suite/suite",
    "trials": "trials/trials",
    "bench": "bench/benchmark",
    "train": "train/train",
}


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_machine(parser)
    return check_common(parser, parser.parse_args(command_line))


def of_build(folder: Path) -> dict[str, Any] | None:
    """Reads compilers, warnings and the output of `aero doctor`; None where nothing was built."""
    doctor = folder / "doctor.txt"
    if not doctor.is_file():
        return None
    found: dict[str, Any] = {"doctor": doctor.read_text(encoding="utf-8").splitlines()}
    if (folder / "build.log").is_file():
        configured = (folder / "configure.log").read_text(encoding="utf-8", errors="replace")
        built = (folder / "build.log").read_text(encoding="utf-8", errors="replace")
        compilers = re.findall(r"^-- The (\w+) compiler identification is (.+)$", configured, re.M)
        found["warnings"] = len(re.findall(r"\bwarning\b[: ]", built))
        found["compilers"] = dict(compilers)
    return found


def build_lines(build: dict[str, Any]) -> list[str]:
    """Returns the lines that describe the build at the top of the report."""
    lines = ["## Build", ""]
    if "compilers" in build:
        names = ", ".join(f"{language}: {name}" for language, name in build["compilers"].items())
        lines += [f"{names}. {build['warnings']} warnings.", ""]
    return [*lines, "```", *build["doctor"], "```", ""]


def collect(arguments: argparse.Namespace) -> int:
    """Writes both files and returns 0: the parts themselves report failures."""
    facts = machine(arguments.aero, arguments.device)
    results: dict[str, Any] = {"machine": facts}
    lines = ["# AERO on a GPU" if arguments.device != "cpu" else "# AERO", ""]
    lines += [*machine_lines(facts), ""]
    if build := of_build(arguments.out / "build"):
        results["build"] = build
        lines += build_lines(build)
    for part, stem in PARTS.items():
        table = arguments.out / f"{stem}.md"
        content = arguments.out / f"{stem}.json"
        if not content.is_file() or not table.is_file():
            continue
        found = load_object(content)
        if found.get("machine") != facts:
            note(f"{content} is of another machine or program, and was left out")
            continue
        results[part] = found
        text = table.read_text(encoding="utf-8")
        lines += [f"#{line}" if line.startswith("#") else line for line in text.splitlines()]
        lines.append("")
    write_text(arguments.out / "results.json", json.dumps(results, indent=1) + "\n")
    write_text(arguments.out / "results.md", "\n".join(lines))
    print(f"{arguments.out}/results.md")
    return 0


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: collect(parse(command_line)))
