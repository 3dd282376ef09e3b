"""Models what a disk may hold after a loss of power, from a record of a program's writes.

The record is that of tests/support/write_recorder.cpp. A disk keeps its own order. Names that were
made, changed or removed reach it about in the order of the calls, and only fsync of their folder
says that they have. Bytes reach it at any time, and only fsync of their file says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

NAMING = {"mkdir", "create", "rename", "exchange", "remove"}
MOVING = {"rename", "exchange", "remove"}


@dataclass(frozen=True)
class Call:
    """Holds one call that changed the disk."""

    name: str
    operands: tuple[str, ...]
    data: bytes = b""


def read_record(file: Path) -> list[Call]:
    """Reads a record and the bytes beside it."""
    content = file.with_name(f"{file.name}.bytes").read_bytes()
    calls = []
    for line in file.read_text().splitlines():
        name, *operands = line.split("\t")
        data = b""
        if name == "write":
            place, count = int(operands[1]), int(operands[2])
            data = content[place : place + count]
        calls.append(Call(name, tuple(operands), data))
    return calls


@dataclass
class Names:
    """Maps each path to the number of its file; None: a folder."""

    entries: dict[str, int | None] = field(default_factory=dict)
    made: int = 0

    def apply(self, call: Call) -> None:
        path = call.operands[0]
        if call.name == "mkdir":
            self.entries[path] = None
        elif call.name == "create":
            self.entries[path] = self.made
            self.made += 1
        elif call.name == "remove":
            del self.entries[path]
        elif call.name == "rename":
            self._move(path, call.operands[1])
        elif call.name == "exchange":
            other = call.operands[1]
            self._move(other, other + "\0")
            self._move(path, other)
            self._move(other + "\0", path)

    def _move(self, old: str, new: str) -> None:
        self.entries.pop(new, None)
        for path in [p for p in self.entries if p == old or p.startswith(old + "/")]:
            self.entries[new + path[len(old) :]] = self.entries.pop(path)


Disk = dict[str, bytes | None]


def _names_without(calls: list[Call], left_out: int) -> dict[str, int | None] | None:
    """Returns the names without one change; nothing where later changes need it."""
    names = Names()
    try:
        for index, call in enumerate(calls):
            if call.name in NAMING and index != left_out:
                names.apply(call)
    except KeyError:
        return None
    return names.entries


def disks_after_a_loss(calls: list[Call]) -> Iterator[tuple[int, Disk]]:
    """Yields what the disk may hold if the power fails after each call, with that call's number.

    Of the names, every state is tried between the last that is sure and the last that was made, and
    each such state without one change that is not sure. Of the bytes, the two extremes are: those
    that fsync has made sure, and all.
    """
    now = Names()
    states = [(-1, dict(now.entries))]  # of the names, after each call that changes them
    written: dict[int, bytes] = {}
    sure: dict[int, bytes] = {}
    folder_synced: dict[str, int] = {}
    changed: list[tuple[int, set[str]]] = []  # calls that change names, and their folders
    for index, call in enumerate(calls):
        path = call.operands[0]
        if call.name in NAMING:
            now.apply(call)
            states.append((index, dict(now.entries)))
            changed.append((index, {str(PurePath(p).parent) for p in call.operands}))
            if call.name == "create":
                written[now.made - 1] = b""
        elif call.name == "fsync":
            number = now.entries[path]
            if number is None:
                folder_synced[path] = index
            else:
                sure[number] = written[number]
        else:
            number = now.entries[path]
            assert number is not None
            kept = written[number]
            size = int(call.operands[1]) if call.name == "truncate" else 0
            written[number] = kept[:size] if call.name == "truncate" else kept + call.data
        last_sure = max(
            (at for at, folders in changed if any(folder_synced.get(f, -1) > at for f in folders)),
            default=-1,
        )
        open_states = [names for at, names in states if at >= last_sure]
        unsure = [at for at, _ in changed if at > last_sure and calls[at].name in MOVING]
        without_one = [names for at in unsure if (names := _names_without(calls[: index + 1], at))]
        for names in without_one + open_states:
            for bytes_ in (sure, written):
                yield (
                    index,
                    {p: None if n is None else bytes_.get(n, b"") for p, n in names.items()},
                )
