#!/usr/bin/env python3
"""Measures what autograd keeps of a decoder's blocks between forward and backward on the CPU.

Prints the lines of tests/cost/memory_test.cpp's table: for each case the bytes of all storages that
saved_tensors_hooks sees, float32 parameters left out. The blocks are the operations of src/model in
PyTorch; the head and its loss are left out, for src/ops has them as a function of its own.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional
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


class Attention(nn.Module):
    """Causal softmax attention, with rotary positions over half of a head where asked for."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        width, with_bias = case.width, case.biases == "all"
        self.q, self.k = nn.Linear(width, width), nn.Linear(width, width)
        self.v = nn.Linear(width, width, bias=with_bias)
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
        mixed = functional.scaled_dot_product_attention(
            q, k, self.heads(self.v(x)), dropout_p=self.case.dropout_attention, is_causal=True
        )
        return self.o(mixed.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """One layer."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.norm1, self.norm2 = Norm(case.norm, case.width), Norm(case.norm, case.width)
        self.attention = Attention(case)
        self.w_in = nn.Linear(case.width, case.ffn, bias=case.biases == "all")
        self.w_out = nn.Linear(case.ffn, case.width, bias=case.biases == "all")
        if case.activation == "leaky_relu":
            self.slope = nn.Parameter(torch.full((1,), 0.01))

    def activate(self, x: Tensor) -> Tensor:
        if self.case.activation == "gelu":
            return functional.gelu(x)
        if self.case.activation == "relu":
            return functional.relu(x)
        if self.case.activation == "leaky_relu":
            return functional.prelu(x, self.slope.to(x.dtype))
        return x

    def dropout(self, x: Tensor) -> Tensor:
        p = self.case.dropout_residual
        return functional.dropout(x, p) if p > 0 else x

    def forward(self, x: Tensor) -> Tensor:
        attended = self.attention(self.norm1(x))
        if self.case.parallel:
            widened = self.activate(self.w_in(self.norm2(x)))
            return self.dropout(self.w_out(widened)) + self.dropout(attended) + x
        h = x + self.dropout(attended)
        return h + self.dropout(self.w_out(self.activate(self.w_in(self.norm2(h)))))


def saved_bytes(case: Case) -> int:
    """Bytes of the storages that autograd keeps, each once."""
    torch.manual_seed(0)
    tokens = nn.Embedding(97, case.width)
    positions = nn.Embedding(case.context, case.width)
    blocks = nn.ModuleList(Block(case) for _ in range(case.layers))
    kind = case.norm if case.norm != "none" else "layernorm"
    final_norm = Norm(kind if case.final_norm else "none", case.width)
    parts = (tokens, positions, blocks, final_norm)
    owned = {p.untyped_storage().data_ptr() for part in parts for p in part.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in owned:
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
    return sum(storage.nbytes() for storage in kept.values())


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for case in tqdm(CASES, disable=None):
        halved = replace(case, dtype=torch.bfloat16)
        tqdm.write(f'{{"{case.name}", {saved_bytes(case)}, {saved_bytes(halved)}}},')


if __name__ == "__main__":
    main()
