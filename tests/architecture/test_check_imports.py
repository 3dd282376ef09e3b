"""Tests the checker of imports on small packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_imports import Room, faults_of_plan, find_faults, read_plan

PLAN = """# The house

| floor | room | what is in it |
|---|---|---|
| 1 | `ops` | of the other half |

| floor | room | stands on | what is in it |
|---|---|---|---|
| 3 | `commands` | `private.run` | |
| 2 | `private.run` | `core` | |
| 2 | `corpus` | `core` | |
| 1 | `core` | | |

More text.
"""
WHOLE = {
    "core/__init__.py": '"""Shared."""\n',
    "core/launch.py": "import sys\n",
    "corpus/files.py": "from aero.core import launch\n",
    "private/run/party.py": "from aero.core.launch import launch\n",
    "commands/run.py": "import aero.core.launch\nfrom aero.private.run import party\n",
}


def faults(root: Path, files: dict[str, str], entries: dict[str, str] | None = None) -> list[str]:
    package = {f"scripts/aero/{name}": text for name, text in (WHOLE | files).items()}
    scripts = {f"scripts/{name}": text for name, text in (entries or {}).items()}
    for name, text in (package | scripts | {"docs/architecture.md": PLAN}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return find_faults(root)


def test_the_table_with_the_column_is_read_alone() -> None:
    plan = read_plan(PLAN)
    assert set(plan) == {"commands", "private.run", "corpus", "core"}
    assert plan["commands"] == Room(3, frozenset({"private.run"}))


def test_a_plan_stands_on_lower_floors() -> None:
    plan = {"a": Room(1, frozenset({"b", "c"})), "b": Room(1, frozenset())}
    assert list(faults_of_plan(plan)) == [
        "room 'a' stands on 'b', which is not on a lower floor",
        "room 'a' stands on 'c', which is not a room",
    ]


def test_downward_imports_pass(tmp_path: Path) -> None:
    entry = 'from aero.core.launch import launch\n\nlaunch("aero.commands.run")\n'
    files = {"__init__.py": "", "core/program.py": 'PROGRAM = "aero"\n'}
    assert faults(tmp_path, files, {"run.py": entry, "gpu/run.py": entry}) == []


@pytest.mark.parametrize(
    "line",
    [
        "from aero.commands import run",
        "from aero.commands.run import x",
        "import aero.commands.run",
        "if TYPE_CHECKING:\n    from aero.commands import run",
        'load("aero.commands.run")',
    ],
)
def test_an_upward_import_is_found(line: str, tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, {"private/run/spawn.py": line + "\n"})
    assert fault == (
        "scripts/aero/private/run/spawn.py imports aero.commands.run: "
        "room 'private.run' does not stand on 'commands'"
    )


def test_a_sideways_import_is_found(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, {"corpus/x.py": "from aero.private.run import party\n"})
    assert "room 'corpus' does not stand on 'private.run'" in fault


def test_an_upward_import_of_a_package_is_found(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, {"core/__init__.py": "from aero.corpus import files\n"})[:1]
    assert "scripts/aero/core/__init__.py imports aero.corpus.files" in fault


def test_a_module_in_no_room_is_found(tmp_path: Path) -> None:
    found = faults(tmp_path, {"odd/x.py": "", "loose.py": "", "private/x.py": ""})
    assert found == [
        f"scripts/aero/{name}: in no room of docs/architecture.md"
        for name in ("loose.py", "odd/x.py", "private/x.py")
    ]


def test_a_room_without_a_module_is_found(tmp_path: Path) -> None:
    (tmp_path / "scripts/aero").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/architecture.md").write_text(PLAN)
    assert "docs/architecture.md: room 'core' has no module" in find_faults(tmp_path)


def test_no_table_is_a_fault(tmp_path: Path) -> None:
    faults(tmp_path, {})
    (tmp_path / "docs/architecture.md").write_text("# The house\n")
    assert "no table of rooms" in find_faults(tmp_path)[-1]


def test_files_in_a_circle_are_found(tmp_path: Path) -> None:
    files = {
        "core/a.py": "from aero.core import b\n",
        "core/b.py": "from aero.core.c import x\n",
        "core/c.py": 'start("aero.core.a")\n',
    }
    (fault,) = faults(tmp_path, files)
    assert fault == "files in a circle: aero.core.a -> aero.core.b -> aero.core.c -> aero.core.a"


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    import json\n",
        "async def f():\n    from os import path\n",
        "class A:\n    def f(self):\n        if x:\n            import json\n",
    ],
)
def test_an_import_inside_a_function_is_found(text: str, tmp_path: Path) -> None:
    assert "an import inside a function" in faults(tmp_path, {"core/a.py": text})[0]


def test_a_relative_import_is_found(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, {"core/a.py": "from .launch import launch\n"})
    assert fault.endswith("line 1: a relative import; name the module in full")


def test_an_entry_point_launches_and_no_more(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, {}, {"run.py": "from aero.corpus import files\n"})
    assert fault == "scripts/run.py: imports aero.corpus.files; an entry point imports " + (
        "aero.core.launch alone"
    )
    called = "from aero.commands import run\n\nrun.main()\n"
    (fault,) = faults(tmp_path, {"commands/run.py": ""}, {"run.py": called})
    assert fault.startswith("scripts/run.py: imports aero.commands.run; an entry point imports ")
    (fault,) = faults(tmp_path, {}, {"run.py": "x = 1\n" * 26})
    assert fault == "scripts/run.py: 26 lines; an entry point has at most 25"
