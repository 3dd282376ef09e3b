"""Implements linear layers whose matrix is plain, or normalised by weight or by spectrum."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SPECTRAL_EPS = 1e-12


class WeightNormLinear(nn.Linear):
    """Has W = g v / |v| by output row (Salimans and Kingma, 2016); `weight` is v, `gain` is g."""

    def __init__(self, width_in: int, width_out: int, bias: bool) -> None:
        super().__init__(width_in, width_out, bias=bias)
        self.gain = nn.Parameter(self.weight.detach().norm(dim=1))

    def forward(self, x: Tensor) -> Tensor:
        length = self.weight.pow(2).sum(dim=1, keepdim=True).sqrt()
        return functional.linear(x, self.gain[:, None] * self.weight / length, self.bias)


@torch.no_grad()
def power_iteration(weight: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the next estimates u, v of the leading singular vectors of a matrix [out, in]."""
    u = functional.normalize((weight * v).sum(dim=1), dim=0, eps=SPECTRAL_EPS)
    return u, functional.normalize((weight * u[:, None]).sum(dim=0), dim=0, eps=SPECTRAL_EPS)


class SpectralNormLinear(nn.Linear):
    """Has W / sigma(W) with sigma = u W v (Miyato et al., 2018).

    Each forward pass in training mode makes one power iteration. No gradient goes through u and v.
    """

    u: Tensor
    v: Tensor

    def __init__(self, width_in: int, width_out: int, bias: bool) -> None:
        super().__init__(width_in, width_out, bias=bias)
        u, v = torch.randn(width_out), torch.randn(width_in)
        for _ in range(15):
            u, v = power_iteration(self.weight, v)
        self.register_buffer("u", u)
        self.register_buffer("v", v)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.u, self.v = power_iteration(self.weight, self.v)
        sigma = (self.u[:, None] * self.weight * self.v).sum()
        return functional.linear(x, self.weight / sigma, self.bias)


def make_linear(form: str, width_in: int, width_out: int, bias: bool) -> nn.Linear:
    """Makes a linear layer whose matrix has one of AERO's forms."""
    kinds: dict[str, type[nn.Linear]] = {
        "plain": nn.Linear,
        "weight_norm": WeightNormLinear,
        "spectral_norm": SpectralNormLinear,
    }
    if form not in kinds:
        raise ValueError(f"unknown form of a matrix {form!r}")
    return kinds[form](width_in, width_out, bias=bias)
