"""Compares the stages in the clear with logits of PyTorch, for every architecture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

pytest.importorskip("jax")

from aero.config.model import ModelConfig
from aero.core.errors import AeroError
from aero.private.program.folding import Folder
from aero.private.program.forward_pass import build_program, one_hot
from aero.private.program.plain import run_plain
from aero.private.program.settings import Settings

FOLDER = Path(__file__).resolve().parents[1] / "golden"
# The norms of these models are not linear yet.
GATED = [FOLDER / f"norm_fixed_{name}.float64.safetensors" for name in ("average", "half")]
GOLDEN = sorted(set(FOLDER.glob("*.float64.safetensors")) - set(GATED))


Golden = tuple[ModelConfig, dict[str, np.ndarray], list[int], np.ndarray]


def read(file: Path) -> Golden:
    """Reads a file's config, weights, tokens and the logits of PyTorch."""
    with safe_open(file, "np") as golden:
        config = ModelConfig.from_dict(json.loads(golden.metadata()["config"]))
        names = [name for name in golden.keys() if name.startswith("init/")]  # noqa: SIM118
        weights = {name[5:]: golden.get_tensor(name).astype(np.float64) for name in names}
        tokens = golden.get_tensor("batches")[0, 0, :-1].tolist()
        return config, weights, tokens, golden.get_tensor("logits")[0]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.name.split(".")[0])
def test_a_folded_model_has_the_logits_of_pytorch(file: Path) -> None:
    config, weights, tokens, expected = read(file)
    folded = Folder(config, weights).fold()
    program = build_program(config, len(tokens), Settings())
    assert set(folded) | {"prompt"} == set(program.inputs)
    prompt = {"prompt": one_hot(tokens, config.vocab_size)}
    logits, ranges = run_plain(program, {**folded, **prompt}, watch=True)
    assert np.abs(logits - expected).max() < 2e-6 * np.abs(expected).max()
    assert len(ranges) == len(program.stages)
    compiled, _ = run_plain(program, {**folded, **prompt})
    assert np.abs(compiled - expected).max() < 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("file", GATED, ids=lambda file: file.name.split(".")[0])
def test_a_norm_that_is_not_linear_yet_is_refused(file: Path) -> None:
    config, weights, _, _ = read(file)
    with pytest.raises(AeroError, match=r"blocks\.0\.norm1\.gate is .*train to the end"):
        Folder(config, weights).fold()


SHORT = [
    "temperature_raw",
    "simplified_ereg",
    "pythia_parallel",
    "pythia_two_quad",
    "relu_attention",
]


@pytest.mark.parametrize("name", SHORT)
def test_a_prompt_shorter_than_the_context_has_the_first_logits(name: str) -> None:
    config, weights, tokens, expected = read(FOLDER / f"{name}.float64.safetensors")
    folded = Folder(config, weights).fold() | {"prompt": one_hot(tokens[:5], config.vocab_size)}
    logits, _ = run_plain(build_program(config, 5, Settings()), folded)
    assert np.abs(logits - expected[:5]).max() < 2e-6 * np.abs(expected).max()
