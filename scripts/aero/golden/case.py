"""Defines a case of the reference files: a tiny model, and the keys in which it differs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from aero.config.model import EregConfig, ModelConfig


@dataclass(frozen=True)
class Case:
    """Describes one model.

    `by_transformers` says that transformers has it, `entropy` that the rows' entropies are kept.
    `gate` is that of fixed norms; `fresh_norms` names those whose average has not begun.
    """

    name: str
    model: ModelConfig
    batch_size: int
    by_transformers: bool = False
    entropy: bool = False
    gate: float = 1.0
    fresh_norms: str | None = None


def gpt2(**keys: Any) -> ModelConfig:
    """Returns the config of a tiny GPT-2, with the given keys changed."""
    base: dict[str, Any] = {
        "family": "gpt2",
        "n_layer": 2,
        "n_head": 3,
        "d_model": 12,
        "context": 16,
    }
    return _explicit(ModelConfig(**(base | {"vocab_size": 61} | keys)))


def pythia(**keys: Any) -> ModelConfig:
    """Returns the config of a tiny Pythia, with the given keys changed."""
    base: dict[str, Any] = {
        "family": "pythia",
        "n_layer": 2,
        "n_head": 2,
        "d_model": 16,
        "context": 16,
    }
    base |= {"vocab_size": 61, "activation": "gelu", "tied_head": False, "parallel_residual": True}
    return _explicit(ModelConfig(**(base | keys)))


def simplified(**keys: Any) -> ModelConfig:
    """Returns the config of tiny blocks of He and Hofmann, with the given keys changed."""
    base = {"family": "simplified", "n_layer": 3, "norm": "rmsnorm", "activation": "relu"}
    return gpt2(**(base | {"norm_bias": False, "biases": "qk", "ffn_scaled": True} | keys))


def _explicit(config: ModelConfig) -> ModelConfig:
    """Sets the keys whose defaults depend on other keys."""
    positions = 0 if config.family == "pythia" else config.position_rows
    d_ffn = 0 if config.ffn_fused else config.ffn_width
    return dataclasses.replace(config, d_ffn=d_ffn, positions=positions)


def ereg(reduction: str, weight: float) -> EregConfig:
    """Returns entropy regularisation with lambda = `weight`."""
    return EregConfig(enabled=True, lambda_=weight, gamma=0.15, reduction=reduction)
