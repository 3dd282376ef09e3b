"""Tests that the shipped cost models of SPU have the form that measure_costs.py writes."""

from __future__ import annotations

import ast
import json
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aero.commands.measure_costs_work import command_of
from aero.config.cost_models import SHIPPED, is_base, read_cost_model
from aero.core.errors import UsageError
from aero.private.measure.constants import (
    STRUCTURE,
    Constants,
    _Counter,
    byte_formulas,
    calls_in,
)
from aero.private.measure.cost_file import cost_model
from aero.private.measure.probes import COMPOSED, Probe
from aero.private.measure.seconds import LONG, MatrixSeconds, Seconds, VectorSeconds
from aero.private.program.settings import Settings
from aero.private.run.line import Network

MODELS = [
    (precision, weights) for precision in ("default", "fast") for weights in ("shared", "colocated")
]
WAN = Network(100, 80)


def written_again(settings: Settings, rounds: bool = True) -> dict[str, Any]:
    """Returns the model that the script writes for made-up measurements."""
    numbers: dict[str, Any] = {field.name: 100.0 for field in fields(Constants)}
    numbers["rests"] = dict.fromkeys(COMPOSED, 100.0)
    seconds = Seconds(
        {part: VectorSeconds(0.01, 1e-6) for part in LONG},
        {
            part: MatrixSeconds(0.01, 1e-3, 1e-4, 1e-3, 1e-3, 0.01, 1e-9)
            for part in ("matmul_weight", "matmul_activation")
        },
        setup=3.0,
    )
    measured = dict.fromkeys([*seconds.vectors, *seconds.matrices], 2.5) if rounds else None
    made_by = command_of(settings, WAN, thorough=True)
    name = settings.cost_model
    return cost_model(name, Constants(**numbers), settings, "", seconds, made_by, measured)


@pytest.mark.parametrize(("precision", "weights"), MODELS)
def test_a_shipped_model_has_the_form_that_the_script_writes(precision: str, weights: str) -> None:
    settings = Settings(weights=weights, precision=precision)
    assert settings.cost_model == f"spu_0.9.5_{precision}_{weights}"
    shipped = json.loads((SHIPPED / f"{settings.cost_model}.json").read_text())
    again = written_again(settings)
    for name in ("slots", "threads", "weight_shares", "exp_squares"):
        assert again["constants"][name] == shipped["constants"][name]
    for model in (shipped, again):
        del model["source"]
        for entry in model["constants"].values():
            del entry["value"], entry["source"]
    assert again == shipped


def names_in(formula: str) -> set[str]:
    """Returns all names in a formula, those of functions included."""
    return {node.id for node in ast.walk(ast.parse(formula)) if isinstance(node, ast.Name)}


def test_the_formulas_use_each_constant_that_the_script_writes_and_no_other() -> None:
    model = read_cost_model(SHIPPED / f"{STRUCTURE}.json")
    used = {name for what in ("bytes", "seconds") for name in names_in(model["setup"][what])}
    for entry in model["primitives"].values():
        for what in ("bytes", "rounds", "seconds"):
            used |= names_in(entry.get(what, "0")) - set(entry["arguments"])
    functions = {"ceil", "floor", "log2", "min", "max"}
    used = {name for name in used - functions - set(model["primitives"]) if name[:4] != "spu_"}
    assert used == set(written_again(Settings())["constants"])


def test_rounds_that_were_not_measured_are_unknown() -> None:
    constants = written_again(Settings(), rounds=False)["constants"]
    rounds = {name: entry for name, entry in constants.items() if name.endswith("_rounds")}
    assert len(rounds) == 12
    assert all(entry["value"] is None and entry["source"] for entry in rounds.values())


def test_a_file_says_what_it_was_measured_with() -> None:
    assert command_of(Settings("fast", "colocated", 4), Network(12.5, 70), thorough=True) == (
        "scripts/measure_costs.py --precision fast --weights colocated --threads 4 "
        "--network wan --rate 12.5 --round-trip 70 --thorough"
    )
    assert command_of(Settings(), None, thorough=False) == (
        "scripts/measure_costs.py --precision default --weights shared --threads 2"
    )


def test_the_calls_in_a_formula_are_counted() -> None:
    assert calls_in(byte_formulas()["gelu"], "product") == 10
    assert calls_in("11 * product(n) + square(n) + n * rest", "square") == 1
    assert calls_in("product(n) + n * rest", "square") == 0


@pytest.mark.parametrize(("products", "squares"), [(10, 2), (9, 3)])
def test_an_spu_that_computes_otherwise_than_the_formulas_is_refused(
    products: int, squares: int
) -> None:
    formula = byte_formulas()["gelu"]

    def rest(products: int, squares: int) -> float:
        def run(**kernels: float) -> SimpleNamespace:
            return SimpleNamespace(
                kernels={name: SimpleNamespace(bytes=size) for name, size in kernels.items()}
            )

        measured = SimpleNamespace(
            runs={
                "gelu_count": [run(mul_aa=64 * 32.0 * products, square_s=1000.0 * squares)],
                "gelu": [run(mul_aa=5.0, trunc_a=640.0)],
            }
        )
        probes = [Probe(name, "gelu", "a", ((64,),), 1) for name in measured.runs]
        return _Counter(measured, probes).rest_of("gelu", formula, 1000, 32)

    assert rest(10, 3) == 10
    with pytest.raises(UsageError, match=r"of (product|square)\(n\) an element, and (10|3) in"):
        rest(products, squares)


def test_a_file_inherits_from_the_files_that_it_extends(tmp_path: Path) -> None:
    (tmp_path / "near.json").write_text(
        """{"extends": "spu_0.9.5_default_shared", "name": "near", "field": "Z", // a comment
        "constants": {"threads": {"value": 4, "unit": "1", "source": "s"}}}"""
    )
    file = tmp_path / "mine.json"
    file.write_text('{"extends": "./near.json", "notes": []}')
    mine, shipped = (
        read_cost_model(file),
        read_cost_model(SHIPPED / "spu_0.9.5_default_shared.json"),
    )
    assert mine["constants"]["threads"]["value"] == 4
    assert mine["constants"]["triple"] == shipped["constants"]["triple"]
    assert mine["primitives"] == shipped["primitives"]
    assert (mine["field"], mine["notes"], mine["protocol"]) == ("Z", [], shipped["protocol"])
    assert not {"name", "source", "made_by"} & set(mine)
    file.write_text('{"extends": "mine.json"}')
    with pytest.raises(UsageError, match=r"mine.json: extends: mine.json: a file cannot extend"):
        read_cost_model(file)


def test_the_formulas_alone_are_a_base() -> None:
    bases = [file.stem for file in SHIPPED.glob("*.json") if is_base(read_cost_model(file))]
    assert bases == [STRUCTURE]
