"""Writes a checkpoint of a tiny random model as `aero train` does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

WORDS, CONTEXT, WIDTH = 64, 16, 64
MODEL: dict[str, Any] = {
    "family": "gpt2",
    "architecture": "SM(t)+ScFuFFN",
    "n_layer": 1,
    "n_head": 2,
    "d_model": WIDTH,
    "context": CONTEXT,
    "vocab_size": WORDS,
    "norm": "none",
    "activation": "none",
    "biases": "qk",
    "ffn_scaled": True,
    "ffn_fused": True,
    "temperature": "exp",
}


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """Draws weights at a scale at which logits reach about ten."""
    rng = np.random.default_rng(seed)

    def normal(std: float, *shape: int) -> np.ndarray:
        return (std * rng.standard_normal(shape)).astype(np.float32)

    matrix = (WIDTH**-0.5, WIDTH, WIDTH)
    return {
        "tokens.weight": normal(0.5, WORDS, WIDTH),
        "positions.weight": normal(0.3, CONTEXT, WIDTH),
        "blocks.0.attention.q.weight": normal(*matrix),
        "blocks.0.attention.k.weight": normal(*matrix),
        "blocks.0.attention.v.weight": normal(*matrix),
        "blocks.0.attention.o.weight": normal(*matrix),
        "blocks.0.attention.q.bias": normal(0.1, WIDTH),
        "blocks.0.attention.k.bias": normal(0.1, WIDTH),
        "blocks.0.attention.temperature": normal(0.2, 2, CONTEXT),
        "blocks.0.ffn.w.weight": normal(*matrix),
        "blocks.0.alpha": np.array([1.3], dtype=np.float32),
        "blocks.0.beta": np.array([0.8], dtype=np.float32),
        "final_norm.weight": 1 + normal(0.1, WIDTH),
        "final_norm.bias": normal(0.1, WIDTH),
    }


def write_checkpoint(
    folder: Path, weights: dict[str, np.ndarray] | None = None, model: dict[str, Any] = MODEL
) -> Path:
    """Writes config.json and weights.safetensors into the folder, and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model": model}))
    save_file(tensors() if weights is None else weights, folder / "weights.safetensors")
    return folder
