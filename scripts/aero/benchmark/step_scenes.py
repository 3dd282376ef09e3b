"""Defines scenes: steps of one size, and the sides that take turns at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aero.benchmark.aero_side import BASELINE
from aero.benchmark.setting import Setting

AERO, EAGER, COMPILED = "AERO", "PyTorch", "PyTorch, torch.compile"
PLAIN, REGULARISED, AUTHORS = "AERO, SM(t)", "AERO, EReg", "PyTorch, the authors' way"

_EREG = {"enabled": True, "lambda": 1e-5, "gamma": 0.2, "theta_init": 0.5, "reduction": "row_sum"}


@dataclass(frozen=True)
class Side:
    """Describes who takes a turn.

    The times do not depend on the model's values, which start so that a few steps keep them finite.
    """

    name: str
    first_seconds: float  # what its first turn may take
    architecture: str = BASELINE  # of AERO; a PyTorch side computes it, too
    model: Mapping[str, Any] = field(default_factory=dict)  # more of AERO's section "model"
    train: Mapping[str, Any] = field(default_factory=dict)  # and of its section "train"
    is_pytorch: bool = False
    backend: str = ""  # of torch.compile
    authors: Mapping[str, Any] = field(default_factory=dict)  # "model" of aero.reference.authors


@dataclass(frozen=True)
class Scene:
    """Holds the sides that take turns at the same step; the first one is the reference."""

    name: str
    title: str
    setting: Setting
    warmup: int  # steps of a turn that are left out
    sides: tuple[Side, ...]
    rounds: int
    begins: int = 1  # the round of all scenes in which its own first one is taken


def gpt2_sides(backend: str, first: float) -> tuple[Side, ...]:
    """Returns AERO and nanoGPT's loop, eager and compiled by `backend`."""
    return (
        Side(AERO, first),
        Side(EAGER, first, is_pytorch=True),
        Side(COMPILED, 4 * first, is_pytorch=True, backend=backend),
    )


def method_side(pruned: int, first: float) -> Side:
    """Returns AERO with SM+ScFuFFN, of which the last `pruned` FFNs are pruned."""
    return Side(AERO, first, f"SM+ScFuFFN_i{pruned}", {"biases": "qk"})


def temperature_side(pruned: int, first: float) -> Side:
    """Returns AERO with SM(t)+ScFuFFN."""
    model = {"biases": "qk", "temperature": "raw", "temperature_init": 1.0}
    return Side(PLAIN, first, f"SM(t)+ScFuFFN_i{pruned}", model)


def regularised_side(pruned: int, first: float) -> Side:
    """Returns AERO with EReg(SM(t)+ScFuFFN)."""
    plain = temperature_side(pruned, first)
    ereg = {key: value for key, value in _EREG.items() if key != "enabled"}
    return Side(REGULARISED, first, f"EReg({plain.architecture})", {**plain.model, "ereg": ereg})


def _authors(setting: Setting, like: Side, model: Mapping[str, Any]) -> Side:
    """Returns a side that computes what AERO's side `like` does, for a model of these parts."""
    sizes = {
        "n_layer": setting.n_layer,
        "n_head": setting.n_head,
        "d_model": setting.d_model,
        "context": setting.context,
        "vocab_size": setting.vocab_size,
    }
    return Side(
        AUTHORS,
        like.first_seconds,
        architecture=like.architecture,
        is_pytorch=True,
        authors={**sizes, **model},
    )


def authors_gpt2_side(setting: Setting, like: Side) -> Side:
    """Returns the authors' way in PyTorch of computing GPT-2. Their blocks have fewer biases than
    those of AERO's side.
    """
    return _authors(setting, like, {"norm": "layernorm", "activation": "gelu", "biases": "qk"})


def authors_method_side(setting: Setting, pruned: int, like: Side) -> Side:
    """Returns the authors' way in PyTorch of computing the method's model of AERO's side."""
    model = {
        "norm": "none",
        "activation": "none",
        "ffn_scaled": True,
        "ffn_fused": True,
        "ffn_pruned": pruned,
        **like.model,
        "ereg": _EREG if "ereg" in like.model else {"enabled": False},
    }
    return _authors(setting, like, model)


def ereg_sides(setting: Setting, pruned: int, first: float) -> tuple[Side, ...]:
    """Returns AERO without EReg and with it, and the authors' way with it."""
    regularised = regularised_side(pruned, first)
    return (
        temperature_side(pruned, first),
        regularised,
        authors_method_side(setting, pruned, regularised),
    )
