"""Implements GPT-2, Pythia and simplified decoders with exchangeable parts, from the papers.

Parameter names are AERO's: `state_dict()` of a Decoder has the keys of AERO's weights.safetensors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from aero.config.model import ModelConfig
from aero.reference.attention import Attention, widened
from aero.reference.entropy import entropy_penalty
from aero.reference.feed_forward import make_activation, make_feed_forward
from aero.reference.norm import FixedLayerNorm, gate_at, make_norm
from aero.reference.simplified import SimplifiedBlock, scalar
from aero.reference.tokens import IGNORED


class Block(nn.Module):
    """Runs attention and FFN, one after the other or side by side, each with its residual.

    A scaled FFN gives X_out = beta X_SA + FFN / alpha with X_SA = x + attention, and a pruned one
    X_out = X_SA.
    """

    def __init__(
        self, config: ModelConfig, layer: int, shared: nn.Module | None, fused: bool
    ) -> None:
        super().__init__()
        self.parallel = config.parallel_residual
        self.has_ffn = config.has_ffn(layer)
        self.scaled = config.ffn_scaled and self.has_ffn
        self.norm1 = make_norm(config.norm, config)
        self.attention = Attention(config, fused)
        if self.has_ffn:
            self.norm2 = make_norm(config.norm, config)
            self.ffn = make_feed_forward(config, shared)
        if self.scaled:
            self.alpha = scalar(config.alpha_start)
            self.beta = scalar(config.beta_init)

    def forward(self, x: Tensor, with_entropy: bool) -> tuple[Tensor, Tensor | None]:
        attention, entropy = self.attention(self.norm1(x), with_entropy)
        attended = x + attention
        if not self.has_ffn:
            return attended, entropy
        fed = self.ffn(self.norm2(x if self.parallel else attended))
        if self.scaled:
            return self.beta * attended + fed / self.alpha, entropy
        return attended + fed, entropy


class Decoder(nn.Module):
    """Maps token ids, [B, T], to logits, [B, T, V]. It has no dropout, whatever the config says.

    With `fused_attention` it uses PyTorch's scaled_dot_product_attention, not a written-out
    softmax. A substitute of softmax then divides by the row's sum after it has mixed the values.
    """

    def __init__(self, config: ModelConfig, fused_attention: bool = False) -> None:
        super().__init__()
        self.config = config
        if config.family not in ("gpt2", "pythia", "simplified"):
            raise ValueError(f"unknown family {config.family!r}")
        if config.ereg.enabled and config.attention == "relu":
            raise ValueError("EReg needs weights that sum to 1, which those of relu do not")
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        if config.family != "pythia":
            self.positions = nn.Embedding(config.position_rows, config.d_model)
        shared = None
        if config.activation == "leaky_relu" and config.leaky_slope == "model":
            shared = self.activation = make_activation(config)
        block = SimplifiedBlock if config.family == "simplified" else Block
        self.blocks = nn.ModuleList(
            block(config, layer, shared, fused_attention) for layer in range(config.n_layer)
        )
        self.final_norm = make_norm(config.final_norm_kind, config)
        if not config.tied_head:
            self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.ereg.enabled:
            shape = (config.n_layer, config.n_head)
            self.thresholds = nn.Parameter(torch.full(shape, float(config.ereg.theta_init)))

    def forward(self, tokens: Tensor) -> Tensor:
        return self._run(tokens, with_entropy=False)[0]

    def forward_with_entropy(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the logits, and the entropy of each attention row in nats, [L, B, H, T]."""
        logits, entropies = self._run(tokens, with_entropy=True)
        return logits, torch.stack(entropies)

    def set_progress(self, share: float) -> None:
        """Sets the gates of fixed norms for a share of the training: step / steps."""
        gate = gate_at(share, self.config.norm_fixed)
        for module in self.modules():
            if isinstance(module, FixedLayerNorm):
                module.gate.fill_(gate)

    def penalty(self, entropy: Tensor) -> Tensor:
        """Returns the term of entropy regularisation for entropies [L, B, H, T]."""
        return entropy_penalty(entropy, self.thresholds, self.config.ereg, self.config.context)

    def training_loss(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the mean cross-entropy in nats, IGNORED targets left out, and the penalty."""
        if self.config.ereg.enabled:
            logits, entropy = self.forward_with_entropy(tokens)
            penalty = self.penalty(entropy)
        else:
            logits = self(tokens)
            penalty = logits.new_zeros(())
        return token_loss(logits, targets), penalty

    def _run(self, tokens: Tensor, with_entropy: bool) -> tuple[Tensor, list[Tensor]]:
        x = self.tokens(tokens)
        if self.config.family != "pythia":
            x = x + self.positions.weight[: tokens.shape[1]]
        entropies = []
        for block in self.blocks:
            x, entropy = block(x, with_entropy)
            entropies.append(entropy)
        x = self.final_norm(x)
        head = self.tokens.weight if self.config.tied_head else self.head.weight
        return functional.linear(x, head), entropies


def token_loss(logits: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """Returns cross-entropy in nats, at least in float32, without targets that are IGNORED."""
    return functional.cross_entropy(
        widened(logits).flatten(0, 1),
        targets.flatten(),
        ignore_index=IGNORED,
        reduction=reduction,
    )
