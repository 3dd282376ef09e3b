"""Compares EReg's row_sum with the authors' regulariser on the same attention matrices.

The authors take a row's entropy as -sum a log(a + 1e-9) (arXiv 2501.03489, the listing), the
reference as -sum a log a. The bounds of this file follow from that alone: log(1 + 1e-9 / a) is at
most 1e-9 / a, so a row of T probabilities loses at most T * 1e-9 of its entropy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from aero.config.model import EregConfig
from aero.reference.entropy import entropy_of_logarithms, entropy_of_scores, entropy_penalty

LAYERS, BATCH, HEADS, CONTEXT = 3, 2, 4, 17
EPS = 1e-9
ROUNDING = 1e-14
LAMBDA, GAMMA = 0.03, 0.2


def authors_entropy(attention: Tensor) -> Tensor:
    """Computes the entropy of each row of matrices [B, H, T, T]."""
    return -(attention * torch.log(attention + EPS)).sum(dim=-1)


def authors_penalty(matrices: list[Tensor], thetas: list[Tensor]) -> Tensor:
    """Sums squared deviations of rows beyond the margin, layer by layer and head by head."""
    most = math.log(CONTEXT)
    margin = GAMMA * most
    total = torch.zeros((), dtype=torch.float64)
    for attention, theta in zip(matrices, thetas, strict=True):
        entropy = authors_entropy(attention)
        of_layer = torch.zeros((), dtype=torch.float64)
        for head in range(HEADS):
            deviation = torch.abs(entropy[:, head] - theta[head] * most)
            beyond = (deviation > margin).to(deviation.dtype)
            of_layer = of_layer + (deviation.square() * beyond).sum()
        total = total + of_layer / HEADS
    return LAMBDA * total / LAYERS


@dataclass(frozen=True)
class Sample:
    """Holds leaves: attention logits [L, B, H, T, T] without the mask, thetas [L, H]."""

    logits: Tensor
    thetas: Tensor

    def scores(self) -> Tensor:
        return self.logits.masked_fill(torch.ones(CONTEXT, CONTEXT).triu(1).bool(), -math.inf)


@pytest.fixture(params=[0.5, 4.0, 30.0], ids=["flat", "peaked", "nearly one-hot"])
def sample(request: pytest.FixtureRequest) -> Sample:
    generator = torch.Generator().manual_seed(3)
    shape = (LAYERS, BATCH, HEADS, CONTEXT, CONTEXT)
    logits = request.param * torch.randn(shape, generator=generator, dtype=torch.float64)
    thetas = torch.rand((LAYERS, HEADS), generator=generator, dtype=torch.float64)
    return Sample(logits.requires_grad_(), thetas.requires_grad_())


def gradients(penalty: Tensor, sample: Sample) -> tuple[Tensor, Tensor]:
    of_logits, of_thetas = torch.autograd.grad(penalty, (sample.logits, sample.thetas))
    return of_logits, of_thetas


def test_row_entropies_differ_by_the_eps_alone(sample: Sample) -> None:
    theirs = authors_entropy(sample.scores().softmax(dim=-1))
    for ours in (
        entropy_of_scores(sample.scores()),
        entropy_of_logarithms(sample.scores().log_softmax(dim=-1)),
    ):
        assert (ours - theirs).abs().max() <= CONTEXT * EPS + ROUNDING
        assert ours.max() > 0.3  # so that the bound says something


def test_row_sum_and_its_gradients_are_the_authors(sample: Sample) -> None:
    matrices = sample.scores().softmax(dim=-1)
    theirs = authors_penalty(list(matrices.unbind()), list(sample.thetas.unbind()))
    config = EregConfig(enabled=True, lambda_=LAMBDA, gamma=GAMMA, reduction="row_sum")
    entropy = entropy_of_logarithms(sample.scores().log_softmax(dim=-1))
    ours = entropy_penalty(entropy, sample.thetas, config, CONTEXT)

    rows = BATCH * CONTEXT
    most = math.log(CONTEXT)
    deviation = entropy - sample.thetas[:, None, :, None] * most
    beyond = (deviation.abs() > GAMMA * most).double().mean()
    assert 0.1 < beyond < 0.99  # rows on both sides of the margin

    # A deviation d is at most 2 ln T here, so d^2 is off by 2 d T eps (and the eps squared).
    of_row = LAMBDA / HEADS / LAYERS
    off = CONTEXT * EPS + ROUNDING
    assert (ours - theirs).abs() <= LAMBDA * rows * (4 * most + off) * off
    assert ours > 1e-3

    by_logits, by_thetas = gradients(ours, sample)
    authors_by_logits, authors_by_thetas = gradients(theirs, sample)
    # d(d^2)/dtheta = -2 d ln T, of all rows.
    assert (by_thetas - authors_by_thetas).abs().max() <= of_row * rows * 2 * most * off
    assert by_thetas.abs().max() > 1e-2
    # dE/dz_j = -a_j (log a_j + E), at most ln T + 1 in size. The eps shifts dE/da_j by at most
    # 2 eps / a_j, hence dE/dz_j by 2 (1 + T a_j) eps.
    slack = of_row * (4 * most * 2 * (1 + CONTEXT) * EPS + 2 * off * (most + 1))
    assert (by_logits - authors_by_logits).abs().max() <= slack
    assert by_logits.abs().max() > 1e-4
    assert by_logits.isfinite().all()
    assert (by_logits.triu(1) == 0).all()
