"""Implements the training recipe: weight decay by parameter, learning rates and durations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from aero.config.duration import parse_duration

DECAYED = {
    "matrices": True,
    "embeddings": True,
    "norms": False,
    "biases": False,
    "slopes": False,
    "scales": False,
    "gains": False,
    "temperatures": False,
    "thresholds": False,
}
KIND_BY_LAST_PART = {
    "slope": "slopes",
    "gain": "gains",
    "temperature": "temperatures",
    "thresholds": "thresholds",
    "alpha": "scales",
    "beta": "scales",
    "gamma": "scales",
    "value_gain": "scales",
    "value_skip": "scales",
    "attention_gain": "scales",
    "skip_gain": "scales",
    "ffn_gain": "scales",
}


def parameter_kind(name: str) -> str:
    """Returns the kind of a parameter by its AERO name: a key of DECAYED."""
    parts = name.split(".")
    if parts[-1] in KIND_BY_LAST_PART:
        return KIND_BY_LAST_PART[parts[-1]]
    if any(part in ("norm1", "norm2", "final_norm") for part in parts):
        return "norms"
    if parts[-1] == "bias":
        return "biases"
    return "embeddings" if parts[0] in ("tokens", "positions") else "matrices"


def parameter_groups(
    parameters: Iterable[tuple[str, nn.Parameter]],
    weight_decay: float,
    decayed: Mapping[str, bool] = DECAYED,
) -> list[dict[str, object]]:
    """Makes the groups for torch.optim: parameters with weight decay, and without."""
    with_decay: list[nn.Parameter] = []
    without: list[nn.Parameter] = []
    for name, parameter in parameters:
        (with_decay if decayed[parameter_kind(name)] else without).append(parameter)
    groups = [
        {"params": with_decay, "weight_decay": weight_decay},
        {"params": without, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def make_optimizer(
    model: nn.Module, section: Mapping[str, Any], decayed: Mapping[str, bool] = DECAYED
) -> torch.optim.Optimizer:
    """Makes AdamW or Adam from the section "optimizer" of a config."""
    kind: type[torch.optim.Adam] = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[
        str(section["name"])
    ]
    groups = parameter_groups(model.named_parameters(), float(section["weight_decay"]), decayed)
    betas = (float(section["beta1"]), float(section["beta2"]))
    return kind(groups, lr=float(section["lr"]), betas=betas, eps=float(section["eps"]))


def duration_steps(
    text: str | int, tokens_per_step: int, steps_per_epoch: float, total_steps: int = 0
) -> int:
    """Returns the nearest optimizer steps of "1000", "10k", "20Mt", "1e" or "5%" (of the total)."""
    amount, unit = parse_duration(text)
    if unit == "e":
        steps = amount * steps_per_epoch
    elif unit == "%":
        steps = amount / 100 * total_steps
    elif unit == "t":
        steps = amount / tokens_per_step
    else:
        steps = amount
    return 0 if amount == 0 else max(1, math.floor(steps + 0.5))


def learning_rate(
    step: int, name: str, peak: float, final: float, warmup: int, total: int
) -> float:
    """Returns the learning rate of 0-based `step` in a run of `total` steps."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    share = {
        "constant": 1.0,
        "linear": 1.0 - progress,
        "cosine": 0.5 * (1.0 + math.cos(math.pi * progress)),
    }[name]
    return final + (peak - final) * share
