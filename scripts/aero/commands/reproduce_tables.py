"""Prints the papers' tables beside ours, and says what can be compared and what cannot.

Our figures of a table come from the result of its sweep (configs/tables, or configs/tiny for a size
that a CPU trains). --run first runs `aero ablate` on it, which continues what is unfinished.

Examples:
  scripts/reproduce_tables.py gpt2-t128 --scale tiny
  scripts/reproduce_tables.py all --results runs --out tables.md
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from tqdm import tqdm

from aero.checkpoint.kinds import wrong_kind
from aero.config.cost_models import SHIPPED, is_base
from aero.core.command import note, run_command
from aero.core.errors import AeroError, UsageError
from aero.core.files import check_output, write_text
from aero.core.fit import add_wide, print_fitted
from aero.core.jsonc import load_object
from aero.core.options import Parser, whole
from aero.core.places import AERO, ROOT
from aero.core.records import FieldError, Record
from aero.core.signals import Tidying, Undisturbed
from aero.results.markdown import compare
from aero.results.sweep import Sweep, read_sweep
from aero.results.tables import Table, paper_tables

SCALES = {"full": ROOT / "configs" / "tables", "tiny": ROOT / "configs" / "tiny"}


def result_file(sweep_file: Path, results: Path | None, costs: str | None = None) -> Path:
    """Finds where `aero ablate` wrote the result: in the sweep's folder, or moved to `results`.

    The result with other costs than the sweep's own, "aero_papers" or "spu.wan", is beside it.
    """
    sweep = Record(load_object(sweep_file))
    try:
        name = sweep.text("name", sweep_file.stem)
        folder = Path(sweep.text("folder", f"runs/{name}"))
    except FieldError as error:
        raise UsageError(f"{sweep_file}: {error}") from error
    file = f"{name}.{costs}.json" if costs else f"{name}.json"
    if results is None:
        return folder / file
    below = results / name / file
    return below if below.exists() else results / file


def run_sweep(aero: Path, sweep_file: Path, jobs: int, costs: str | None) -> None:
    """Runs a sweep. Members that diverge are results; any other failure raises AeroError.

    Where a signal ends the script, the sweep saves first.
    """
    command = [str(aero), "ablate", str(sweep_file), "--jobs", str(jobs), *cost_options(costs)]
    print("$ " + shlex.join(command), file=sys.stderr, flush=True)
    try:
        with Tidying(), subprocess.Popen(command) as process:
            try:
                status = process.wait()
            except BaseException:
                with Undisturbed():
                    process.terminate()
                    process.wait()
                raise
    except OSError as error:
        raise AeroError(
            f"{aero}: {error.strerror}; build it with scripts/build.sh, or name it with --aero"
        ) from error
    if status != 0:
        raise AeroError(f"{shlex.join(command)} ended with status {status}; run it again")


def cost_options(costs: str | None) -> list[str]:
    """Returns the options of `aero ablate` for costs: a model, or a model, a dot and a network."""
    if not costs:
        return []
    names = {file.stem for file in SHIPPED.glob("*.json") if not is_base(load_object(file))}
    model = max((name for name in names if f"{costs}.".startswith(f"{name}.")), key=len, default="")
    if not model:
        raise UsageError(f"--costs {costs}: not one of configs/cost: {', '.join(sorted(names))}")
    network = costs[len(model) + 1 :]
    return ["--cost", model, "--network", network or "none"]


def sweep_of(table: Table, arguments: argparse.Namespace) -> Path:
    """Finds the sweep of the command line, or of the scale."""
    file: Path = arguments.sweep or SCALES[arguments.scale] / f"{table.sweep}.json"
    if arguments.sweep is None and not file.is_file():
        raise UsageError(f"{file}: the table {table.name} has no sweep here; name one with --sweep")
    if not file.is_file() or "base" not in load_object(file):
        raise wrong_kind(file, "the description of a sweep, as those of configs/tiny")
    return file


def collect(table: Table, arguments: argparse.Namespace) -> Sweep | None:
    """Reads the result of the sweep; None where there is none."""
    file = result_file(sweep_of(table, arguments), arguments.results, arguments.costs)
    return read_sweep(file) if file.exists() else None


def parse_arguments(arguments: list[str] | None, names: list[str]) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "table", choices=[*names, "all"], metavar="TABLE", help=", ".join([*names, "all"])
    )
    parser.add_argument("--run", action="store_true", help="run the sweep with `aero ablate` first")
    parser.add_argument(
        "--jobs", type=whole(1, 1024), default=1, help="runs at a time (with --run)"
    )
    parser.add_argument(
        "--results", type=Path, metavar="FOLDER", help="of the sweeps' JSON; default: as they say"
    )
    parser.add_argument(
        "--costs",
        metavar="MODEL[.NETWORK]",
        help="the result of `aero ablate --cost MODEL --network NETWORK`, not the sweep's own",
    )
    parser.add_argument("--scale", choices=SCALES, default="full", help="default: %(default)s")
    parser.add_argument("--sweep", type=Path, metavar="FILE", help="another sweep for this table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the markdown there, too")
    parser.add_argument("--aero", type=Path, default=AERO, help="the program; default: %(default)s")
    add_wide(parser)
    parsed = parser.parse_args(arguments)
    if parsed.table == "all" and parsed.sweep is not None:
        parser.error("--sweep goes with one table, not with all")
    return parsed


def chapters(tables: list[Table], arguments: argparse.Namespace) -> list[str]:
    """Returns a chapter for each table that has a sweep; at least one must have a result."""
    available = []
    for table in tables:
        try:
            available.append((table, sweep_of(table, arguments)))
        except UsageError as error:
            if len(tables) == 1:
                raise
            note(str(error))
    if arguments.run:
        sweeps = list(dict.fromkeys(file for _, file in available))
        for file in tqdm(sweeps, desc="sweeps", disable=len(sweeps) < 2):
            run_sweep(arguments.aero, file, arguments.jobs, arguments.costs)
    found = [(table, collect(table, arguments)) for table, _ in available]
    if all(sweep is None for _, sweep in found):
        wanted = [
            str(result_file(file, arguments.results, arguments.costs)) for _, file in available
        ]
        where = ", ".join(dict.fromkeys(wanted)) or str(SCALES[arguments.scale])
        raise AeroError(f"{where}: no result of a sweep; run `aero ablate`, or give --run")
    known = paper_tables().values()
    return [
        compare(
            table, sweep, [other for other in known if other.sweep == table.sweep != other.name]
        )
        for table, sweep in found
    ]


def reproduce(arguments: list[str] | None) -> int:
    """Prints the tables, and writes them to --out."""
    tables = paper_tables()
    parsed = parse_arguments(arguments, list(tables))
    if parsed.results is not None and not parsed.results.is_dir():
        raise wrong_kind(parsed.results, "the folder of the sweeps' tables")
    if parsed.out is not None:
        check_output(parsed.out, "--out")
    chosen = list(tables.values()) if parsed.table == "all" else [tables[parsed.table]]
    text = "\n".join(chapters(chosen, parsed))
    if parsed.out is not None:
        write_text(parsed.out, text)
    print_fitted(text, parsed.wide)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: reproduce(arguments))
