"""Implements the substitutes of softmax from other papers: 2Quad and ReLU attention.

Both divide numerators, a function of each score alone, by a divisor of the row. Scores
[..., T, T] are -inf in the future, where the numerators are 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def numerators(kind: str, scores: Tensor, shift: float) -> Tensor:
    """Returns (s + c)^2 with c = `shift` (2Quad, arXiv 2211.01452), or max(s, 0)."""
    if kind == "two_quad":
        future = scores == -math.inf
        # The mask also comes before the square, whose derivative at -inf is NaN.
        return (scores.masked_fill(future, 0) + shift).square().masked_fill(future, 0)
    if kind == "relu":
        return scores.relu()
    raise ValueError(f"unknown kind of attention {kind!r}")


def divisor(kind: str, numerator: Tensor) -> Tensor:
    """Returns the row's sum, or for ReLU the number of visible keys (arXiv 2309.08586)."""
    if kind == "two_quad":
        return numerator.sum(dim=-1, keepdim=True)
    length = numerator.shape[-1]
    return torch.arange(1, length + 1, dtype=numerator.dtype, device=numerator.device)[:, None]


def attention_weights(kind: str, scores: Tensor, shift: float) -> Tensor:
    """Returns the weights by which attention sums the values."""
    if kind == "softmax":
        return scores.softmax(dim=-1)
    numerator = numerators(kind, scores, shift)
    return numerator / divisor(kind, numerator)
