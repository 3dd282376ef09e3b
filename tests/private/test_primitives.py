"""Tests that the encrypted program knows the primitives of the catalogue of aero."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

from aero.config.model import ModelConfig
from aero.private.program.forward_pass import CENTRED, build_program
from aero.private.program.functions import ACTIVATIONS
from aero.private.program.settings import Settings

TINY = ModelConfig(n_layer=1, n_head=2, d_model=8, context=4, vocab_size=11)


def named(role: str) -> set[str]:
    """Returns the names of a role in the catalogue, whose lines are "name letter role flops"."""
    done = subprocess.run(
        [os.environ["AERO_PRIMITIVES"]], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return {name for name, _, its_role, _ in rows if its_role == role}


def stages(config: ModelConfig) -> set[str]:
    return {stage.name for stage in build_program(config, 4, Settings()).stages}


def test_each_norm_is_centred_or_not() -> None:
    assert set(CENTRED) == named("norm")


def test_each_activation_has_a_function() -> None:
    # A leaky ReLU also takes its slope.
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
