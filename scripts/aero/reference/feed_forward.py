"""Implements the FFN: two matrices with an activation between them, or one matrix."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aero.config.model import ModelConfig
from aero.reference.linear import make_linear


class LeakyReLU(nn.Module):
    """Computes x where x is positive and slope * x elsewhere, with a learned slope."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([slope]))

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=0) + self.slope.to(x.dtype) * x.clamp(max=0)


class Quadratic(nn.Module):
    """Computes MPCFormer's quadratic substitute of GELU (arXiv 2211.01452)."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.125 * x * x + 0.25 * x + 0.5


def make_activation(config: ModelConfig) -> nn.Module:
    """Makes the activation of the FFN, or the identity."""
    if config.activation == "gelu":
        return nn.GELU()
    if config.activation == "gelu_tanh":
        return nn.GELU(approximate="tanh")
    if config.activation == "relu":
        return nn.ReLU()
    if config.activation == "quadratic":
        return Quadratic()
    if config.activation == "none":
        return nn.Identity()
    if config.activation == "leaky_relu":
        if config.leaky_slope == "fixed":
            return nn.LeakyReLU(config.leaky_init)
        return LeakyReLU(config.leaky_init)
    raise ValueError(f"unknown activation {config.activation!r}")


class FeedForward(nn.Module):
    """Computes act(x W_in) W_out. A `shared` activation has a slope of the whole model."""

    def __init__(self, config: ModelConfig, shared: nn.Module | None) -> None:
        super().__init__()
        form, bias = config.ffn_form, config.biases == "all"
        self.w_in = make_linear(form, config.d_model, config.ffn_width, bias)
        self.w_out = make_linear(form, config.ffn_width, config.d_model, bias)
        if shared is None:
            self.activation = make_activation(config)
        else:
            self.shared = (shared,)  # in a tuple, so that it is registered once, by the model

    def forward(self, x: Tensor) -> Tensor:
        activation = self.shared[0] if hasattr(self, "shared") else self.activation
        return self.w_out(activation(self.w_in(x)))


class FusedFeedForward(nn.Module):
    """Computes x W, where W [d, d] replaces W_in W_out with no activation between them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.activation != "none":
            raise ValueError(f"a fused FFN has no activation, but this one is {config.activation}")
        width = config.d_model
        self.w = make_linear(config.ffn_form, width, width, config.biases == "all")

    def forward(self, x: Tensor) -> Tensor:
        return self.w(x)


def make_feed_forward(config: ModelConfig, shared: nn.Module | None) -> nn.Module:
    """Makes the FFN of a block that has one."""
    return FusedFeedForward(config) if config.ffn_fused else FeedForward(config, shared)
