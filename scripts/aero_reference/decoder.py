"""GPT-2 and Pythia decoders with exchangeable parts, written from the papers' descriptions.

Parameter names are AERO's: `state_dict()` of a Decoder has the keys of AERO's weights.safetensors.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class ModelConfig:
    """The section "model" of an AERO config, with the same keys and defaults."""

    family: str = "gpt2"
    n_layer: int = 12
    n_head: int = 12
    d_model: int = 768
    d_ffn: int = 0  # 0: 4 d_model
    context: int = 128
    positions: int = 0  # 0: context
    vocab_size: int = 50257
    norm: str = "layernorm"
    final_norm: bool = True
    norm_bias: bool = True
    norm_eps: float = 1e-5
    activation: str = "gelu_tanh"
    leaky_slope: str = "layer"
    leaky_init: float = 0.01
    biases: str = "all"
    tied_head: bool = True
    parallel_residual: bool = False
    rotary_fraction: float = 0.25
    rotary_base: float = 10000.0

    @classmethod
    def from_dict(cls, section: Mapping[str, object]) -> ModelConfig:
        """Passes over keys that only name the architecture or are for training."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in section.items() if key in known})  # type: ignore[arg-type]

    @property
    def d_head(self) -> int:
        return self.d_model // self.n_head

    @property
    def ffn_width(self) -> int:
        return self.d_ffn or 4 * self.d_model

    @property
    def final_norm_kind(self) -> str:
        if not self.final_norm:
            return "none"
        return "layernorm" if self.norm == "none" else self.norm

    @property
    def position_rows(self) -> int:
        return self.positions or self.context

    @property
    def rotary_dimensions(self) -> int:
        return int(self.d_head * self.rotary_fraction) if self.family == "pythia" else 0


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang and Sennrich, 2019)."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def make_norm(kind: str, config: ModelConfig) -> nn.Module:
    """A norm over the last dimension, or the identity."""
    if kind == "layernorm":
        return nn.LayerNorm(config.d_model, eps=config.norm_eps, bias=config.norm_bias)
    if kind == "rmsnorm":
        return RMSNorm(config.d_model, config.norm_eps)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"unknown norm {kind!r}")


class LeakyReLU(nn.Module):
    """x where positive, slope * x elsewhere, with a slope that is learned."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([slope]))

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=0) + self.slope.to(x.dtype) * x.clamp(max=0)


def make_activation(config: ModelConfig) -> nn.Module:
    """The activation of the FFN, or the identity."""
    if config.activation == "gelu":
        return nn.GELU()
    if config.activation == "gelu_tanh":
        return nn.GELU(approximate="tanh")
    if config.activation == "relu":
        return nn.ReLU()
    if config.activation == "none":
        return nn.Identity()
    if config.activation == "leaky_relu":
        if config.leaky_slope == "fixed":
            return nn.LeakyReLU(config.leaky_init)
        return LeakyReLU(config.leaky_init)
    raise ValueError(f"unknown activation {config.activation!r}")


def rotary_tables(length: int, width: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines, [length, width]: always computed in float32, as transformers does."""
    inverse_frequency = 1.0 / (base ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    angle = torch.arange(length, dtype=torch.float32)[:, None] * inverse_frequency
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns the leading dimensions of each head; dimension i is paired with i + width / 2."""
    width = cos.shape[-1]
    turned, rest = x[..., :width], x[..., width:]
    first, second = turned[..., : width // 2], turned[..., width // 2 :]
    turned = turned * cos + torch.cat((-second, first), dim=-1) * sin
    return torch.cat((turned, rest), dim=-1)


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d_k) + causal mask) V, H heads."""

    def __init__(self, config: ModelConfig, fused: bool) -> None:
        super().__init__()
        width = config.d_model
        self.q = nn.Linear(width, width, bias=config.biases in ("all", "qk"))
        self.k = nn.Linear(width, width, bias=config.biases in ("all", "qk"))
        self.v = nn.Linear(width, width, bias=config.biases == "all")
        self.o = nn.Linear(width, width, bias=config.biases == "all")
        self.n_head = config.n_head
        self.fused = fused
        self.rotary_base = config.rotary_base
        self.rotary_dimensions = config.rotary_dimensions

    def heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_head, -1)).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(self.q(x)), self.heads(self.k(x)), self.heads(self.v(x))
        if self.rotary_dimensions > 0:
            cos, sin = rotary_tables(x.shape[1], self.rotary_dimensions, self.rotary_base)
            cos, sin = cos.to(q), sin.to(q)
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if self.fused:
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
            future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(diagonal=1)
            mixed = scores.masked_fill(future, -math.inf).softmax(dim=-1) @ v
        return self.o(mixed.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    """act(x W_in) W_out. `shared` is the activation whose slope belongs to the whole model."""

    def __init__(self, config: ModelConfig, shared: nn.Module | None) -> None:
        super().__init__()
        bias = config.biases == "all"
        self.w_in = nn.Linear(config.d_model, config.ffn_width, bias=bias)
        self.w_out = nn.Linear(config.ffn_width, config.d_model, bias=bias)
        if shared is None:
            self.activation = make_activation(config)
        else:
            self.shared = (shared,)  # in a tuple, so that it is registered once, by the model

    def forward(self, x: Tensor) -> Tensor:
        activation = self.shared[0] if hasattr(self, "shared") else self.activation
        return self.w_out(activation(self.w_in(x)))


class Block(nn.Module):
    """Attention and FFN, one after the other or side by side, each with its residual."""

    def __init__(self, config: ModelConfig, shared: nn.Module | None, fused: bool) -> None:
        super().__init__()
        self.norm1 = make_norm(config.norm, config)
        self.attention = Attention(config, fused)
        self.norm2 = make_norm(config.norm, config)
        self.ffn = FeedForward(config, shared)
        self.parallel = config.parallel_residual

    def forward(self, x: Tensor) -> Tensor:
        attended = x + self.attention(self.norm1(x))
        return attended + self.ffn(self.norm2(x if self.parallel else attended))


class Decoder(nn.Module):
    """[B, T] token ids to [B, T, V] logits. No dropout, whatever the config says.

    `fused_attention` takes PyTorch's scaled_dot_product_attention, not a written-out softmax.
    """

    def __init__(self, config: ModelConfig, fused_attention: bool = False) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        if config.family == "gpt2":
            self.positions = nn.Embedding(config.position_rows, config.d_model)
        elif config.family != "pythia":
            raise ValueError(f"unknown family {config.family!r}")
        shared = None
        if config.activation == "leaky_relu" and config.leaky_slope == "model":
            shared = self.activation = make_activation(config)
        self.blocks = nn.ModuleList(
            Block(config, shared, fused_attention) for _ in range(config.n_layer)
        )
        self.final_norm = make_norm(config.final_norm_kind, config)
        if not config.tied_head:
            self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens)
        if self.config.family == "gpt2":
            x = x + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        x = self.final_norm(x)
        return functional.linear(
            x, self.tokens.weight if self.config.tied_head else self.head.weight
        )
