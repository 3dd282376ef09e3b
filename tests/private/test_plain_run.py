"""The stages in the clear against logits of PyTorch, for every architecture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

pytest.importorskip("jax")

from aero_private.folding import Folder
from aero_private.plain import run_plain
from aero_private.program import build_program, one_hot
from aero_private.settings import Settings
from aero_reference.config import ModelConfig

GOLDEN = sorted((Path(__file__).resolve().parents[1] / "golden").glob("*.float64.safetensors"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.name.split(".")[0])
def test_a_folded_model_has_the_logits_of_pytorch(file: Path) -> None:
    with safe_open(file, "np") as golden:
        config = ModelConfig.from_dict(json.loads(golden.metadata()["config"]))
        names = [name for name in golden.keys() if name.startswith("init/")]  # noqa: SIM118
        weights = {name[5:]: golden.get_tensor(name).astype(np.float64) for name in names}
        tokens = golden.get_tensor("batches")[0, 0, :-1].tolist()
        expected = golden.get_tensor("logits")[0]
    folded = Folder(config, weights).fold()
    program = build_program(config, len(tokens), Settings())
    assert set(folded) | {"prompt"} == set(program.inputs)
    prompt = {"prompt": one_hot(tokens, config.vocab_size)}
    logits, ranges = run_plain(program, {**folded, **prompt}, watch=True)
    assert np.abs(logits - expected).max() < 2e-6 * np.abs(expected).max()
    assert len(ranges) == len(program.stages)
    compiled, _ = run_plain(program, {**folded, **prompt})
    assert np.abs(compiled - expected).max() < 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["temperature_raw", "simplified_ereg", "pythia_parallel"])
def test_a_prompt_shorter_than_the_context_has_the_first_logits(name: str) -> None:
    with safe_open(GOLDEN[0].with_name(f"{name}.float64.safetensors"), "np") as golden:
        config = ModelConfig.from_dict(json.loads(golden.metadata()["config"]))
        names = [name for name in golden.keys() if name.startswith("init/")]  # noqa: SIM118
        weights = {name[5:]: golden.get_tensor(name).astype(np.float64) for name in names}
        tokens = golden.get_tensor("batches")[0, 0, :5].tolist()
        expected = golden.get_tensor("logits")[0, :5]
    folded = Folder(config, weights).fold() | {"prompt": one_hot(tokens, config.vocab_size)}
    logits, _ = run_plain(build_program(config, 5, Settings()), folded)
    assert np.abs(logits - expected).max() < 2e-6 * np.abs(expected).max()
