#!/usr/bin/env python3
"""Refits the constants of the cost model aero_papers to the papers' tables, and shows the errors.

The one fitted constant of communication, token_word, and the five of latency are fitted by least
squares on relative errors. The formulas are those of the file, composed here a second time and
apart from the program, as a check on it.

Example:
  scripts/calibrate_costs.py --model configs/cost/aero_papers.json
"""

from __future__ import annotations

from aero.core import signals as aero_signals  # noqa: F401  (before all else)

# isort: split
import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import numpy as np

    from aero.core.command import run_command
    from aero.core.errors import UsageError
    from aero.core.jsonc import load_object
    from aero.core.options import Parser
    from aero.results.cost_formulas import CostFormulas
except ModuleNotFoundError as error:
    sys.exit(
        f"error: the Python package {error.name} is missing; run this with build/venv/bin/python, "
        "which scripts/setup.sh makes"
    )

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "configs" / "cost" / "aero_papers.json"
TABLES = ROOT / "scripts" / "aero" / "results" / "paper_tables.json"
FITTED = "token_word"
# In the order of Row.latency_features().
LATENCY = (
    "second_per_byte",
    "second_per_gmac",
    "second_per_million_token_words",
    "second_per_layer_token",
    "second_constant",
)


class CostModel(CostFormulas):
    """Bytes, and the latency of the file's own."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description)
        self._latency = str(description["latency"]["seconds"])

    def latency(self, names: dict[str, float]) -> float:
        return self.value(self._latency, names)


@dataclass(frozen=True)
class Row:
    """A row of the papers' tables, with what its costs follow from."""

    table: str
    name: str
    layers: int
    heads: int
    width: int
    context: int
    words: int
    architecture: str
    operations: dict[str, list[int]]
    is_simplified: bool
    comm_bytes: float
    seconds: float

    @property
    def ffn_layers(self) -> int:
        pruned = self.architecture.rstrip(")").partition("_i")[2]
        return self.layers - int(pruned or 0)

    @property
    def token_words(self) -> float:
        return self.context * self.words

    @property
    def ffn_matrices(self) -> list[int]:
        """The product of both sides of each, in d^2."""
        return [1] if "Fu" in self.architecture else [4, 4]

    def blocks_bytes(self, model: CostModel) -> float:
        """All but embedding and head."""
        tokens, d, heads, layers = self.context, self.width, self.heads, self.layers
        d_head = d // heads
        total = 0.0
        if self.is_simplified:
            # Q and K in one product; in layer 0, V is the third part.
            total += (layers - 1) * model("matmul_weight", tokens, d, 2 * d)
            total += model("matmul_weight", tokens, d, 3 * d)
            if tokens == 512:  # the bytes of the papers' row have V and O projections
                total += (2 * layers - 1) * model("matmul_weight", tokens, d, d)
        else:
            total += layers * model("matmul_weight", tokens, d, 3 * d)
            total += layers * model("matmul_weight", tokens, d, d)
        scores = model("matmul_activation", tokens, d_head, tokens)
        mix = model("matmul_activation", tokens, tokens, d_head)
        total += layers * heads * (scores + mix)
        for name, (count, rows, columns) in self.operations.items():
            by_row = name in ("softmax", "layernorm")
            shape = (rows, columns) if by_row else (rows * columns,)
            total += count * model(name, *shape)
        sides = [(d, d)] if len(self.ffn_matrices) == 1 else [(d, 4 * d), (4 * d, d)]
        ffn = sum(model("matmul_weight", tokens, k, n) for k, n in sides)
        return total + self.ffn_layers * ffn

    def total_bytes(self, model: CostModel) -> float:
        ends = (self.context, self.words, self.width)
        return self.blocks_bytes(model) + model("embedding", *ends) + model("head", *ends)

    @property
    def gmac(self) -> float:
        """Of FFN and projections, as the config has them."""
        squares = 4 * self.layers if not self.is_simplified else 2 * self.layers + 1
        squares += self.ffn_layers * sum(self.ffn_matrices)
        return squares * self.context * self.width**2 / 1e9

    def latency_features(self, comm_bytes: float) -> list[float]:
        return [
            comm_bytes / 1e9,
            self.gmac,
            self.token_words / 1e6,
            float(self.layers * self.context),
            1.0,
        ]

    def latency(self, model: CostModel) -> float:
        return model.latency(
            {
                "comm_bytes": self.total_bytes(model),
                "gmac": self.gmac,
                "T": self.context,
                "V": self.words,
                "L": self.layers,
                "H": self.heads,
                "d": self.width,
            }
        )


def read_rows(file: Path) -> list[Row]:
    """Rows with costs; the Languini tables differ in perplexity alone, so one of them counts."""
    rows: list[Row] = []
    for table in load_object(file)["tables"]:
        languini = table["corpus"].startswith("Languini")
        if languini and any(row.words == 16384 for row in rows):
            continue
        model = table["model"]
        rows += [
            Row(
                table=table["name"],
                name=row["name"],
                layers=model["n_layer"],
                heads=model["n_head"],
                width=model["d_model"],
                context=model["context"],
                words=16384 if languini else 50000,
                architecture=row["architecture"],
                operations=row["operations"],
                is_simplified=row.get("family") == "simplified",
                comm_bytes=row["comm_gb"] * 1e9,
                seconds=row["latency_min"] * 60,
            )
            for row in table["rows"]
            if "comm_gb" in row
        ]
    return rows


def fit_token_word(rows: Sequence[Row], model: CostModel) -> float:
    """Least squares of the relative errors has a closed form in one constant."""
    slopes = np.array([row.token_words / row.comm_bytes for row in rows])
    rest = np.array([1 - row.blocks_bytes(model) / row.comm_bytes for row in rows])
    return float(slopes @ rest / (slopes @ slopes))


def fit_latency(rows: Sequence[Row], model: CostModel) -> list[float]:
    """Least squares of the relative errors, in the order and the units of LATENCY."""
    features = np.array([row.latency_features(row.total_bytes(model)) for row in rows])
    seconds = np.array([row.seconds for row in rows])
    solution = np.linalg.lstsq(features / seconds[:, None], np.ones(len(rows)), rcond=None)[0]
    return [float(value) for value in solution]


def summary(errors: Sequence[float]) -> str:
    """Of relative errors."""
    values = np.array(errors)
    rms = math.sqrt(float(np.mean(values**2)))
    return f"rms {rms:.2%}, largest {float(np.max(np.abs(values))):.2%}"


def print_communication(rows: Sequence[Row], model: CostModel) -> None:
    """The constant, and each row with the file's constants."""
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
    """Each table predicted by the constant of the others."""
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
    """The fit of latencies beside the file's constants."""
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
    """The files."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL, help="the cost model's file")
    parser.add_argument("--tables", type=Path, default=TABLES, help="the papers' tables")
    return parser.parse_args()


def read_model(file: Path) -> CostModel:
    """Raises UsageError where the file is no cost model with what is fitted here."""
    description = load_object(file)
    try:
        model = CostModel(description)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{file}: no cost model with constants, primitives and a formula of latency; "
            "only aero_papers.json is fitted here"
        ) from error
    if missing := [name for name in (FITTED, *LATENCY) if name not in model.constants]:
        raise UsageError(f"{file}: no constant {missing[0]}; only aero_papers.json is fitted here")
    return model


def read_tables(file: Path) -> list[Row]:
    """Raises UsageError where the file is not the papers' tables."""
    try:
        rows = read_rows(file)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{file}: not the papers' tables; {TABLES} has their shape") from error
    if len({row.table for row in rows}) < 2:
        raise UsageError(f"{file}: fewer than two tables with costs: nothing to fit")
    return rows


def calibrate() -> int:
    """Prints all there is to say."""
    arguments = parse_arguments()
    model = read_model(arguments.model)
    rows = read_tables(arguments.tables)
    try:
        print_communication(rows, model)
        print_left_out(rows, model)
        print_latency(rows, model)
    except KeyError as error:
        raise UsageError(
            f"{arguments.model}: it knows no {error.args[0]}, of which {arguments.tables} has rows"
        ) from error
    except (ZeroDivisionError, ValueError, TypeError) as error:
        raise UsageError(
            f"{arguments.model}, {arguments.tables}: a formula or a figure of 0 gives no number"
        ) from error
    return 0


def main() -> int:
    """The exit status."""
    return run_command(calibrate)


if __name__ == "__main__":
    sys.exit(main())
