"""Checks that includes run downward only, and that some libraries stay in their one file."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from circles import circle_of

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)

# Only one place may include each of these libraries; it is a path, or the beginning of one.
KEPT_IN = {
    "spdlog/": "src/core/log.cpp",
    "nlohmann/": "src/",
}

FloorPlan = dict[str, set[str]]


def parse_floor_plan(lines: list[str]) -> FloorPlan:
    """Reads "room:lower,lower", and returns every room with itself and all rooms below it."""
    direct = {}
    for line in lines:
        room, _, lower = line.partition(":")
        direct[room] = {name for name in lower.split(",") if name}
    return {room: reachable(room, direct) for room in direct}


def reachable(room: str, direct: FloorPlan) -> set[str]:
    found: set[str] = set()
    waiting = [room]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(direct.get(current, ()))
    return found


def files_of(root: Path, room: str) -> list[Path]:
    folders = [root / "include" / "aero" / room, root / "src" / room]
    return sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in {".h", ".cpp"}
    )


def room_of(include: str, rooms: FloorPlan) -> str | None:
    """Returns the room of a header: aero/<room>/x.h, or <room>/x.h for private ones."""
    parts = include.split("/")
    if parts[0] == "aero":
        return parts[1] if len(parts) > 2 else "aero.h"
    return parts[0] if len(parts) > 1 and parts[0] in rooms else None


def faults_of_file(root: Path, path: Path, room: str, rooms: FloorPlan) -> Iterator[str]:
    name = path.relative_to(root).as_posix()
    for include in INCLUDE.findall(path.read_text(encoding="utf-8")):
        target = room_of(include, rooms)
        if target is not None and target not in rooms[room]:
            yield f"{name} includes {include}: room '{room}' does not stand on '{target}'"
        for library, place in KEPT_IN.items():
            if include.startswith(library) and not name.startswith(place):
                yield f"{name} includes {include}: that library stays in {place}"


def unit_of(include: str, room: str) -> str | None:
    """Returns the header's unit in this room: a .cpp file and the headers of its name."""
    path = PurePosixPath(include)
    is_here = path.parent.as_posix() in {".", room, f"aero/{room}"}
    return path.stem if is_here and path.suffix == ".h" else None


def circle_in(root: Path, room: str) -> list[str]:
    """Returns a circle of units within a room, or nothing."""
    graph: dict[str, set[str]] = {}
    for path in files_of(root, room):
        lower = (unit_of(i, room) for i in INCLUDE.findall(path.read_text(encoding="utf-8")))
        graph.setdefault(path.stem, set()).update(u for u in lower if u and u != path.stem)
    return circle_of(graph)


def find_faults(root: Path, rooms: FloorPlan) -> list[str]:
    faults = []
    for folder in sorted((root / "include" / "aero").iterdir()):
        if folder.is_dir() and folder.name not in rooms:
            faults.append(f"{folder.relative_to(root)} is not a room of CMakeLists.txt")
    for room in rooms:
        for path in files_of(root, room):
            faults.extend(faults_of_file(root, path, room, rooms))
        if circle := circle_in(root, room):
            faults.append(f"room '{room}': files in a circle: {' -> '.join(circle)}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="the folder that holds include/ and src/")
    parser.add_argument("rooms", nargs="+", help="room:lower,lower as in CMakeLists.txt")
    arguments = parser.parse_args()
    rooms = parse_floor_plan(arguments.rooms)
    faults = find_faults(arguments.root, rooms)
    for fault in faults:
        print(fault, file=sys.stderr)
    checked = sum(len(files_of(arguments.root, room)) for room in rooms)
    print(f"{checked} files in {len(rooms)} rooms, {len(faults)} faults")
    return 1 if faults or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
