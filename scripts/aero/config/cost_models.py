"""Reads cost models: a file together with what it takes from the files that it extends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aero.core.errors import UsageError
from aero.core.jsonc import load_object
from aero.core.places import ROOT

SHIPPED = ROOT / "configs" / "cost"
# docs/cost-models.md lists the sections that are merged name by name.
_BY_NAME = ("private", "constants", "primitives", "uncharged")
_OWN = ("extends", "name", "source", "made_by")


def read_cost_model(file: Path, extended_by: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Returns the object that a file and the files that it extends make together."""
    model = load_object(file)
    if "extends" not in model:
        return model
    chain = (*extended_by, file.resolve())
    base_file = _base(str(model["extends"]), file)
    if base_file.resolve() in chain:
        raise UsageError(f"{file}: extends: {model['extends']}: a file cannot extend itself")
    base = read_cost_model(base_file, chain)
    merged = {key: value for key, value in base.items() if key not in _OWN}
    for key, value in model.items():
        below = merged.get(key)
        by_name = key in _BY_NAME and isinstance(below, dict) and isinstance(value, dict)
        merged[key] = below | value if by_name else value
    return merged


def _base(name: str, file: Path) -> Path:
    if "/" in name or name.endswith(".json"):
        return file.parent / name
    return SHIPPED / f"{name}.json"


def is_base(model: dict[str, Any]) -> bool:
    """Returns whether a model is only there to be extended and cannot price anything alone."""
    return "name" not in model and "constants" not in model
