"""Checks that scripts/aero imports downward only, by the table of docs/architecture.md."""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from circles import circle_of

PACKAGE = "aero"
LAUNCHER = "aero.core.launch"
LONGEST_ENTRY = 25  # lines
ROW = re.compile(r"^\| (\d+) \| `([\w.]+)` \|([^|]*)\|", re.MULTILINE)


@dataclass(frozen=True)
class Room:
    """Holds a row of the table."""

    floor: int
    stands_on: frozenset[str]


Plan = dict[str, Room]


def read_plan(text: str) -> Plan:
    """Reads the rooms of the table that has a column "stands on"."""
    table = text.partition("| floor | room | stands on |")[2].partition("\n\n")[0]
    return {
        name: Room(int(floor), frozenset(re.findall(r"`([\w.]+)`", lower)))
        for floor, name, lower in ROW.findall(table)
    }


def faults_of_plan(plan: Plan) -> Iterator[str]:
    for name, room in plan.items():
        for lower in sorted(room.stands_on):
            if lower not in plan:
                yield f"room '{name}' stands on '{lower}', which is not a room"
            elif plan[lower].floor >= room.floor:
                yield f"room '{name}' stands on '{lower}', which is not on a lower floor"


def below(plan: Plan, name: str) -> set[str]:
    """Returns the room itself and all rooms that it stands on, also through others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        room = waiting.pop()
        if room not in found and room in plan:
            found.add(room)
            waiting.extend(plan[room].stands_on)
    return found


def room_of(module: str, plan: Plan) -> str:
    """Returns the longest room that the module's name begins with, or the name's first part."""
    parts = module.split(".")[1:]
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in plan), parts[0] if parts else PACKAGE)


def module_of(file: Path, scripts: Path) -> str:
    return ".".join(file.relative_to(scripts).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.Module, modules: set[str]) -> Iterator[str]:
    """Yields the package's modules that a file loads, also those that it names in a string, to load
    them later or in another process.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith(f"{PACKAGE}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield whole if whole in modules else str(node.module)
        elif isinstance(node, ast.Constant) and node.value in modules - {PACKAGE}:
            yield str(node.value)


def faults_of_style(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"line {node.lineno}: a relative import; name the module in full"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    yield f"line {inner.lineno}: an import inside a function"


def faults_of_entry(file: Path, tree: ast.Module, modules: set[str]) -> Iterator[str]:
    """Yields what an entry point does beside launching a command."""
    lines = len(file.read_text(encoding="utf-8").splitlines())
    if lines > LONGEST_ENTRY:
        yield f"{lines} lines; an entry point has at most {LONGEST_ENTRY}"
    launched = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    commands = {name for name in modules & launched if name.startswith(f"{PACKAGE}.commands.")}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    by_statement = set(imports_of(ast.Module(list[ast.stmt](imports), []), modules))
    for module in imports_of(tree, modules):
        if module != LAUNCHER and (module in by_statement or module not in commands):
            yield f"imports {module}; an entry point imports {LAUNCHER} alone"


def find_faults(root: Path) -> list[str]:
    scripts = root / "scripts"
    plan = read_plan((root / "docs" / "architecture.md").read_text(encoding="utf-8"))
    faults = list(faults_of_plan(plan))
    files = {module_of(file, scripts): file for file in (scripts / PACKAGE).rglob("*.py")}
    modules, graph = set(files), {}
    for module, file in sorted(files.items()):
        name, room = file.relative_to(root).as_posix(), room_of(module, plan)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        faults += [f"{name}: {fault}" for fault in faults_of_style(tree)]
        graph[module] = set(imports_of(tree, modules)) - {module}
        if file.name == "__init__.py" and not graph[module]:
            continue
        if room not in plan:
            faults.append(f"{name}: in no room of docs/architecture.md")
            continue
        lower = below(plan, room)
        faults += [
            f"{name} imports {target}: room '{room}' does not stand on '{room_of(target, plan)}'"
            for target in sorted(graph[module])
            if room_of(target, plan) not in lower
        ]
    for name in plan:
        if not any(room_of(module, plan) == name for module in modules):
            faults.append(f"docs/architecture.md: room '{name}' has no module")
    if circle := circle_of(graph):
        faults.append(f"files in a circle: {' -> '.join(circle)}")
    for file in sorted([*scripts.glob("*.py"), *scripts.glob("gpu/*.py")]):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        name = file.relative_to(root).as_posix()
        faults += [f"{name}: {fault}" for fault in faults_of_style(tree)]
        faults += [f"{name}: {fault}" for fault in faults_of_entry(file, tree, modules)]
    if not plan or not modules:
        faults.append(f"{root}: no table of rooms in docs/architecture.md, or no scripts/aero")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="the folder that holds docs/ and scripts/")
    faults = find_faults(parser.parse_args().root)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
