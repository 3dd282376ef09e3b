"""Makes a checkpoint of AERO from a ckpt.pt of nanoGPT.

It runs in the Python that has your PyTorch, with NumPy, and needs nothing else. The file is pickle:
PyTorch reads it with weights_only, which runs no code of it. nanoGPT keeps no tokenizer in it; copy
GPT-2's tokenizer.json into the new folder if the model was trained on GPT-2's tokens.

Example:
  scripts/convert_nanogpt.py out/ckpt.pt --out nanogpt
"""

from __future__ import annotations

import argparse
import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aero.core.command import run_command
from aero.core.errors import UsageError
from aero.core.files import write_whole
from aero.core.options import Parser

_SIZES = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size")
_OUTER = {"tokens": "wte", "positions": "wpe", "final_norm": "ln_f"}
_BLOCK = {
    "norm1": "ln_1",
    "attention.o": "attn.c_proj",
    "norm2": "ln_2",
    "ffn.w_in": "mlp.c_fc",
    "ffn.w_out": "mlp.c_proj",
}


class _Taker:
    """Takes tensors by nanoGPT's names, and knows which are left."""

    def __init__(self, file: Path, tensors: Mapping[str, Tensor]) -> None:
        self.file = file
        self.left = {name.removeprefix("_orig_mod."): t for name, t in tensors.items()}

    def take(self, name: str) -> Tensor:
        if name not in self.left:
            raise UsageError(f"{self.file}: model: it lacks {name}, which nanoGPT's GPT has")
        return self.left.pop(name).detach().to("cpu", torch.float32).contiguous()


def _load(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Returns model_args and the tensors of a ckpt.pt."""
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UsageError(f"{file}: no checkpoint of nanoGPT that PyTorch reads safely") from error
    arguments = content.get("model_args") if isinstance(content, dict) else None
    if not isinstance(arguments, dict) or not isinstance(content.get("model"), dict):
        raise UsageError(f"{file}: it lacks model_args or model; a ckpt.pt of nanoGPT has both")
    for key in _SIZES:
        if type(arguments.get(key)) is not int:
            raise UsageError(f"{file}: model_args: {key}: expected a whole number")
    return arguments, content["model"]


def _config(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the section "model" of AERO's config."""
    has_bias = bool(arguments.get("bias", True))
    rate = float(arguments.get("dropout", 0.0))
    return {
        "family": "gpt2",
        "n_layer": arguments["n_layer"],
        "n_head": arguments["n_head"],
        "d_model": arguments["n_embd"],
        "context": arguments["block_size"],
        "vocab_size": arguments["vocab_size"],
        "activation": "gelu",  # nn.GELU(), the exact one
        "biases": "all" if has_bias else "none",
        "norm_bias": has_bias,
        "dropout": {"embedding": rate, "attention": rate, "residual": rate},
    }


def _weights(taker: _Taker, layers: int, has_bias: bool) -> dict[str, Tensor]:
    """Returns the tensors by AERO's names, whose matrices are [out, in] as nanoGPT's are."""
    kinds = ("weight", "bias") if has_bias else ("weight",)
    ours: dict[str, Tensor] = {}
    for name, their_name in _OUTER.items():
        for kind in kinds if name == "final_norm" else ("weight",):
            ours[f"{name}.{kind}"] = taker.take(f"transformer.{their_name}.{kind}")
    for layer in range(layers):
        block, source = f"blocks.{layer}", f"transformer.h.{layer}"
        for kind in kinds:
            for name, their_name in _BLOCK.items():
                ours[f"{block}.{name}.{kind}"] = taker.take(f"{source}.{their_name}.{kind}")
            fused = taker.take(f"{source}.attn.c_attn.{kind}")
            for part, tensor in zip("qkv", fused.chunk(3), strict=True):
                ours[f"{block}.attention.{part}.{kind}"] = tensor
        taker.left.pop(f"{source}.attn.bias", None)  # the mask of attention without a fused kernel
    taker.left.pop("lm_head.weight", None)  # the embedding itself
    return ours


def _safetensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Writes float32 tensors in the safetensors format."""
    header: dict[str, object] = {}
    payload = bytearray()
    for name, tensor in sorted(tensors.items()):
        first = len(payload)
        payload += tensor.contiguous().numpy().tobytes()
        shape, offsets = list(tensor.shape), [first, len(payload)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(payload)


def convert() -> int:
    """Returns the exit status."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="ckpt.pt of nanoGPT")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    options = parser.parse_args()
    if options.out.exists():
        raise UsageError(f"{options.out}: exists already; name another folder, or remove it")
    arguments, tensors = _load(options.checkpoint)
    taker = _Taker(options.checkpoint, tensors)
    config = _config(arguments)
    weights = _weights(taker, config["n_layer"], config["norm_bias"])
    for name in taker.left:
        raise UsageError(f"{options.checkpoint}: model: {name} is no tensor of nanoGPT's GPT")
    options.out.mkdir(parents=True)
    text = json.dumps({"model": config}, indent=2) + "\n"
    write_whole(
        {
            options.out / "weights.safetensors": _safetensors(weights),
            options.out / "config.json": text.encode(),
        }
    )
    print(f"{options.out}: {sum(t.numel() for t in weights.values()):,} parameters")
    return 0


def main() -> int:
    """Runs the script, and returns its exit status."""
    return run_command(convert)
