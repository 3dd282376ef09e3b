"""The shipped cost models are of the form that measure_costs.py writes."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from aero.private.measure.constants import Composition, Constants
from aero.private.measure.cost_file import cost_model
from aero.private.measure.seconds import (
    LONG,
    MatrixSeconds,
    Seconds,
    VectorSeconds,
    batched_vectors,
)
from aero.private.program.settings import Settings

COSTS = Path(__file__).resolve().parents[2] / "configs" / "cost"
COMPOSED = ("reciprocal", "rsqrt", "gelu", "gelu_tanh", "quadratic")


def composition_of(formula: str) -> Composition:
    """Of "11 * product(n) + square(n) + n * gelu_rest"."""
    counts = {"product": 0, "square": 0}
    for count, name in re.findall(r"(?:(\d+) \* )?(product|square)\(n\)", formula):
        counts[name] = int(count or 1)
    return Composition(counts["product"], counts["square"], 0.5)


def written_again(name: str, shipped: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """With numbers of no meaning, but compositions and rounds as the file has them."""
    primitives = shipped["primitives"]
    compositions = {part: composition_of(primitives[part]["bytes"]) for part in COMPOSED}
    numbers = {field.name: 100.0 for field in fields(Constants) if field.name not in COMPOSED}
    seconds = Seconds(
        {
            part: VectorSeconds(0.01, 1e-6, part in batched_vectors(settings.colocated))
            for part in LONG
        },
        {
            part: MatrixSeconds(0.01, 1e-3, 1e-4, 1e-3, 1e-3, 0.01, 1e-9)
            for part in ("matmul_weight", "matmul_activation")
        },
        setup=3.0,
    )
    rounds = {
        part: float(entry["rounds"])
        for part, entry in primitives.items()
        if part != "position" and re.fullmatch(r"[\d.]+", entry.get("rounds", ""))
    }
    return cost_model(name, Constants(**numbers, **compositions), settings, "", seconds, rounds)


@pytest.mark.parametrize("weights", ["shared", "colocated"])
@pytest.mark.parametrize("precision", ["default", "fast"])
def test_a_shipped_model_is_one_that_the_script_writes(precision: str, weights: str) -> None:
    settings = Settings(weights=weights, precision=precision)
    assert settings.cost_model == f"spu_0.9.5_{precision}_{weights}"
    shipped = json.loads((COSTS / f"{settings.cost_model}.json").read_text())
    again = written_again(settings.cost_model, shipped, settings)
    for model in (shipped, again):
        del model["source"]
        for entry in model["primitives"].values():
            del entry["source"]
        for entry in model["constants"].values():
            del entry["value"], entry["source"]
    assert again == shipped
