"""Fits the cost model aero_papers to the papers' tables.

Its formulas are composed here a second time, independently of the program, as a check on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aero.core.jsonc import load_object
from aero.results.cost_formulas import CostFormulas

FITTED = "token_word"
# The constants are in the order of Row.latency_features().
LATENCY = (
    "second_per_byte",
    "second_per_gmac",
    "second_per_million_token_words",
    "second_per_layer_token",
    "second_constant",
)


class CostModel(CostFormulas):
    """Evaluates bytes, and the latency of the file itself."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description)
        self._latency = str(description["latency"]["seconds"])

    def latency(self, names: dict[str, float]) -> float:
        return self.value(self._latency, names)


@dataclass(frozen=True)
class Row:
    """Holds a row of the papers' tables, with the quantities from which its costs follow."""

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
        """Returns the size of each FFN matrix in units of d^2."""
        return [1] if "Fu" in self.architecture else [4, 4]

    def blocks_bytes(self, model: CostModel) -> float:
        """Sums the bytes of all but embedding and head."""
        tokens, d, heads, layers = self.context, self.width, self.heads, self.layers
        d_head = d // heads
        total = 0.0
        if self.is_simplified:
            # Q and K are one product. In layer 0, V is its third part.
            total += (layers - 1) * model("matmul_weight", tokens, d, 2 * d)
            total += model("matmul_weight", tokens, d, 3 * d)
            if tokens == 512:  # the bytes of the papers' row include V and O projections
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
        """Counts the operations of FFN and projections that the config has."""
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
    """Reads the rows with costs, of the Languini tables one: they differ in perplexity alone."""
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
    """Fits one constant by least squares of the relative errors, which has a closed form."""
    slopes = np.array([row.token_words / row.comm_bytes for row in rows])
    rest = np.array([1 - row.blocks_bytes(model) / row.comm_bytes for row in rows])
    return float(slopes @ rest / (slopes @ slopes))


def fit_latency(rows: Sequence[Row], model: CostModel) -> list[float]:
    """Fits by least squares of the relative errors, in the order and the units of LATENCY."""
    features = np.array([row.latency_features(row.total_bytes(model)) for row in rows])
    seconds = np.array([row.seconds for row in rows])
    solution = np.linalg.lstsq(features / seconds[:, None], np.ones(len(rows)), rcond=None)[0]
    return [float(value) for value in solution]
