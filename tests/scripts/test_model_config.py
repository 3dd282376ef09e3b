"""Tests that Python's ModelConfig has the keys, defaults and choices of configs/schema.json."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from aero.config.check import AT_LEAST_ONE, read_config
from aero.config.model import EregConfig, ModelConfig, NormFixedConfig, SimplifiedConfig
from aero.core.errors import UsageError

SCHEMA = Path(__file__).resolve().parents[2] / "configs" / "schema.json"
# These keys name a model, begin its training or bring other parts; none says what AERO computes.
PASSED_OVER = {"architecture", "dropout", "init", "init_std", "own_parts", "preset"}
PASSED_OVER |= {"residual_scaling"}
SECTIONS = {"ereg": EregConfig, "norm_fixed": NormFixedConfig, "simplified": SimplifiedConfig}
MODEL: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]["model"]
KEYS: dict[str, Any] = MODEL["properties"]


def defaults_of(config: Any) -> dict[str, Any]:
    """Returns the values by their names in a config: lambda_ of Python is lambda there."""
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    return {
        name.rstrip("_"): list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def test_the_keys_are_those_of_the_language() -> None:
    known = {field.name for field in dataclasses.fields(ModelConfig)}
    assert known == KEYS.keys() - PASSED_OVER
    assert KEYS.keys() >= PASSED_OVER
    assert {key for key in known if KEYS[key].get("type") == "object"} == SECTIONS.keys()


def test_the_defaults_are_those_of_the_language() -> None:
    ours = {key: value for key, value in defaults_of(ModelConfig()).items() if key not in SECTIONS}
    assert ours == {key: KEYS[key]["default"] for key in ours}
    assert all(type(value) is type(KEYS[key]["default"]) for key, value in ours.items())


@pytest.mark.parametrize("section", SECTIONS)
def test_the_sections_are_those_of_the_language(section: str) -> None:
    theirs = {name: key["default"] for name, key in KEYS[section]["properties"].items()}
    assert defaults_of(SECTIONS[section]()) == theirs
    assert defaults_of(getattr(ModelConfig(), section)) == theirs


def test_a_section_of_the_language_is_read() -> None:
    section = {key: KEYS[key]["default"] for key in KEYS if "default" in KEYS[key]}
    for name in SECTIONS:
        inner = KEYS[name]["properties"]
        section[name] = {key: inner[key]["default"] for key in inner}
    assert ModelConfig.from_dict(section) == ModelConfig()


@pytest.mark.parametrize(
    "key", sorted(key for key in KEYS.keys() - PASSED_OVER if "enum" in KEYS[key])
)
def test_a_name_that_the_language_lacks_is_refused(key: str) -> None:
    choices = ", ".join(KEYS[key]["enum"])
    with pytest.raises(UsageError, match=f"run.json: model.{key}: .*one of {choices}"):
        read_config({key: "Softmax"}, "run.json")


def test_the_numbers_above_0_are_those_of_the_language() -> None:
    whole = (key for key in KEYS.keys() - PASSED_OVER if KEYS[key].get("type") == "integer")
    assert {key for key in whole if KEYS[key]["minimum"] == 1} == set(AT_LEAST_ONE)
