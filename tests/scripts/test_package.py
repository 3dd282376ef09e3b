"""Tests that pyproject.toml agrees with versions.env, CMakeLists.txt and the imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "scripts" / "aero"
ROOMS = {
    "corpus": ("corpus",),
    "results": ("results", "checkpoint/run_folder.py", "checkpoint/kinds.py", "core", "config"),
    "golden": ("golden", "reference", "benchmark", "check", "core", "config"),
    "private": ("private", "checkpoint", "core", "config"),
}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def versions(*names: str) -> dict[str, str]:
    """Returns the pins of arrays of versions.env, as bash reads them."""
    arrays = " ".join(f'"${{{name}[@]}}"' for name in names)
    script = f'source "$1" && printf "%s\\n" {arrays}'
    command = ["bash", "-c", script, "bash", str(ROOT / "scripts" / "versions.env")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split("==") for line in said.split())


def packages_imported(place: Path) -> set[str]:
    """Returns the packages that modules load, without Python's own and this one."""
    found: set[str] = set()
    for file in [place] if place.is_file() else place.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"aero"}


def test_the_version_is_that_of_the_program() -> None:
    line = re.search(r"^project\(aero VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M)
    assert line is not None
    assert project()["project"]["version"] == line[1]


@pytest.mark.parametrize(
    ("extra", "arrays"),
    [
        ("corpus", ["AERO_PYTHON_PACKAGES"]),
        ("results", ["AERO_PYTHON_PACKAGES"]),
        ("golden", ["AERO_PYTHON_PACKAGES", "AERO_PYTHON_GOLDEN"]),
        ("private", ["AERO_SPU_PACKAGES"]),
    ],
)
def test_an_extra_has_the_versions_that_set_up_installs(extra: str, arrays: list[str]) -> None:
    pins = dict(pin.split("==") for pin in project()["project"]["optional-dependencies"][extra])
    known = versions(*arrays)
    if "torch" in pins:
        text = (ROOT / "scripts" / "versions.env").read_text(encoding="utf-8")
        known["torch"] = re.findall(r"^AERO_TORCH_VERSION=(.+)$", text, re.M)[0]
    assert pins == {name: known.get(name) for name in pins}
    if extra == "private":  # nothing beside the list is resolved
        assert pins == known


@pytest.mark.parametrize("extra", ROOMS)
def test_an_extra_has_what_its_rooms_import(extra: str) -> None:
    pins = project()["project"]["optional-dependencies"][extra]
    imported = set().union(*(packages_imported(PACKAGE / place) for place in ROOMS[extra]))
    assert imported <= {pin.partition("==")[0] for pin in pins}


def test_python_and_setuptools_are_those_of_set_up() -> None:
    text = (ROOT / "scripts" / "versions.env").read_text(encoding="utf-8")
    least = re.findall(r"^AERO_PYTHON_MINIMUM=(.+)$", text, re.M)[0]
    assert project()["project"]["requires-python"] == f">={least}"
    setuptools = versions("AERO_PYTHON_CONSTRAINTS")["setuptools"]
    assert project()["build-system"]["requires"] == [f"setuptools=={setuptools}"]
