"""Implements norms over the last dimension."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from aero.config.model import ModelConfig, NormFixedConfig


class RMSNorm(nn.Module):
    """Computes x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich, 2019)."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def gate_at(share: float, config: NormFixedConfig) -> float:
    """Returns the gate of fixed norms at a share of the training: 1, half a cosine down, 0."""
    if share <= config.start:
        return 1.0
    if share >= config.end:
        return 0.0
    angle = math.pi * (share - config.start) / (config.end - config.start)
    return 0.5 * (1 + math.cos(angle))


class FixedLayerNorm(nn.Module):
    """Computes g LayerNorm(x) + (1 - g) ((x - mean(x)) / sigma * weight + bias), with the gate g.

    sigma^2 is a running average over batches of the rows' mean var(x) + eps, taken while training
    with g = 1. Before the first batch sigma is 0. No gradient goes through it.
    """

    sigma: Tensor
    gate: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.d_model))
        self.bias = nn.Parameter(torch.zeros(config.d_model)) if config.norm_bias else None
        self.eps = config.norm_eps
        self.momentum = config.norm_fixed.momentum
        self.register_buffer("sigma", torch.zeros(1))
        self.register_buffer("gate", torch.ones(1))

    @torch.no_grad()
    def _average(self, x: Tensor) -> None:
        variance = (x.to(self.sigma.dtype).var(dim=-1, unbiased=False) + self.eps).mean()
        if self.sigma.item() != 0:
            variance = self.momentum * self.sigma.pow(2) + (1 - self.momentum) * variance
        self.sigma.copy_(variance.sqrt())

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate.item()
        normed = functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        if gate == 1:
            if self.training:
                self._average(x)
            return normed  # sigma may still be 0
        fixed = (x - x.mean(dim=-1, keepdim=True)) / self.sigma * self.weight
        if self.bias is not None:
            fixed = fixed + self.bias
        return gate * normed + (1 - gate) * fixed


def make_norm(kind: str, config: ModelConfig) -> nn.Module:
    """Makes a norm over the last dimension, or the identity."""
    if kind == "layernorm":
        return nn.LayerNorm(config.d_model, eps=config.norm_eps, bias=config.norm_bias)
    if kind == "rmsnorm":
        return RMSNorm(config.d_model, config.norm_eps)
    if kind == "layernorm_fixed":
        return FixedLayerNorm(config)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"unknown norm {kind!r}")
