"""The config of an AERO model in transformers. `aero export` puts this file beside the weights."""

from typing import Any

from transformers import PretrainedConfig


class AeroConfig(PretrainedConfig):
    """Holds the section "model" of an AERO config under `aero`, and what transformers asks for."""

    model_type = "aero"

    def __init__(self, aero: dict[str, Any] | None = None, **kwargs: Any) -> None:
        self.aero = dict(aero or {})
        self.vocab_size = self.aero.get("vocab_size", 50257)
        self.hidden_size = self.aero.get("d_model", 768)
        self.num_hidden_layers = self.aero.get("n_layer", 12)
        self.num_attention_heads = self.aero.get("n_head", 12)
        self.head_dim = self.hidden_size // self.num_attention_heads
        self.max_position_embeddings = self.aero.get("context", 128)
        kwargs["tie_word_embeddings"] = self.aero.get("tied_head", True)
        for derived in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"):
            kwargs.pop(derived, None)
        for derived in ("head_dim", "max_position_embeddings"):
            kwargs.pop(derived, None)
        super().__init__(**kwargs)
