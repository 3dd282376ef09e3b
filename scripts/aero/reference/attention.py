"""Computes causal attention with a temperature for each head (and query), and its entropy."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from aero.config.model import ModelConfig
from aero.reference.entropy import (
    entropy_of_logarithms,
    entropy_of_numerators,
    entropy_of_scores,
    entropy_of_weights,
)
from aero.reference.linear import make_linear
from aero.reference.weights import attention_weights, divisor, numerators


def rotary_tables(length: int, width: int, base: float) -> tuple[Tensor, Tensor]:
    """Returns cosines and sines, [length, width], always computed in float32 as in transformers."""
    inverse_frequency = 1.0 / (base ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    angle = torch.arange(length, dtype=torch.float32)[:, None] * inverse_frequency
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates the leading dimensions of each head; dimension i is paired with i + width / 2."""
    width = cos.shape[-1]
    turned, rest = x[..., :width], x[..., width:]
    first, second = turned[..., : width // 2], turned[..., width // 2 :]
    turned = turned * cos + torch.cat((-second, first), dim=-1) * sin
    return torch.cat((turned, rest), dim=-1)


def stored_temperature(form: str, t: float) -> float:
    """Returns the parameter that stores a temperature t: t itself, log t or log(e^t - 1)."""
    if form == "raw":
        return t
    if form == "exp":
        return math.log(t)
    if form == "softplus":
        return t + math.log(-math.expm1(-t))
    raise ValueError(f"unknown form of a temperature {form!r}")


def temperature_of(form: str, stored: Tensor) -> Tensor:
    """Returns the temperature that a stored parameter stands for."""
    if form == "raw":
        return stored
    if form == "exp":
        return stored.exp()
    if form == "softplus":
        return functional.softplus(stored)
    raise ValueError(f"unknown form of a temperature {form!r}")


def widened(x: Tensor) -> Tensor:
    """Returns half precision as float32, and other types as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def masked(scores: Tensor) -> Tensor:
    """Sets the scores of future keys to -inf."""
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(diagonal=1)
    return scores.masked_fill(future, -math.inf)


class QueriesAndKeys(nn.Module):
    """Computes softmax(Q K^T / (t sqrt(d_k)) + causal mask) of H heads, without values.

    The key `attention` of the config can name a substitute of softmax. With `fused` it uses
    PyTorch's scaled_dot_product_attention, and takes entropy from the scores.
    """

    def __init__(self, config: ModelConfig, fused: bool) -> None:
        super().__init__()
        width, bias = config.d_model, config.biases in ("all", "qk")
        self.q = make_linear(config.qk_form, width, width, bias)
        self.k = make_linear(config.qk_form, width, width, bias)
        self.temperature_form = config.temperature
        if config.temperature != "none":
            start = stored_temperature(config.temperature, config.temperature_init)
            shape = (config.n_head, config.temperature_columns)
            self.temperature = nn.Parameter(torch.full(shape, start))
        self.kind = config.attention
        self.shift = config.two_quad_shift
        self.n_head = config.n_head
        self.fused = fused
        self.divisor = math.sqrt(config.d_head) if config.attention_scaled else 1.0
        self.rotary_base = config.rotary_base
        self.rotary_dimensions = config.rotary_dimensions

    def heads(self, x: Tensor) -> Tensor:
        """Reshapes [B, T, d] to [B, H, T, d_k]."""
        return x.unflatten(-1, (self.n_head, -1)).transpose(1, 2)

    def queries_and_keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Computes Q and K, both [B, H, T, d_k], rotated where there is a rotary embedding."""
        q, k = self.heads(self.q(x)), self.heads(self.k(x))
        if self.rotary_dimensions > 0:
            cos, sin = rotary_tables(x.shape[1], self.rotary_dimensions, self.rotary_base)
            cos, sin = cos.to(q), sin.to(q)
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        return q, k

    def row_temperature(self, length: int) -> Tensor | None:
        """Returns the temperature, [H, T, 1] or [H, 1, 1]; None where there is none."""
        if self.temperature_form == "none":
            return None
        return temperature_of(self.temperature_form, self.temperature)[:, :length, None]

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        """Computes the scores, [B, H, T, T], which are -inf in the future."""
        with torch.autocast(q.device.type, enabled=False):
            scores = widened(q) @ widened(k).transpose(-1, -2) / self.divisor
        temperature = self.row_temperature(q.shape[-2])
        if temperature is not None:
            scores = scores / temperature
        return masked(scores)

    def weights(self, scores: Tensor) -> Tensor:
        """Computes the weights, [B, H, T, T], from the result of scores()."""
        return attention_weights(self.kind, scores, self.shift)

    def mixed_at_once(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Returns weights times v, by PyTorch's kernel or from a substitute's numerators."""
        temperature = self.row_temperature(q.shape[-2])
        cooled = q if temperature is None else (q / temperature).to(q.dtype)
        if self.kind == "softmax":
            return functional.scaled_dot_product_attention(
                cooled, k, v, is_causal=True, scale=1.0 / self.divisor
            )
        with torch.autocast(q.device.type, enabled=False):
            scores = masked(widened(cooled / self.divisor) @ widened(k).transpose(-1, -2))
            numerator = numerators(self.kind, scores, self.shift)
            return (numerator @ widened(v) / divisor(self.kind, numerator)).to(v.dtype)

    def entropy(self, scores: Tensor) -> Tensor:
        """Computes the entropy of each row, [B, H, T], in nats."""
        if self.kind != "softmax":
            if self.fused:
                return entropy_of_numerators(numerators(self.kind, scores, self.shift))
            return entropy_of_weights(self.weights(scores))
        if self.fused:
            return entropy_of_scores(scores)
        return entropy_of_logarithms(scores.log_softmax(dim=-1))


class Attention(QueriesAndKeys):
    """Computes softmax(Q K^T / (t sqrt(d_k)) + causal mask) V W_O, or a substitute of softmax."""

    def __init__(self, config: ModelConfig, fused: bool) -> None:
        super().__init__(config, fused)
        width, bias = config.d_model, config.biases == "all"
        self.v = make_linear(config.v_form, width, width, bias)
        self.o = make_linear(config.o_form, width, width, bias)

    def forward(self, x: Tensor, with_entropy: bool) -> tuple[Tensor, Tensor | None]:
        """Returns [B, T, d], and where asked for the rows' entropies, [B, H, T]."""
        (q, k), v = self.queries_and_keys(x), self.heads(self.v(x))
        scores = self.scores(q, k) if with_entropy or not self.fused else None
        if self.fused or scores is None:
            mixed = self.mixed_at_once(q, k, v)
        else:
            mixed = (self.weights(scores) @ widened(v)).to(v.dtype)
        entropy = None if scores is None or not with_entropy else self.entropy(scores)
        return self.o(mixed.transpose(1, 2).flatten(-2)), entropy
