"""Refits the constants of the cost model aero_papers to the papers' tables, and shows the errors.

Communication has one fitted constant, token_word, and latency has five. They are fitted by least
squares on relative errors. The script composes the file's formulas a second time, without the
program, as a check on it.

Example:
  scripts/calibrate_costs.py --model configs/cost/aero_papers.json
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aero.config.cost_models import SHIPPED, read_cost_model
from aero.core.command import run_command
from aero.core.errors import UsageError
from aero.core.options import Parser
from aero.results.calibration import (
    FITTED,
    LATENCY,
    CostModel,
    Row,
    fit_latency,
    fit_token_word,
    read_rows,
)
from aero.results.tables import PAPER_TABLES

MODEL = SHIPPED / "aero_papers.json"


def summary(errors: Sequence[float]) -> str:
    """Sums up relative errors."""
    values = np.array(errors)
    rms = math.sqrt(float(np.mean(values**2)))
    return f"rms {rms:.2%}, largest {float(np.max(np.abs(values))):.2%}"


def print_communication(rows: Sequence[Row], model: CostModel) -> None:
    """Prints the fitted constant, and each row with the file's constants."""
    fitted = fit_token_word(rows, model)
    print(f"{FITTED}: fitted {fitted:.1f} B, in the file {model.constants[FITTED]:g} B\n")
    print(
        f"{'table':14} {'row':24} {'paper':>7} {'model':>8} {'error':>7}  {'paper':>6} {'model':>6}"
        f" {'error':>6}"
    )
    print(f"{'':39} {'GB':>7} {'GB':>8} {'':>7}  {'s':>6} {'s':>6}")
    for row in rows:
        total, seconds = row.total_bytes(model), row.latency(model)
        print(
            f"{row.table:14} {row.name:24} {row.comm_bytes / 1e9:7.2f} {total / 1e9:8.3f}"
            f" {total / row.comm_bytes - 1:+7.2%}  {row.seconds:6.0f} {seconds:6.0f}"
            f" {seconds / row.seconds - 1:+6.1%}"
        )
    errors = [row.total_bytes(model) / row.comm_bytes - 1 for row in rows]
    print(f"\ncommunication, {len(rows)} rows: {summary(errors)}")


def print_left_out(rows: Sequence[Row], model: CostModel) -> None:
    """Prints the errors of each table, predicted by the constant fitted to the others."""
    print(f"\n{FITTED} fitted without a table, and the error of that table's rows:")
    for table in dict.fromkeys(row.table for row in rows):
        constant = fit_token_word([row for row in rows if row.table != table], model)
        errors = [
            (row.blocks_bytes(model) + constant * row.token_words) / row.comm_bytes - 1
            for row in rows
            if row.table == table
        ]
        print(f"  without {table:14} {constant:6.1f} B: {summary(errors)}")


def print_latency(rows: Sequence[Row], model: CostModel) -> None:
    """Prints the fitted constants of latency beside those of the file."""
    errors = [row.latency(model) / row.seconds - 1 for row in rows]
    print(f"\nlatency, {len(rows)} rows: {summary(errors)}")
    for name, fitted in zip(LATENCY, fit_latency(rows, model), strict=True):
        scale = 1e9 if name == "second_per_byte" else 1.0
        unit = "s/GB" if name == "second_per_byte" else "s"
        print(
            f"  {name}: fitted {fitted:.4g} {unit}, in the file"
            f" {model.constants[name] * scale:.4g} {unit}"
        )
    per_gigabyte = model.constants["second_per_byte"] * 1e9
    print(f"  {per_gigabyte:.2f} s/GB is {8 / per_gigabyte:.2f} Gbit/s")


def parse_arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL, help="the cost model's file")
    parser.add_argument("--tables", type=Path, default=PAPER_TABLES, help="the papers' tables")
    return parser.parse_args()


def read_model(file: Path) -> CostModel:
    """Reads the cost model. Raises UsageError where it lacks what is fitted here."""
    description = read_cost_model(file)
    try:
        model = CostModel(description)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{file}: not a cost model with constants, primitives and a formula of latency; "
            "only aero_papers.json is fitted here"
        ) from error
    if missing := [name for name in (FITTED, *LATENCY) if name not in model.constants]:
        raise UsageError(f"{file}: no constant {missing[0]}; only aero_papers.json is fitted here")
    return model


def read_tables(file: Path) -> list[Row]:
    """Reads the papers' tables. Raises UsageError where the file is something else."""
    try:
        rows = read_rows(file)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{file}: not the papers' tables; {PAPER_TABLES} has their shape"
        ) from error
    if len({row.table for row in rows}) < 2:
        raise UsageError(f"{file}: fewer than two tables with costs: nothing to fit")
    return rows


def calibrate() -> int:
    """Prints the fitted constants and the errors of all rows."""
    arguments = parse_arguments()
    model = read_model(arguments.model)
    rows = read_tables(arguments.tables)
    try:
        print_communication(rows, model)
        print_left_out(rows, model)
        print_latency(rows, model)
    except KeyError as error:
        raise UsageError(
            f"{arguments.model}: has no {error.args[0]}, which rows of {arguments.tables} need"
        ) from error
    except (ZeroDivisionError, ValueError, TypeError) as error:
        raise UsageError(
            f"{arguments.model}, {arguments.tables}: a formula cannot be computed, or a figure is 0"
        ) from error
    return 0


def main() -> int:
    """Runs the script, and returns its exit status."""
    return run_command(calibrate)
