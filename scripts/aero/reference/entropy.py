"""Computes the entropy of attention rows, and its regularisation (arXiv 2501.03489)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from aero.config.model import EregConfig


def entropy_of_logarithms(log_probabilities: Tensor) -> Tensor:
    """Returns -sum_j a_j log a_j in nats over the last dimension; -inf is the log of a masked 0."""
    masked = log_probabilities == -math.inf
    return -(log_probabilities.exp() * log_probabilities.masked_fill(masked, 0)).sum(dim=-1)


def entropy_of_scores(scores: Tensor) -> Tensor:
    """Returns the entropy from the softmax's scores z: logsumexp(z) - sum_j a_j z_j."""
    finite = scores.masked_fill(scores == -math.inf, 0)
    return scores.logsumexp(dim=-1) - (scores.softmax(dim=-1) * finite).sum(dim=-1)


def _or_one(x: Tensor) -> Tensor:
    """Replaces zeros by 1, whose logarithm is 0."""
    return x.masked_fill(x == 0, 1)


def entropy_of_weights(weights: Tensor) -> Tensor:
    """Returns the entropy of rows divided by their sums; 0 log 0 = 0, and a row of zeros has 0."""
    shares = weights / _or_one(weights.sum(dim=-1, keepdim=True))
    return -(shares * _or_one(shares).log()).sum(dim=-1)


def entropy_of_numerators(numerators: Tensor) -> Tensor:
    """Returns the entropy of w / n from w alone: log n - sum_j w_j log w_j / n, n their sum."""
    total = _or_one(numerators.sum(dim=-1))
    return total.log() - (numerators * _or_one(numerators).log()).sum(dim=-1) / total


def entropy_penalty(
    entropy: Tensor, thresholds: Tensor, config: EregConfig, context: int
) -> Tensor:
    """Returns lambda * L_entropy for row entropies [L, B, H, T] and thresholds theta [L, H].

    d = E - theta E_max counts as d^2 where |d| > gamma E_max, with E_max = ln(context). With the
    reduction `mean`, E is a head's entropy averaged over batch and positions. With `row_sum`, E is
    that of one row, and the squares are summed over batch and positions. L_entropy is the mean over
    heads and layers.
    """
    most = math.log(context)
    if config.reduction == "mean":
        deviation = entropy.mean(dim=(1, 3)) - thresholds * most
    elif config.reduction == "row_sum":
        deviation = entropy - thresholds[:, None, :, None] * most
    else:
        raise ValueError(f"unknown reduction {config.reduction!r}")
    squares = torch.where(deviation.abs() > config.gamma * most, deviation.pow(2), 0.0)
    if config.reduction == "row_sum":
        squares = squares.sum(dim=(1, 3))
    return config.lambda_ * squares.mean()
