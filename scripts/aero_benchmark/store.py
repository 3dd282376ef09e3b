"""Measurements in a file, each written as soon as it is there, so that a program can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aero_results.command import note
from aero_results.files import write_text
from aero_results.jsonc import load_object


class Store:
    """An object of JSON: "machine", "measurements" by name, and what is added to it.

    Measurements of another machine, program or kind are put aside, since they do not compare.
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
            aside = path.with_name(f"{path.stem}.before{path.suffix}")
            path.replace(aside)
            note(f"{path} is of another machine, program or size: put aside as {aside.name}")

    def get(self, name: str) -> Any:
        """None where it is not measured."""
        return self._content["measurements"].get(name)

    def measured(self) -> dict[str, Any]:
        """All of them, by name."""
        return self._content["measurements"]

    def put(self, name: str, value: Any) -> None:
        """Written at once."""
        self._content["measurements"][name] = value
        self.write()

    def write(self, **more: Any) -> None:
        """With further fields."""
        self._content.update(more)
        write_text(self._path, json.dumps(self._content, indent=1) + "\n")
