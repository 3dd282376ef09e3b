"""Tests the substitutes of other papers: their folding in float64, and their range check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax

import unfolded
from aero.config.model import ModelConfig
from aero.core.errors import AeroError
from aero.private.program.folding import Folder
from aero.private.program.forward_pass import Program, build_program, one_hot
from aero.private.program.plain import run_plain
from aero.private.program.ranges import check_ranges
from aero.private.program.settings import Settings

WORDS, LENGTH = 40, 12
TINY: dict[str, Any] = {
    "n_layer": 2,
    "n_head": 3,
    "d_model": 12,
    "d_ffn": 20,
    "context": 16,
    "vocab_size": WORDS,
    "activation": "none",
}
PYTHIA = {"family": "pythia", "rotary_fraction": 0.0}
BY_HEAD = {"temperature": "exp", "temperature_shape": "head"}
FIXED = {"norm": "layernorm_fixed"}
MODELS: dict[str, dict[str, Any]] = {
    "quadratic": {"activation": "quadratic"},
    "quadratic without biases": {"activation": "quadratic", "biases": "none"},
    "two_quad": {"attention": "two_quad"},
    "two_quad of a shift below 1": {"attention": "two_quad", "two_quad_shift": -0.5},
    "two_quad with a temperature": {"attention": "two_quad", "temperature": "softplus"},
    "relu attention": {"attention": "relu"},
    "temperature of a head": BY_HEAD | {"attention": "softmax"},
    "all but softmax": BY_HEAD | FIXED | {"attention": "two_quad", "activation": "quadratic"},
    "fixed norm": FIXED | {"attention": "relu", "activation": "quadratic"},
    "fixed norm without bias": FIXED | {"norm_bias": False, "biases": "none"},
    "fixed norm, biases of Q and K": FIXED | {"biases": "qk"},
    "fixed norm, scaled": FIXED | {"ffn_scaled": True},
    "fixed norm, scaled and fused": FIXED | {"ffn_scaled": True, "ffn_fused": True},
    "fixed norm, parallel": FIXED | PYTHIA | {"parallel_residual": True, "ffn_scaled": True},
    "fixed norm, sequential pythia": FIXED | PYTHIA,
}


def run_float64(program: Program, values: dict[str, np.ndarray]) -> np.ndarray:
    """Runs the stages as they are, in float64."""
    with jax.experimental.enable_x64():
        held = {
            name: np.asarray(values[name][: value.shape[0]], dtype=np.float64)
            for name, value in program.inputs.items()
        }
        for stage in program.stages:
            held[stage.output] = np.asarray(stage.function(*(held[name] for name in stage.inputs)))
    assert held["logits"].dtype == np.float64
    return held["logits"]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_folding_changes_nothing(model: dict[str, Any]) -> None:
    config = ModelConfig.from_dict(TINY | model)
    weights = unfolded.random_weights(config)
    tokens = np.random.default_rng(1).integers(0, WORDS, LENGTH).tolist()
    folder = Folder(config, weights)
    folder.fold()
    program = build_program(config, LENGTH, Settings())
    assert set(folder.folded) | {"prompt"} == set(program.inputs)
    folded = run_float64(program, folder.folded | {"prompt": one_hot(tokens, WORDS)})
    expected = unfolded.logits(config, weights, tokens)
    assert np.abs(expected).max() > 1
    assert np.abs(folded - expected).max() < 1e-10


def plain_notes(**model: Any) -> list[str]:
    config = ModelConfig.from_dict(TINY | model)
    folder = Folder(config, unfolded.random_weights(config))
    folder.fold()
    return folder.notes


def test_the_notes_say_what_was_folded() -> None:
    model = BY_HEAD | FIXED | {"attention": "two_quad", "activation": "quadratic"}
    notes = "\n".join(plain_notes(**model))
    for words in (
        "norms of the blocks",
        "2Quad's scores",
        "temperatures of the heads",
        "1 / sqrt(8)",
    ):
        assert words in notes
    assert plain_notes() == ["1 / sqrt(d_k), into W_Q"]


def test_only_stages_with_a_cost_are_left() -> None:
    model = BY_HEAD | FIXED | {"attention": "two_quad", "activation": "quadratic"}
    program = build_program(ModelConfig.from_dict(TINY | model), LENGTH, Settings())
    of_block = [stage.name for stage in program.stages if stage.layer == 0]
    assert of_block == (
        "q k v scores softmax_2quad mix o residual1 w_in activation w_out residual2".split()
    )


@pytest.mark.parametrize("key", ["sigma", "gate"])
def test_the_error_names_a_fixed_norm_that_cannot_fold(key: str) -> None:
    config = ModelConfig.from_dict(TINY | FIXED)
    weights = unfolded.random_weights(config)
    weights[f"blocks.1.norm2.{key}"] = np.array([0.25 if key == "gate" else 0.0])
    with pytest.raises(AeroError, match=rf"blocks\.1\.norm2\.{key} is 0"):
        Folder(config, weights).fold()


def test_a_fixed_norm_before_values_without_a_matrix_is_refused() -> None:
    config = ModelConfig.from_dict(TINY | FIXED | {"family": "simplified"})
    with pytest.raises(AeroError, match=r"model\.norm.*no matrix follows"):
        Folder(config, {}).fold()


# This bias makes K Q^T = `score` for each query and key.
def constant_scores(config: ModelConfig, score: float) -> unfolded.Weights:
    weights = unfolded.random_weights(config)
    bias = np.full(config.d_model, np.sqrt(abs(score)) * config.d_head**-0.25)
    for part, sign in (("q", np.sign(score)), ("k", 1)):
        weights[f"blocks.0.attention.{part}.weight"] *= 0
        weights[f"blocks.0.attention.{part}.bias"] = sign * bias
    return weights


@pytest.mark.parametrize(
    ("score", "message"),
    [(0.0, ""), (-4.99, "shift; train with a larger shift"), (2000.0, "scores are too large")],
)
def test_sums_beyond_the_range_of_the_reciprocal_are_refused(score: float, message: str) -> None:
    config = ModelConfig.from_dict(TINY | {"attention": "two_quad", "n_layer": 1})
    weights = Folder(config, constant_scores(config, score)).fold()
    program, settings = build_program(config, LENGTH, Settings()), Settings()
    prompt = {"prompt": one_hot([1] * LENGTH, WORDS)}
    _, ranges = run_plain(program, weights | prompt, watch=True)
    if not message:
        check_ranges(program, ranges, settings)
        return
    with pytest.raises(AeroError, match=rf"softmax_2quad of layer 0: .*{message}"):
        check_ranges(program, ranges, settings)
