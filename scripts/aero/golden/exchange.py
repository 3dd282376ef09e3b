"""Makes tiny GPT-2 and GPT-NeoX folders by transformers, with their logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    PreTrainedModel,
)

VOCABULARY = 37
TOKENS = (2, 11)
NO_TOKENS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None}


def gpt2(**keys: Any) -> PreTrainedModel:
    """Returns a tiny GPT-2 with the given keys of its config changed."""
    base = {"vocab_size": VOCABULARY, "n_positions": 12, "n_embd": 12, "n_layer": 2, "n_head": 3}
    return GPT2LMHeadModel(GPT2Config(**(base | NO_TOKENS | keys)))


def neox(**keys: Any) -> PreTrainedModel:
    """Returns a tiny GPT-NeoX with the given keys of its config changed."""
    base = {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 12,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    return GPTNeoXForCausalLM(GPTNeoXConfig(**(base | NO_TOKENS | keys)))


def models() -> dict[str, PreTrainedModel]:
    """Returns the models by name. Together they take every setting away from its default."""
    return {
        "gpt2": gpt2(),
        "gpt2_untied": gpt2(
            tie_word_embeddings=False,
            activation_function="relu",
            n_inner=20,
            scale_attn_weights=False,
            layer_norm_epsilon=1e-3,
        ),
        "neox": neox(),
        "neox_tied": neox(
            tie_word_embeddings=True,
            hidden_act="gelu_new",
            intermediate_size=24,
            use_parallel_residual=False,
            layer_norm_eps=1e-3,
            **rotary(0.5, 500),
        ),
    }


def rotary(fraction: float, base: float) -> dict[str, Any]:
    """Returns rotary settings in the keys of the transformers that runs."""
    if transformers.__version__.startswith("4."):
        return {"rotary_pct": fraction, "rotary_emb_base": base}
    return {
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": base,
            "partial_rotary_factor": fraction,
        }
    }


def draw_weights(model: PreTrainedModel, seed: int) -> None:
    """Draws weights so large that every part has an effect, with the same bits everywhere."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        is_gain = name.endswith("weight") and parameter.dim() == 1
        noise = torch.rand(parameter.shape, generator=generator) - 0.5
        parameter.data = noise * 0.8 + is_gain


def make_folders(out: Path) -> None:
    """Writes all folders below `out`, in one that is named after the version of transformers."""
    version = transformers.__version__.split(".")[0]
    for seed, (name, model) in enumerate(models().items()):
        folder = out / f"transformers-{version}" / name
        draw_weights(model, seed)
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randint(VOCABULARY, TOKENS, generator=generator)
        # GPT-NeoX's eager attention takes its softmax in float32 whatever the type is, and GPT-2's
        # "sdpa" of transformers 4 takes no notice of scale_attn_weights.
        attention = "eager" if name.startswith("gpt2") else "sdpa"
        model.double().eval().set_attn_implementation(attention)
        with torch.no_grad():
            logits = model(tokens).logits
        save_file({"tokens": tokens, "logits": logits}, folder / "expected.safetensors")
