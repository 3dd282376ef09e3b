"""Keeps measurements in a file, each written at once, so that a program can continue later."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

from aero.core.command import note
from aero.core.files import write_text
from aero.core.jsonc import load_object


def _free_beside(path: Path) -> Path:
    """Returns X.before.json for X.json, or else X.before2.json and so on."""
    names = (f"{path.stem}.before{n if n > 1 else ''}{path.suffix}" for n in count(1))
    return next(place for name in names if not (place := path.with_name(name)).exists())


class Store:
    """Writes an object of JSON with "machine", "measurements" by name, and further fields.

    A file of another machine, program or kind cannot be compared with, and is moved aside.
    """

    def __init__(self, path: Path, machine: dict[str, str], kind: dict[str, Any]) -> None:
        self._path = path
        self._content: dict[str, Any] = {"machine": machine, "kind": kind, "measurements": {}}
        if not path.is_file():
            return
        found = load_object(path)
        if found.get("machine") == machine and found.get("kind") == kind:
            self._content = found
        else:
            aside = _free_beside(path)
            path.replace(aside)
            note(f"{path} is of another machine, program or size; it was moved to {aside.name}")

    def get(self, name: str) -> Any:
        """Returns a measurement, or None where it is not there."""
        return self._content["measurements"].get(name)

    def measured(self) -> dict[str, Any]:
        """Returns all measurements by name."""
        measurements: dict[str, Any] = self._content["measurements"]
        return measurements

    def put(self, name: str, value: Any) -> None:
        """Adds a measurement and writes the file."""
        self._content["measurements"][name] = value
        self.write()

    def write(self, **more: Any) -> None:
        """Writes the file, with further fields."""
        self._content.update(more)
        write_text(self._path, json.dumps(self._content, indent=1) + "\n")
