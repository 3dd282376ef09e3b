"""Tests that Python and `aero transform` fold forms, norms, scales and temperatures alike.

src/model/surgery.cpp folds with LibTorch, aero/private/program/folding.py with NumPy. The two
implement one algebra independently, and check each other.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import unfolded
from aero.checkpoint.checkpoints import find_checkpoint, load_weights
from aero.config.model import ModelConfig
from aero.private.program.folding import Folder
from aero.private.program.forward_pass import build_program, one_hot
from aero.private.program.settings import Settings
from test_plain_run import FOLDER, read
from test_substitutes import BY_HEAD, FIXED, PYTHIA, TINY, run_float64
from test_table import AERO
from tiny_model import write_checkpoint

pytestmark = pytest.mark.skipif(not AERO.is_file(), reason=f"{AERO} is not built")

FORMS, NORMS, SCALES = "--fold-forms", "--fold-norms", "--fold-scales"
# What Folder notes of each. Only a private run folds the other things that it notes.
NOTED = {
    FORMS: ("weight normalisation", "spectral normalisation"),
    NORMS: ("the norms of the blocks",),
    SCALES: ("alpha,", "beta,", "1 / sqrt(d_k)", "the temperatures of the heads"),
}
# The tensors of tests/golden, and what is folded in each.
GOLDEN = {
    "forms": [FORMS],
    "pythia_forms": [FORMS, SCALES],
    "weight_norm": [SCALES],
    "spectral_norm": [FORMS],
    "scaled": [SCALES],
    "fused_pruned": [SCALES],
    "pythia_ereg": [SCALES],
    "temperature_head": [SCALES],
    "two_quad_ereg": [SCALES],
    "norm_fixed_linear": [NORMS, SCALES],
    "gpt2_gelu": [SCALES],
    "relu_attention": [SCALES],
    "pythia_parallel": [SCALES],
}
SCALED = {"ffn_scaled": True}
PARALLEL = PYTHIA | {"rotary_fraction": 0.5, "parallel_residual": True}
RANDOM: dict[str, tuple[dict[str, Any], list[str]]] = {
    "fixed norm": (FIXED, [NORMS]),
    "fixed norm, biases of Q and K": (FIXED | {"biases": "qk"}, [NORMS]),
    "fixed norm without bias": (FIXED | {"norm_bias": False, "biases": "none"}, [NORMS]),
    "fixed norm, scaled": (FIXED | SCALED, [NORMS, SCALES]),
    "fixed norm, parallel": (FIXED | PARALLEL | SCALED, [NORMS, SCALES]),
    "fixed norm, 2Quad, by head": (FIXED | BY_HEAD | {"attention": "two_quad"}, [NORMS, SCALES]),
    "raw by head": (BY_HEAD | {"temperature": "raw"}, [SCALES]),
    "softplus by head": (BY_HEAD | {"temperature": "softplus"}, [SCALES]),
    "scaled, a tied head behind a norm": (SCALED | {"norm": "none"}, [SCALES]),
}


def folded(
    config: ModelConfig, weights: dict[str, np.ndarray], tokens: list[int]
) -> tuple[Folder, np.ndarray]:
    """Folds weights with Python, and returns the folder and their logits in float64."""
    folder = Folder(config, weights)
    folder.fold()
    program = build_program(config, len(tokens), Settings())
    prompt = {"prompt": one_hot(tokens, config.vocab_size)}
    return folder, run_float64(program, folder.folded | prompt)


def compare(
    config: ModelConfig,
    weights: dict[str, np.ndarray],
    tokens: list[int],
    options: list[str],
    folder: Path,
) -> None:
    run = write_checkpoint(folder / "run", weights, config.to_dict())
    command = [AERO, "transform", run, "--out", folder / "out", "--dtype", "float64", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    checkpoint = find_checkpoint(folder / "out")
    of_python, expected = folded(config, weights, tokens)
    of_program, logits = folded(checkpoint.config, load_weights(checkpoint), tokens)
    assert np.abs(expected).max() > 0.1
    assert np.abs(logits - expected).max() < 1e-12 * np.abs(expected).max()

    for option in options:
        assert any(note.startswith(tuple(NOTED[option])) for note in of_python.notes), option
    words = tuple(word for option in options for word in NOTED[option])
    left = [note for note in of_program.notes if note.startswith(words)]
    assert not left, "the program left these for Python to fold"
    if not config.ffn_scaled:  # otherwise each chooses its own scale of the stream
        # The program also adds biases that do not come from norms.
        added = of_program.folded.keys() - of_python.folded.keys()
        assert all(not of_program.folded[name].any() for name in added)
        for name, tensor in of_python.folded.items():
            scale = np.abs(tensor).max()
            assert np.abs(of_program.folded[name] - tensor).max() <= 1e-14 * scale, name


@pytest.mark.parametrize("name", GOLDEN)
def test_both_fold_trained_forms_norms_and_scales_alike(name: str, tmp_path: Path) -> None:
    config, weights, tokens, _ = read(FOLDER / f"{name}.float64.safetensors")
    compare(config, weights, tokens, GOLDEN[name], tmp_path)


@pytest.mark.parametrize("name", RANDOM)
def test_both_fold_norms_and_temperatures_alike(name: str, tmp_path: Path) -> None:
    model, options = RANDOM[name]
    config = ModelConfig.from_dict(TINY | model)
    weights = unfolded.random_weights(config)
    if config.ffn_scaled:  # so that the stream's scale is below 0
        weights["blocks.0.beta"] *= -1
    compare(config, weights, [3, 1, 4, 1, 5], options, tmp_path)
