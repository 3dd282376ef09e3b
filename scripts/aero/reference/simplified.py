"""Implements the simplified block of He and Hofmann (arXiv 2311.01906), SAS and SAS-P."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aero.config.model import ModelConfig
from aero.reference.attention import QueriesAndKeys, widened
from aero.reference.feed_forward import make_feed_forward
from aero.reference.norm import make_norm


def scalar(value: float) -> nn.Parameter:
    """Makes a learned number, of shape [1]."""
    return nn.Parameter(torch.tensor([float(value)]))


class ShapedAttention(QueriesAndKeys):
    """Computes (alpha softmax(...) + beta I - gamma C) V for each head, or a substitute of softmax.

    C is the causal uniform matrix. In layer 0 V = g_r X W_V + g_s X, in deeper layers V = X. There
    is no output projection.
    """

    def __init__(self, config: ModelConfig, layer: int, fused: bool) -> None:
        super().__init__(config, fused)
        start = torch.full((config.n_head,), float(config.simplified.shaped_init))
        self.alpha = nn.Parameter(start.clone())
        self.beta = nn.Parameter(start.clone())
        self.gamma = nn.Parameter(start.clone())
        if layer == 0:
            self.v = nn.Linear(config.d_model, config.d_model, bias=False)
            self.value_gain = scalar(1)
            self.value_skip = scalar(1)
            nn.init.zeros_(self.v.weight)
        nn.init.zeros_(self.q.weight)
        if self.q.bias is not None:
            nn.init.zeros_(self.q.bias)
            nn.init.zeros_(self.k.bias)

    def values(self, x: Tensor) -> Tensor:
        if not hasattr(self, "v"):
            return x
        return self.value_gain * self.v(x) + self.value_skip * x

    def forward(self, x: Tensor, with_entropy: bool) -> tuple[Tensor, Tensor | None]:
        """Returns [B, T, d], and where asked for the entropies of the softmax's rows, [B, H, T]."""
        (q, k), v = self.queries_and_keys(x), self.heads(self.values(x))
        scores = self.scores(q, k) if with_entropy or not self.fused else None
        alpha, beta, gamma = (p[:, None, None] for p in (self.alpha, self.beta, self.gamma))
        length = x.shape[1]
        count = torch.arange(1, length + 1, dtype=alpha.dtype, device=x.device)[:, None]
        if self.fused or scores is None:
            weighted = self.mixed_at_once(q, k, v.to(q.dtype))
            mixed = alpha * weighted + beta * v - gamma * (v.cumsum(dim=-2) / count)
        else:
            uniform = torch.ones(length, length, dtype=alpha.dtype, device=x.device).tril() / count
            identity = torch.eye(length, dtype=alpha.dtype, device=x.device)
            matrix = alpha * self.weights(scores) + beta * identity - gamma * uniform
            mixed = matrix @ widened(v)
        entropy = None if scores is None or not with_entropy else self.entropy(scores)
        return mixed.transpose(1, 2).flatten(-2), entropy


class SimplifiedBlock(nn.Module):
    """Computes h = a attention(n1(x)) and out = m_s h + m_r ffn(n2(h)), without a skip around h.

    The parallel block computes out = a attention(n1(x)) + m_r ffn(n1(x)). Without norms, layer 0
    keeps a LayerNorm before its attention.
    """

    def __init__(
        self, config: ModelConfig, layer: int, shared: nn.Module | None, fused: bool
    ) -> None:
        super().__init__()
        self.parallel = config.parallel_residual
        self.has_ffn = config.has_ffn(layer)
        first_of_none = layer == 0 and config.norm == "none"
        self.norm1 = make_norm("layernorm" if first_of_none else config.norm, config)
        self.attention = ShapedAttention(config, layer, fused)
        self.attention_gain = scalar(config.simplified.attention_gain)
        if self.has_ffn:
            self.ffn = make_feed_forward(config, shared)
            self.ffn_gain = scalar(config.simplified.ffn_gain)
            if not self.parallel:
                self.norm2 = make_norm(config.norm, config)
                self.skip_gain = scalar(config.simplified.skip_gain)

    def forward(self, x: Tensor, with_entropy: bool) -> tuple[Tensor, Tensor | None]:
        normed = self.norm1(x)
        attended, entropy = self.attention(normed, with_entropy)
        h = self.attention_gain * attended
        if not self.has_ffn:
            return h, entropy
        if self.parallel:
            return h + self.ffn_gain * self.ffn(normed), entropy
        return self.skip_gain * h + self.ffn_gain * self.ffn(self.norm2(h)), entropy
