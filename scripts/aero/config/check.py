"""Checks the section "model" of a checkpoint's config before anything builds on it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from aero.config.model import ModelConfig, OwnPartsError
from aero.core.errors import UsageError
from aero.core.jsonc import load_object
from aero.core.options import shown
from aero.core.places import ROOT

AT_LEAST_ONE = ("n_layer", "n_head", "d_model", "context", "vocab_size")


def _choices() -> dict[str, list[str]]:
    """Reads the names that keys may take from configs/schema.json."""
    schema = load_object(ROOT / "configs" / "schema.json")
    keys = schema["properties"]["model"]["properties"]
    return {key: about["enum"] for key, about in keys.items() if "enum" in about}


def read_config(section: Mapping[str, Any], file: str) -> ModelConfig:
    """Reads the section. Raises AeroError that names the file, the key and the value."""

    def refuse(key: str, what: str) -> UsageError:
        value = shown(str(section.get(key, getattr(ModelConfig(), key))))
        return UsageError(f"{file}: model.{key}: {value}: expected {what}")

    choices = _choices()
    for field in dataclasses.fields(ModelConfig):
        key = field.name
        if key not in section:
            continue
        value, kind = section[key], type(getattr(ModelConfig(), key))
        if kind in (bool, str) and type(value) is not kind:
            raise refuse(key, "true or false" if kind is bool else "a text")
        if kind is int and (type(value) is not int or value < (key in AT_LEAST_ONE)):
            raise refuse(key, f"a whole number, at least {int(key in AT_LEAST_ONE)}")
        if kind is float and not (type(value) in (int, float) and math.isfinite(value)):
            raise refuse(key, "a number")
        if key in choices and value not in choices[key]:
            raise refuse(key, "one of " + ", ".join(choices[key]))
    if not all(type(layer) is int for layer in _as_list(section.get("ffn_pruned_layers", []))):
        raise refuse("ffn_pruned_layers", "a list of layers")
    try:
        config = ModelConfig.from_dict(section)
    except OwnPartsError as error:
        raise UsageError(f"{file}: {error}; only that program runs the model") from error
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{file}: model.ereg, model.norm_fixed or model.simplified is not a section that AERO "
            f"writes"
        ) from error
    if config.d_model % config.n_head != 0:
        raise refuse("d_model", f"a multiple of n_head, {config.n_head}")
    return config


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [None]
