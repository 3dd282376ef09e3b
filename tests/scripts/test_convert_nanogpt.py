"""Tests scripts/convert_nanogpt.py on files as nanoGPT saves them, by a GPT of PyTorch's parts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
AERO = os.environ.get("AERO_PROGRAM", "build/release/bin/aero")
ARGUMENTS = {"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 12, "vocab_size": 50}


class Norm(nn.Module):
    """Is nanoGPT's LayerNorm, whose bias is optional."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(16))
        self.bias = nn.Parameter(torch.zeros(16)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, (16,), self.weight, self.bias, 1e-5)


class Block(nn.Module):
    """Is nanoGPT's Block, with its names."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        linear = {
            "c_attn": nn.Linear(16, 48, bias=bias),
            "c_proj": nn.Linear(16, 16, bias=bias),
        }
        self.ln_1, self.ln_2 = Norm(bias), Norm(bias)
        self.attn = nn.ModuleDict(linear)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(16, 64, bias=bias), "c_proj": nn.Linear(64, 16, bias=bias)}
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = self.attn["c_attn"](self.ln_1(x)).split(16, dim=2)
        q, k, v = (part.unflatten(2, (2, 8)).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn["c_proj"](mixed.transpose(1, 2).flatten(2))
        return x + self.mlp["c_proj"](functional.gelu(self.mlp["c_fc"](self.ln_2(x))))


class Gpt(nn.Module):
    """Is nanoGPT's GPT, with its names and its tied head."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        wte, wpe = nn.Embedding(50, 16), nn.Embedding(12, 16)
        blocks = nn.ModuleList(Block(bias) for _ in range(2))
        parts = {"wte": wte, "wpe": wpe, "h": blocks, "ln_f": Norm(bias)}
        self.transformer = nn.ModuleDict(parts)
        self.lm_head = nn.Linear(16, 50, bias=False)
        self.lm_head.weight = wte.weight

    def forward(self, tokens: Tensor) -> Tensor:
        parts = dict(self.transformer.named_children())
        x: Tensor = parts["wte"](tokens) + parts["wpe"](torch.arange(tokens.shape[1]))
        for block in parts["h"].children():
            x = block(x)
        logits: Tensor = self.lm_head(parts["ln_f"](x))
        return logits


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)


def convert(file: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, SCRIPTS / "convert_nanogpt.py", file, "--out", out)


@pytest.mark.parametrize(("bias", "prefix"), [(True, ""), (False, "_orig_mod.")])
def test_the_logits_are_nanogpts(tmp_path: Path, bias: bool, prefix: str) -> None:
    torch.manual_seed(1)
    model = Gpt(bias)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    state = {prefix + name: tensor for name, tensor in model.state_dict().items()}
    content: dict[str, Any] = {
        "model": state,
        "model_args": {**ARGUMENTS, "bias": bias, "dropout": 0.0},
        "iter_num": 5,
        "best_val_loss": torch.tensor(3.0),
        "config": {"dataset": "openwebtext"},
    }
    torch.save(content, tmp_path / "ckpt.pt")
    done = convert(tmp_path / "ckpt.pt", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    tokens = [3, 1, 4, 1, 5, 9, 2, 6]
    out = tmp_path / "logits.safetensors"
    words = ",".join(map(str, tokens))
    done = run(AERO, "inspect", tmp_path / "made", "--logits", words, "--out", out)
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        expected = model(torch.tensor([tokens]))
    assert (load_file(out)["logits"] - expected).abs().max() <= 1e-5


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"weights": 1}, "model_args"),
        ({"model": {}, "model_args": ARGUMENTS | {"n_layer": "two"}}, "n_layer"),
        ({"model": {}, "model_args": ARGUMENTS}, "transformer.wte.weight"),
        ({"model": {}, "model_args": ARGUMENTS, "f": Path}, "safely"),
    ],
)
def test_another_file_gets_one_error_and_leaves_nothing(
    tmp_path: Path, content: dict[str, Any], word: str
) -> None:
    torch.save(content, tmp_path / "ckpt.pt")
    done = convert(tmp_path / "ckpt.pt", tmp_path / "made")
    assert done.returncode == 2 and word in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "made").exists()
