"""Maps AERO's parameters to transformers' GPT2LMHeadModel and GPTNeoXForCausalLM, and back.

Both directions are linear rearrangements, so they hold for gradients as for weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM

from aero.config.model import ModelConfig

ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new", "relu": "relu"}

GPT2_OUTER = {
    "tokens.weight": "transformer.wte.weight",
    "positions.weight": "transformer.wpe.weight",
    "final_norm.weight": "transformer.ln_f.weight",
    "final_norm.bias": "transformer.ln_f.bias",
}
NEOX_OUTER = {
    "tokens.weight": "gpt_neox.embed_in.weight",
    "final_norm.weight": "gpt_neox.final_layer_norm.weight",
    "final_norm.bias": "gpt_neox.final_layer_norm.bias",
    "head.weight": "lm_head.weight",
}
GPT2_BLOCK = {
    "norm1": "ln_1",
    "attention.o": "attn.c_proj",
    "norm2": "ln_2",
    "ffn.w_in": "mlp.c_fc",
    "ffn.w_out": "mlp.c_proj",
}
NEOX_BLOCK = {
    "norm1": "input_layernorm",
    "attention.o": "attention.dense",
    "norm2": "post_attention_layernorm",
    "ffn.w_in": "mlp.dense_h_to_4h",
    "ffn.w_out": "mlp.dense_4h_to_h",
}


def build(config: ModelConfig, attention: str) -> nn.Module:
    """Makes a transformers model of the same shape, on the CPU, without dropout.

    Raises ValueError for a config of which transformers has no model.
    """
    plain = (
        config.norm == "layernorm"
        and config.attention == "softmax"
        and config.final_norm
        and config.norm_bias
        and config.biases == "all"
        and config.activation in ACTIVATIONS
        and config.tied_head == (config.family == "gpt2")
    )
    if not plain:
        raise ValueError("transformers has no model of this config")
    special = {"bos_token_id": None, "eos_token_id": None, "use_cache": False}
    if config.family == "gpt2":
        gpt2 = GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.position_rows,
            n_embd=config.d_model,
            n_layer=config.n_layer,
            n_head=config.n_head,
            n_inner=config.ffn_width,
            activation_function=ACTIVATIONS[config.activation],
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            layer_norm_epsilon=config.norm_eps,
            attn_implementation=attention,
            **special,
        )
        return GPT2LMHeadModel(gpt2)
    neox = GPTNeoXConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.d_model,
        num_hidden_layers=config.n_layer,
        num_attention_heads=config.n_head,
        intermediate_size=config.ffn_width,
        hidden_act=ACTIVATIONS[config.activation],
        max_position_embeddings=config.context,
        layer_norm_eps=config.norm_eps,
        use_parallel_residual=config.parallel_residual,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": config.rotary_base,
            "partial_rotary_factor": config.rotary_fraction,
        },
        tie_word_embeddings=False,
        attn_implementation=attention,
        **special,
    )
    return GPTNeoXForCausalLM(neox)


def to_huggingface(config: ModelConfig, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns a state_dict for the model that `build` makes."""
    if config.family == "gpt2":
        return _to_gpt2(config, ours)
    return _to_neox(config, ours)


def from_huggingface(config: ModelConfig, theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns by AERO's names the tensors that have transformers' parameter names."""
    if config.family == "gpt2":
        return _from_gpt2(config, theirs)
    return _from_neox(config, theirs)


def _transposed(name: str, tensor: Tensor) -> Tensor:
    """Transposes a matrix of GPT-2's Conv1D, which keeps it as [in, out]."""
    return tensor.t() if name.endswith("weight") and tensor.dim() == 2 else tensor


def _to_gpt2(config: ModelConfig, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    theirs = {their_name: ours[name] for name, their_name in GPT2_OUTER.items()}
    theirs["lm_head.weight"] = ours["tokens.weight"]
    for layer in range(config.n_layer):
        block, target = f"blocks.{layer}", f"transformer.h.{layer}"
        for kind in ("weight", "bias"):
            for name, their_name in GPT2_BLOCK.items():
                tensor = ours[f"{block}.{name}.{kind}"]
                theirs[f"{target}.{their_name}.{kind}"] = _transposed(kind, tensor)
            parts = [ours[f"{block}.attention.{part}.{kind}"] for part in "qkv"]
            theirs[f"{target}.attn.c_attn.{kind}"] = _transposed(kind, torch.cat(parts))
    return {name: tensor.clone().contiguous() for name, tensor in theirs.items()}


def _from_gpt2(config: ModelConfig, theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    ours = {name: theirs[their_name] for name, their_name in GPT2_OUTER.items()}
    for layer in range(config.n_layer):
        block, source = f"blocks.{layer}", f"transformer.h.{layer}"
        for kind in ("weight", "bias"):
            for name, their_name in GPT2_BLOCK.items():
                tensor = theirs[f"{source}.{their_name}.{kind}"]
                ours[f"{block}.{name}.{kind}"] = _transposed(kind, tensor)
            fused = _transposed(kind, theirs[f"{source}.attn.c_attn.{kind}"])
            for part, tensor in zip("qkv", fused.chunk(3), strict=True):
                ours[f"{block}.attention.{part}.{kind}"] = tensor
    return {name: tensor.clone().contiguous() for name, tensor in ours.items()}


def _to_neox(config: ModelConfig, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    theirs = {their_name: ours[name] for name, their_name in NEOX_OUTER.items()}
    for layer in range(config.n_layer):
        block, target = f"blocks.{layer}", f"gpt_neox.layers.{layer}"
        for kind in ("weight", "bias"):
            for name, their_name in NEOX_BLOCK.items():
                theirs[f"{target}.{their_name}.{kind}"] = ours[f"{block}.{name}.{kind}"]
            # The rows are ordered head by head, and within a head q, k, v.
            parts = [
                ours[f"{block}.attention.{part}.{kind}"].unflatten(0, (config.n_head, -1))
                for part in "qkv"
            ]
            fused = torch.stack(parts, dim=1).flatten(0, 2)
            theirs[f"{target}.attention.query_key_value.{kind}"] = fused
    return {name: tensor.clone().contiguous() for name, tensor in theirs.items()}


def _from_neox(config: ModelConfig, theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    ours = {name: theirs[their_name] for name, their_name in NEOX_OUTER.items()}
    for layer in range(config.n_layer):
        block, source = f"blocks.{layer}", f"gpt_neox.layers.{layer}"
        for kind in ("weight", "bias"):
            for name, their_name in NEOX_BLOCK.items():
                ours[f"{block}.{name}.{kind}"] = theirs[f"{source}.{their_name}.{kind}"]
            fused = theirs[f"{source}.attention.query_key_value.{kind}"]
            split = fused.unflatten(0, (config.n_head, 3, config.d_head))
            for index, part in enumerate("qkv"):
                ours[f"{block}.attention.{part}.{kind}"] = split[:, index].flatten(0, 1)
    return {name: tensor.clone().contiguous() for name, tensor in ours.items()}
