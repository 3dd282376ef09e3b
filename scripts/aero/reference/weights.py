"""What other papers put in place of softmax in attention: 2Quad, and ReLU.

Both are numerators, a function of each score alone, over a divisor of the row. Scores
[..., T, T] are -inf in the future, where the numerators are 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def numerators(kind: str, scores: Tensor, shift: float) -> Tensor:
    """(s + c)^2 with c = `shift` (2Quad, arXiv 2211.01452), or max(s, 0)."""
    if kind == "two_quad":
        future = scores == -math.inf
        # Masked before the square, too, whose derivative at -inf is no number.
        return (scores.masked_fill(future, 0) + shift).square().masked_fill(future, 0)
    if kind == "relu":
        return scores.relu()
    raise ValueError(f"unknown kind of attention {kind!r}")


def divisor(kind: str, numerator: Tensor) -> Tensor:
    """The row's sum, or with ReLU the number of keys that its query sees (arXiv 2309.08586)."""
    if kind == "two_quad":
        return numerator.sum(dim=-1, keepdim=True)
    length = numerator.shape[-1]
    return torch.arange(1, length + 1, dtype=numerator.dtype, device=numerator.device)[:, None]


def attention_weights(kind: str, scores: Tensor, shift: float) -> Tensor:
    """Returns what the values are weighted with."""
    if kind == "softmax":
        return scores.softmax(dim=-1)
    numerator = numerators(kind, scores, shift)
    return numerator / divisor(kind, numerator)
