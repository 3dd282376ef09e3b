#!/usr/bin/env python3
"""Measures what autograd keeps of a decoder's blocks between forward and backward on the CPU.

Prints the lines of tests/cost/memory_test.cpp's table: for each case the bytes of all storages that
saved_tensors_hooks sees; float32 parameters, and what has at most a number a position, are left
out. The blocks are the operations of src/model in
PyTorch; the head and its loss are left out, for src/ops has them as a function of its own.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional
from torch.nn.utils import parametrizations
from tqdm import tqdm


@dataclass(frozen=True)
class Case:
    """A small decoder: L=2, H=4, d=32, FFN 128, T=16, B=3."""

    name: str
    pythia: bool = False
    parallel: bool = False
    norm: str = "layernorm"
    final_norm: bool = True
    activation: str = "gelu"
    biases: str = "all"
    scaled: bool = False
    fused: bool = False
    ffn_form: str = "plain"
    pruned: int = 0
    simplified: bool = False
    penalty: str = "none"
    weights: str = "softmax"
    dropout_embedding: float = 0.0
    dropout_attention: float = 0.0
    dropout_residual: float = 0.0
    dtype: torch.dtype = torch.float32
    layers: int = 2
    heads: int = 4
    width: int = 32
    ffn: int = 128
    context: int = 16
    batch: int = 3


CASES = [
    Case("gpt2"),
    Case("gpt2 without block norms", norm="none"),
    Case("gpt2 without any norm", norm="none", final_norm=False),
    Case("gpt2 rmsnorm", norm="rmsnorm"),
    Case("gpt2 relu", activation="relu"),
    Case("gpt2 leaky_relu", activation="leaky_relu"),
    Case("gpt2 no activation", activation="none"),
    Case("gpt2 biases qk", biases="qk"),
    Case("gpt2 dropout embedding", dropout_embedding=0.1),
    Case("gpt2 dropout residual", dropout_residual=0.1),
    Case("gpt2 dropout attention", dropout_attention=0.1),
    Case("pythia", pythia=True, parallel=True),
    Case("pythia without block norms", pythia=True, parallel=True, norm="none"),
    Case("pythia sequential", pythia=True),
    Case("pythia dropout residual", pythia=True, parallel=True, dropout_residual=0.1),
    Case("pythia dropout attention", pythia=True, parallel=True, dropout_attention=0.1),
    Case("gpt2 ScFFN", norm="none", activation="none", scaled=True),
    Case("gpt2 ScFuFFN", norm="none", activation="none", scaled=True, fused=True),
    Case("gpt2 ScFuFFN_i1", norm="none", activation="none", scaled=True, fused=True, pruned=1),
    Case("gpt2 LN G ScFFN_i1", scaled=True, pruned=1),
    Case("gpt2 ScFFN dropout", activation="none", scaled=True, dropout_residual=0.1),
    Case("gpt2 WNFFN", norm="none", activation="none", ffn_form="weight_norm"),
    Case("gpt2 SNFFN", norm="none", activation="none", ffn_form="spectral_norm"),
    Case("gpt2 EReg", penalty="mean"),
    Case("gpt2 EReg row_sum", penalty="row_sum"),
    Case("gpt2 quadratic", activation="quadratic"),
    Case("gpt2 two_quad", weights="two_quad"),
    Case("gpt2 relu attention", weights="relu"),
    Case("pythia ScFFN", True, True, norm="none", activation="none", scaled=True),
    Case("pythia LN ScFuFFN_i1", True, True, activation="none", scaled=True, fused=True, pruned=1),
    Case("simplified", norm="none", activation="none", biases="qk", simplified=True),
    Case("simplified dropout", norm="none", biases="qk", simplified=True, dropout_residual=0.1),
    Case("simplified rms R", norm="rmsnorm", activation="relu", biases="qk", simplified=True),
    Case(
        "simplified rms R parallel_i1",
        parallel=True,
        norm="rmsnorm",
        activation="relu",
        biases="qk",
        pruned=1,
        simplified=True,
    ),
]


class Norm(nn.Module):
    """A norm over the last dimension, or nothing."""

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        self.kind = kind
        if kind != "none":
            self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if kind == "layernorm" else None

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "none":
            return x
        if self.kind == "rmsnorm":
            return functional.rms_norm(x, self.weight.shape, self.weight, 1e-5)
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class WeightNormLinear(nn.Linear):
    """W = g v / |v| by output row."""

    def __init__(self, width_in: int, width_out: int, bias: bool) -> None:
        super().__init__(width_in, width_out, bias=bias)
        self.gain = nn.Parameter(torch.ones(width_out))

    def forward(self, x: Tensor) -> Tensor:
        ratio = self.gain / self.weight.norm(dim=1)
        return functional.linear(x, self.weight * ratio.unsqueeze(1), self.bias)


class EntropyAttention(torch.autograd.Function):
    """Keeps what src/ops keeps. The rows' entropy is its second result; it has no backward pass."""

    @staticmethod
    def forward(context: FunctionCtx, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", enabled=False):
            scores = q.float() @ k.float().transpose(-2, -1) / q.shape[-1] ** 0.5
            hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(hidden, -torch.inf)
            largest = scores.amax(-1)
            shifted = scores - largest[..., None]
            log_sum = shifted.logsumexp(-1)
            softmax = scores.softmax(-1)
            mean = (softmax * shifted.masked_fill(hidden, 0)).sum(-1)
            mixed = (softmax @ v.float()).to(q.dtype)
        mixed = mixed.transpose(1, 2).contiguous().transpose(1, 2)
        context.save_for_backward(q, k, v, mixed, largest, log_sum, mean)
        return mixed, log_sum - mean


def substitute(kind: str, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """2Quad or ReLU attention as src/ops writes them, with autograd's own derivatives."""
    with torch.autocast("cpu", enabled=False):
        scores = (q.float() * q.shape[-1] ** -0.5) @ k.float().transpose(-2, -1)
        visible = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        if kind == "two_quad":
            squares = (scores + 5).square() * visible
            weights = squares / squares.sum(-1, keepdim=True)
        else:
            weights = scores.relu() * (visible / visible.sum(-1, keepdim=True))
        return (weights @ v.float()).to(q.dtype)


class Attention(nn.Module):
    """Causal softmax attention, with rotary positions over half of a head where asked for."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        width, with_bias = case.width, case.biases == "all"
        self.q, self.k = nn.Linear(width, width), nn.Linear(width, width)
        if not case.simplified:
            self.v: Any = nn.Linear(width, width, bias=with_bias)  # absent in a subclass
            self.o = nn.Linear(width, width, bias=with_bias)
        self.turned = width // case.heads // 2 if case.pythia else 0
        angle = torch.rand(case.context, self.turned // 2)
        self.cos, self.sin = angle.cos(), angle.sin()

    def heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.case.heads, -1)).transpose(1, 2)

    def rotate(self, x: Tensor) -> Tensor:
        if self.turned == 0:
            return x
        half = self.turned // 2
        first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
        turned_first = (first * self.cos - second * self.sin).to(x.dtype)
        turned_second = (second * self.cos + first * self.sin).to(x.dtype)
        return torch.cat((turned_first, turned_second, rest), -1)

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.get_autocast_dtype("cpu"))
        q, k = self.rotate(self.heads(self.q(x))), self.rotate(self.heads(self.k(x)))
        v = self.heads(self.v(x))
        if self.case.dropout_attention > 0:
            mixed = functional.scaled_dot_product_attention(
                q, k, v, dropout_p=self.case.dropout_attention, is_causal=True
            )
        elif self.case.weights != "softmax":
            mixed = substitute(self.case.weights, q, k, v)
        else:
            mixed, self.entropy = EntropyAttention.apply(q, k, v)
        return self.o(mixed.transpose(1, 2).flatten(-2))


class ShapedAttention(Attention):
    """He and Hofmann's: (alpha softmax + beta I - gamma C) on values that are the input; layer 0
    makes its own. The prefix mean of the values stands for their product with C.
    """

    def __init__(self, case: Case, layer: int) -> None:
        super().__init__(case)
        self.shape = nn.Parameter(torch.ones(3, case.heads, 1, 1))
        self.gains = nn.Parameter(torch.ones(2))
        self.v = nn.Linear(case.width, case.width, bias=False) if layer == 0 else None

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.get_autocast_dtype("cpu"))
        q, k = self.heads(self.q(x)), self.heads(self.k(x))
        values = x
        if self.v is not None:
            values = self.gains[:1] * self.v(x) + self.gains[1:] * x
        v = self.heads(values).to(q.dtype)
        mixed, self.entropy = EntropyAttention.apply(q, k, v)
        alpha, beta, gamma = self.shape
        wide = v.float()
        mean = wide.cumsum(-2) / torch.arange(1, x.shape[1] + 1).float()[:, None]
        shaped = alpha * mixed + beta * wide - gamma * mean
        return shaped.transpose(1, 2).flatten(-2)


class Block(nn.Module):
    """One layer."""

    def __init__(self, case: Case, layer: int) -> None:
        super().__init__()
        self.case = case
        self.has_ffn = layer < case.layers - case.pruned
        first_of_none = case.simplified and case.norm == "none" and layer == 0
        self.norm1 = Norm("layernorm" if first_of_none else case.norm, case.width)
        self.attention = ShapedAttention(case, layer) if case.simplified else Attention(case)
        self.attention_gain = nn.Parameter(torch.ones(1))
        if self.has_ffn:
            self.norm2 = Norm(case.norm, case.width)
            if case.fused:
                self.w = self.linear(case.width, case.width)
            else:
                self.w_in = self.linear(case.width, case.ffn)
                self.w_out = self.linear(case.ffn, case.width)
            self.skip_gain, self.ffn_gain = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
        if case.activation == "leaky_relu":
            self.slope = nn.Parameter(torch.full((1,), 0.01))

    def linear(self, width_in: int, width_out: int) -> nn.Module:
        with_bias = self.case.biases == "all"
        if self.case.ffn_form == "weight_norm":
            return WeightNormLinear(width_in, width_out, with_bias)
        made = nn.Linear(width_in, width_out, bias=with_bias)
        return parametrizations.spectral_norm(made) if self.case.ffn_form != "plain" else made

    def feed_forward(self, x: Tensor) -> Tensor:
        if self.case.fused:
            return self.dropout(self.w(x))
        return self.dropout(self.w_out(self.activate(self.w_in(x))))

    def activate(self, x: Tensor) -> Tensor:
        if self.case.activation == "gelu":
            return functional.gelu(x)
        if self.case.activation == "relu":
            return functional.relu(x)
        if self.case.activation == "leaky_relu":
            return functional.prelu(x, self.slope.to(x.dtype))
        if self.case.activation == "quadratic":
            return (x + 1).square() * 0.125 + 0.375
        return x

    def dropout(self, x: Tensor) -> Tensor:
        p = self.case.dropout_residual
        return functional.dropout(x, p) if p > 0 else x

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm1(x)
        attended = self.dropout(self.attention(normed))
        if self.case.simplified:
            return self.join_simplified(normed, attended)
        h = x + attended
        if not self.has_ffn:
            return h
        made = self.feed_forward(self.norm2(x if self.case.parallel else h))
        if self.case.scaled:
            return self.skip_gain * h + made / self.ffn_gain
        return h + made

    def join_simplified(self, normed: Tensor, attended: Tensor) -> Tensor:
        h = self.attention_gain * attended
        if not self.has_ffn:
            return h
        if self.case.parallel:
            return h + self.ffn_gain * self.feed_forward(normed)
        return self.skip_gain * h + self.ffn_gain * self.feed_forward(self.norm2(h))


def penalty(entropies: list[Tensor], thresholds: Tensor, reduction: str) -> Tensor:
    """The penalty of src/model, with gamma = 0.2 and E_max = 1."""
    total = torch.zeros(())
    for entropy, threshold in zip(entropies, thresholds, strict=True):
        if reduction == "mean":
            deviation = entropy.mean(dim=(0, 2)) - threshold
        else:
            deviation = entropy - threshold[:, None]
        total = total + deviation.square().masked_fill(deviation.abs() <= 0.2, 0).sum()
    return total


def saved_bytes(case: Case) -> int:
    """Bytes of the storages that autograd keeps, each once."""
    torch.manual_seed(0)
    tokens = nn.Embedding(97, case.width)
    positions = nn.Embedding(case.context, case.width)
    blocks = nn.ModuleList(Block(case, layer) for layer in range(case.layers))
    kind = case.norm if case.norm != "none" else "layernorm"
    final_norm = Norm(kind if case.final_norm else "none", case.width)
    parts = (tokens, positions, blocks, final_norm)
    owned = {p.untyped_storage().data_ptr() for part in parts for p in part.parameters()}
    number_a_position = 4 * case.context
    thresholds = nn.Parameter(torch.full((case.layers, case.heads), 0.5))
    owned.add(thresholds.untyped_storage().data_ptr())
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in owned and storage.nbytes() > number_a_position:
            kept[storage.data_ptr()] = storage
        return tensor

    ids = torch.randint(97, (case.batch, case.context))
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", case.dtype, enabled=case.dtype != torch.float32),
    ):
        x = tokens(ids)
        if not case.pythia:
            x = x + positions.weight[: case.context]
        if case.dropout_embedding > 0:
            x = functional.dropout(x, case.dropout_embedding)
        for block in blocks:
            x = block(x)
        final_norm(x)
        if case.penalty != "none":
            entropies = [block.attention.entropy for block in blocks]
            # Alive, though not saved, until all layers have theirs and the penalty is taken.
            kept.update((e.untyped_storage().data_ptr(), e.untyped_storage()) for e in entropies)
            penalty(entropies, thresholds, case.penalty)
    return sum(storage.nbytes() for storage in kept.values())


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for case in tqdm(CASES, disable=None):
        halved = replace(case, dtype=torch.bfloat16)
        tqdm.write(f'{{"{case.name}", {saved_bytes(case)}, {saved_bytes(halved)}}},')


if __name__ == "__main__":
    main()
