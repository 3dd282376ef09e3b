"""Lists what scripts/gpu/benchmark.py measures: steps of one size, and sides that take turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aero.benchmark.aero_side import BASELINE
from aero.benchmark.setting import Setting

AERO, EAGER, COMPILED = "AERO", "PyTorch", "PyTorch, torch.compile"
GRAPHS = "AERO, CUDA graphs"
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


def _gpt2(backend: str, first: float) -> tuple[Side, ...]:
    return (
        Side(AERO, first),
        Side(EAGER, first, is_pytorch=True),
        Side(COMPILED, 4 * first, is_pytorch=True, backend=backend),
    )


def _temperature(pruned: int) -> dict[str, Any]:
    return {
        "architecture": f"SM(t)+ScFuFFN_i{pruned}",
        "model": {"biases": "qk", "temperature": "raw", "temperature_init": 1.0},
    }


def _regularised(pruned: int) -> dict[str, Any]:
    plain = _temperature(pruned)
    ereg = {key: value for key, value in _EREG.items() if key != "enabled"}
    return {
        "architecture": f"EReg({plain['architecture']})",
        "model": plain["model"] | {"ereg": ereg},
    }


def _authors(setting: Setting, pruned: int) -> dict[str, Any]:
    return {
        "n_layer": setting.n_layer,
        "n_head": setting.n_head,
        "d_model": setting.d_model,
        "context": setting.context,
        "vocab_size": setting.vocab_size,
        "norm": "none",
        "activation": "none",
        "ffn_scaled": True,
        "ffn_fused": True,
        "ffn_pruned": pruned,
        "ereg": _EREG,
        **_temperature(pruned)["model"],
    }


def _ereg(setting: Setting, pruned: int, first: float) -> tuple[Side, ...]:
    regularised = _regularised(pruned)
    return (
        Side(PLAIN, first, **_temperature(pruned)),
        Side(REGULARISED, first, **regularised),
        Side(
            AUTHORS,
            first,
            architecture=regularised["architecture"],
            is_pytorch=True,
            authors=_authors(setting, pruned),
        ),
    )


def _small(device: str, first: float) -> tuple[Side, ...]:
    """Returns the sides of a model so small that the host's kernel launches decide the time; CUDA
    graphs need a GPU.
    """
    aero = Side(AERO, first)
    graphs = Side(GRAPHS, first, train={"cuda_graphs": True})
    return (aero, graphs) if device.startswith("cuda") else (aero,)


def full_scenes(device: str) -> list[Scene]:
    """Lists the scenes at the papers' size; what matters most comes first."""
    gpt2 = Setting(12, 12, 768, 50304, 128, 128, 1, "bfloat16", 0, 60, device)
    long = replace(gpt2, context=1024, batch_size=16, steps=30)
    tiny = Setting(4, 4, 128, 4096, 128, 32, 1, "bfloat16", 1, 300, device)
    first = 25
    sides = _gpt2("inductor", first)
    longer = (sides[0], Side(REGULARISED, 2 * first, **_regularised(6)), sides[2])
    return [
        Scene("gpt2", "GPT-2 124M", gpt2, 15, sides, 3),
        Scene("ereg", "ScFuFFN_i6", gpt2, 15, _ereg(gpt2, 6, first), 3),
        Scene("long", "T = 1024", long, 8, longer, 2),
        Scene("tiny", "the tiny sweeps' model", tiny, 60, (*_small(device, first), sides[1]), 2),
        Scene("vocabulary", "V = 50,257", replace(gpt2, vocab_size=50257), 15, sides, 1, begins=2),
    ]


def dry_scenes(device: str) -> list[Scene]:
    """Lists the scenes at a size that takes seconds on a CPU, to try the program, not its speed."""
    gpt2 = Setting(2, 2, 32, 301, 16, 4, 1, "bfloat16", 1, 4, device)
    long = replace(gpt2, context=32, batch_size=2)
    smaller = replace(gpt2, n_layer=1, steps=8)  # three steps come before a graph
    first = 5
    aero = Side(AERO, first)
    return [
        Scene("gpt2", "GPT-2", gpt2, 1, _gpt2("eager", first), 1),
        Scene("ereg", "ScFuFFN_i1", gpt2, 1, _ereg(gpt2, 1, first), 1),
        Scene("long", "T = 32", long, 1, (aero, Side(REGULARISED, first, **_regularised(1))), 1),
        Scene("tiny", "a smaller model", smaller, 1, _small(device, first), 1),
    ]
