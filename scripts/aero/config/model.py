"""Defines the section "model" of an AERO config."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class OwnPartsError(ValueError):
    """Reports that a program brought its own parts into the model, so nothing else can run it."""

    def __init__(self, parts: str) -> None:
        super().__init__(f"model.own_parts: {parts!r}: another program brought these parts")


@dataclass(frozen=True)
class EregConfig:
    """Holds the section "model.ereg"; `lambda_` is its key "lambda"."""

    enabled: bool = False
    lambda_: float = 0.1
    gamma: float = 0.2
    theta_init: float = 0.5
    reduction: str = "mean"


@dataclass(frozen=True)
class NormFixedConfig:
    """Holds "model.norm_fixed": shares of the training, and the momentum of the average."""

    start: float = 0.3
    end: float = 0.7
    momentum: float = 0.99


@dataclass(frozen=True)
class SimplifiedConfig:
    """Holds the section "model.simplified": initial values."""

    attention_gain: float = 1.0
    skip_gain: float = 1.0
    ffn_gain: float = 0.1
    shaped_init: float = 1.0


@dataclass(frozen=True)
class ModelConfig:
    """Holds the section "model" of an AERO config, with the same keys and defaults."""

    family: str = "gpt2"
    n_layer: int = 12
    n_head: int = 12
    d_model: int = 768
    d_ffn: int = 0  # 0: 4 d_model
    context: int = 128
    positions: int = 0  # 0: context
    vocab_size: int = 50257
    norm: str = "layernorm"
    final_norm: bool = True
    norm_bias: bool = True
    norm_eps: float = 1e-5
    activation: str = "gelu_tanh"
    leaky_slope: str = "layer"
    leaky_init: float = 0.01
    biases: str = "all"
    tied_head: bool = True
    parallel_residual: bool = False
    rotary_fraction: float = 0.25
    rotary_base: float = 10000.0
    ffn_form: str = "plain"
    qk_form: str = "plain"
    v_form: str = "plain"
    o_form: str = "plain"
    ffn_scaled: bool = False
    alpha_init: float = 0.0
    beta_init: float = 1.0
    ffn_fused: bool = False
    ffn_pruned: int = 0
    ffn_pruned_layers: tuple[int, ...] = ()
    attention: str = "softmax"
    two_quad_shift: float = 5.0
    temperature: str = "none"
    temperature_shape: str = "position"
    temperature_init: float = 0.01
    attention_scaled: bool = True
    ereg: EregConfig = field(default_factory=EregConfig)
    norm_fixed: NormFixedConfig = field(default_factory=NormFixedConfig)
    simplified: SimplifiedConfig = field(default_factory=SimplifiedConfig)

    @classmethod
    def from_dict(cls, section: Mapping[str, Any]) -> ModelConfig:
        """Reads the section. Ignores keys that only name the architecture or are for training.

        Raises OwnPartsError where the model has parts that are not AERO's.
        """
        if section.get("own_parts"):
            raise OwnPartsError(section["own_parts"])
        known = {field.name for field in dataclasses.fields(cls)}
        keys = {key: value for key, value in section.items() if key in known}
        if "ffn_pruned_layers" in keys:
            keys["ffn_pruned_layers"] = tuple(keys["ffn_pruned_layers"])
        if "ereg" in keys:
            ereg = dict(keys["ereg"])
            if "lambda" in ereg:
                ereg["lambda_"] = ereg.pop("lambda")
            keys["ereg"] = EregConfig(**ereg)
        if "norm_fixed" in keys:
            keys["norm_fixed"] = NormFixedConfig(**keys["norm_fixed"])
        if "simplified" in keys:
            keys["simplified"] = SimplifiedConfig(**keys["simplified"])
        return cls(**keys)

    def to_dict(self) -> dict[str, Any]:
        """Returns the section. Leaves out keys from ffn_form on, those of remedies and substitutes,
        that are at their defaults.
        """
        section = dataclasses.asdict(self)
        section["ffn_pruned_layers"] = list(self.ffn_pruned_layers)
        section["ereg"]["lambda"] = section["ereg"].pop("lambda_")
        names = [field.name for field in dataclasses.fields(self)]
        default = ModelConfig()
        for name in names[names.index("ffn_form") :]:
            if getattr(self, name) == getattr(default, name):
                del section[name]
        return section

    @property
    def d_head(self) -> int:
        return self.d_model // self.n_head

    @property
    def ffn_width(self) -> int:
        return self.d_ffn or 4 * self.d_model

    @property
    def alpha_start(self) -> float:
        return self.alpha_init or (0.3 if self.ffn_fused else 1.0)

    @property
    def final_norm_kind(self) -> str:
        if not self.final_norm:
            return "none"
        return "rmsnorm" if self.norm == "rmsnorm" else "layernorm"

    @property
    def temperature_columns(self) -> int:
        if self.temperature_shape not in ("position", "head"):
            raise ValueError(f"unknown shape of a temperature {self.temperature_shape!r}")
        return 1 if self.temperature_shape == "head" else self.context

    @property
    def position_rows(self) -> int:
        return self.positions or self.context

    @property
    def rotary_dimensions(self) -> int:
        return int(self.d_head * self.rotary_fraction) if self.family == "pythia" else 0

    def has_ffn(self, layer: int) -> bool:
        """Returns whether the block has an FFN, that is, whether it is not pruned."""
        return layer < self.n_layer - self.ffn_pruned and layer not in self.ffn_pruned_layers
