"""The encrypted program knows the primitives of the program's catalogue."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, replace

from aero.config.cost_models import SHIPPED, read_cost_model
from aero.config.model import ModelConfig
from aero.private.measure.constants import STRUCTURE
from aero.private.program.forward_pass import build_program
from aero.private.program.functions import ACTIVATIONS
from aero.private.program.settings import Settings

TINY = ModelConfig(n_layer=1, n_head=2, d_model=8, context=4, vocab_size=11)


@dataclass(frozen=True)
class Row:
    """Of the catalogue."""

    name: str
    letter: str
    role: str
    flops: int


def catalogue() -> list[Row]:
    done = subprocess.run(
        [os.environ["AERO_PRIMITIVES"]], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return [Row(name, letter, role, int(flops)) for name, letter, role, flops in rows]


def named(role: str) -> set[str]:
    return {row.name for row in catalogue() if row.role == role}


def stages(config: ModelConfig) -> set[str]:
    return {stage.name for stage in build_program(config, 4, Settings()).stages}


def test_each_activation_has_a_function() -> None:
    # A leaky ReLU takes its slope, too.
    assert {*ACTIVATIONS, "leaky_relu"} == named("activation")
    for name in named("activation"):
        assert "activation" in stages(replace(TINY, activation=name))


def test_each_attention_is_a_stage_of_its_primitives_name() -> None:
    found = [
        stages(replace(TINY, attention=attention)) & named("attention")
        for attention in ("softmax", "two_quad", "relu")
    ]
    assert all(len(names) == 1 for names in found)
    assert set.union(*found) == named("attention")


def test_spu_has_a_formula_for_each_primitive() -> None:
    structure = read_cost_model(SHIPPED / f"{STRUCTURE}.json")["primitives"]
    endings = {"product": ("_weight", "_activation")}
    endings["scale"] = ("_weight", "_activation", "_constant")
    for row in catalogue():
        for ending in endings.get(row.role, ("",)):
            assert row.name + ending in structure
