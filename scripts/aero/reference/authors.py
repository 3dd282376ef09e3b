"""Computes the papers' models as the authors' public code does, to measure AERO's speed against.

Attention is written out, its matrices are kept, and the penalty takes entropy from them, layer by
layer and head by head. Their GPT-2, SM+LN+G, has biases on queries and keys alone, LayerNorm
before attention and FFN, and exact GELU. Their dropout is left out. The block without norms, with a
scaled or pruned fused FFN and with a temperature for each head and query, is not public. It is
written here in the same manner.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from aero.config.model import ModelConfig
from aero.reference.simplified import scalar

_EPS = 1e-9  # added in the logarithm, as in the listing of arXiv 2501.03489


class Attention(nn.Module):
    """Has one matrix with a bias for queries and keys, one for values and one for the output."""

    visible: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, context = config.d_model, config.context
        self.heads = config.n_head
        self.qk = nn.Linear(width, 2 * width)
        self.v = nn.Linear(width, width, bias=False)
        self.o = nn.Linear(width, width, bias=False)
        visible = torch.ones(context, context, dtype=torch.bool).tril()
        self.register_buffer("visible", visible, persistent=False)
        self.has_temperature = config.temperature == "raw"
        if self.has_temperature:
            start = torch.full((self.heads, context), config.temperature_init)
            self.temperature = nn.Parameter(start)

    def split(self, x: Tensor) -> Tensor:
        """Reshapes [B, T, d] to [B, H, T, d_k]."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns [B, T, d], and the attention matrices, [B, H, T, T]."""
        q, k = map(self.split, self.qk(x).chunk(2, dim=-1))
        v = self.split(self.v(x))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        length = x.shape[1]
        if self.has_temperature:
            scores = scores / self.temperature[:, :length, None]
        lowest = torch.finfo(scores.dtype).min
        scores = torch.where(self.visible[:length, :length], scores, lowest)
        attention = scores.softmax(dim=-1)
        mixed = attention.type(v.dtype) @ v
        return self.o(mixed.transpose(1, 2).flatten(-2)), attention


class FeedForward(nn.Module):
    """Has two matrices, and exact GELU between them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.w_in = nn.Linear(config.d_model, config.ffn_width, bias=False)
        self.activation = nn.GELU()
        self.w_out = nn.Linear(config.ffn_width, config.d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.w_out(self.activation(self.w_in(x))))


class BaselineBlock(nn.Module):
    """Computes X_SA = x + attention(LN(x)), and X_out = X_SA + FFN(LN(X_SA))."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.d_model)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.d_model)
        self.ffn = FeedForward(config)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mixed, attention = self.attention(self.norm1(x))
        x = x + mixed
        return x + self.ffn(self.norm2(x)), attention


class ScaledBlock(nn.Module):
    """Computes X_out = beta X_SA + X_SA W / alpha, or X_SA where the FFN is pruned."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.has_ffn = config.has_ffn(layer)
        if self.has_ffn:
            self.ffn = nn.Linear(config.d_model, config.d_model, bias=False)
            self.alpha = scalar(config.alpha_start)
            self.beta = scalar(config.beta_init)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mixed, attention = self.attention(x)
        x = x + mixed
        if self.has_ffn:
            x = self.beta * x + self.ffn(x) / self.alpha
        return x, attention


def _block_of(config: ModelConfig) -> type[BaselineBlock | ScaledBlock]:
    """Returns the class of the model's blocks. Raises ValueError where it has others."""
    parts = (config.norm, config.activation, config.ffn_scaled, config.ffn_fused)
    whole = all(map(config.has_ffn, range(config.n_layer)))
    if config.biases == "qk" and config.temperature in ("none", "raw"):
        if parts == ("none", "none", True, True):
            return ScaledBlock
        if parts == ("layernorm", "gelu", False, False) and whole:
            return BaselineBlock
    raise ValueError(
        "only SM+LN+G with exact GELU, and SM+ScFuFFN, with SM(t) raw, and biases on Q and K alone"
    )


class AuthorsDecoder(nn.Module):
    """Maps tokens and targets, [B, T], to the mean loss in nats, with EReg's penalty if configured.

    Raises ValueError for another model than SM+LN+G, and SM or SM(t) with ScFuFFN.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        block = _block_of(config)
        if config.ereg.enabled and config.ereg.reduction != "row_sum":
            raise ValueError("the authors' penalty is that of the reduction row_sum")
        self.config = config
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = nn.Embedding(config.position_rows, config.d_model)
        self.blocks = nn.ModuleList(block(config, layer) for layer in range(config.n_layer))
        self.final_norm = nn.LayerNorm(config.d_model)
        for name, parameter in self.named_parameters():
            if name.endswith("weight") and parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        if config.ereg.enabled:
            shape = (config.n_layer, config.n_head)
            self.thresholds = nn.Parameter(torch.full(shape, float(config.ereg.theta_init)))

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        matrices = []
        for block in self.blocks:
            x, attention = block(x)
            matrices.append(attention)
        logits = functional.linear(self.final_norm(x), self.tokens.weight)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return loss + self.penalty(matrices) if self.config.ereg.enabled else loss

    def penalty(self, matrices: list[Tensor]) -> Tensor:
        """Sums over matrices [B, H, T, T] the squares of rows' deviations beyond the margin."""
        ereg = self.config.ereg
        most = math.log(self.config.context)
        total: Tensor | float = 0
        for attention, thresholds in zip(matrices, self.thresholds, strict=True):
            entropy = -torch.nansum(attention * torch.log(attention + _EPS), dim=-1)
            of_layer: Tensor | float = 0
            for head, threshold in enumerate(thresholds):
                deviation = entropy[:, head] - threshold * most
                beyond = deviation.abs() > ereg.gamma * most
                kept = torch.where(beyond, deviation, torch.zeros_like(deviation))
                of_layer = of_layer + kept.square().sum()
            total = total + of_layer / self.config.n_head
        return cast(Tensor, ereg.lambda_ * total / self.config.n_layer)
