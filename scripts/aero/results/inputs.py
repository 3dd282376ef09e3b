"""Finds the run folders and the members of sweeps that a figure shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aero.checkpoint.kinds import METRICS, wrong_kind
from aero.checkpoint.run_folder import WANTED as RUN
from aero.checkpoint.run_folder import Run, read_run, require_begun
from aero.core.command import note
from aero.core.errors import UsageError
from aero.results.sweep import WANTED as RESULT
from aero.results.sweep import Member, Sweep, find_run_folder, read_sweep


@dataclass(frozen=True)
class Series:
    """Holds the runs of one label: one run, or the seeds of a member."""

    label: str
    runs: list[Run]


def note_left_out(names: Sequence[str], why: str) -> None:
    """Says on standard error what is left out, and nothing where there is no name."""
    if names:
        quoted = ", ".join(f'"{name}"' for name in dict.fromkeys(names))
        note(f"left out, {why}: {quoted}")


def note_other_evaluation(one: Member, others: Sequence[Member], what: str) -> None:
    """Says on standard error which members were not evaluated as `one` was."""
    named = [
        f'"{m.name}" ({", ".join(keys)})' for m in others if (keys := m.evaluated_otherwise(one))
    ]
    if named:
        note(f'{what}, evaluated otherwise than "{one.name}": {", ".join(named)}')


def comparable(members: Sequence[Member], one: Member) -> list[Member]:
    """Returns the members that were evaluated as `one` was, and notes which are left out.

    Raises UsageError where no member is left.
    """
    found = [member for member in members if not member.evaluated_otherwise(one)]
    if not found:
        raise UsageError(f'no member was evaluated as "{one.name}" was: nothing compares with it')
    note_other_evaluation(one, members, "left out")
    return found


def _label(folder: Path) -> str:
    parent = folder.resolve().parent.name
    name = folder.resolve().name
    return f"{parent} {name}" if name.startswith("seed-") else name


def _selected(sweep: Sweep, names: Sequence[str]) -> list[Member]:
    return [sweep.member(name) for name in names] if names else sweep.members


@dataclass(frozen=True)
class _Group:
    """Holds the folders of a series before they are read."""

    label: str
    folders: list[Path]
    wanted: bool  # whether the user named it, so that it must have begun


def _groups(inputs: Sequence[Path], names: Sequence[str]) -> list[_Group]:
    found: list[_Group] = []
    runs = [path for path in inputs if (path / METRICS).is_file()]
    if names and len(runs) == len(inputs):
        raise UsageError(
            f"--members {' '.join(names)}: {runs[0]} is a run's folder, which has no members; "
            "leave --members out"
        )
    for path in inputs:
        if (path / METRICS).is_file():
            found.append(_Group(_label(path), [path], wanted=True))
        elif path.is_file() and path.suffix == ".json":
            for member in _selected(read_sweep(path), names):
                folders = [find_run_folder(path, run.folder) for run in member.runs]
                found.append(_Group(member.name, folders, wanted=bool(names)))
        else:
            raise wrong_kind(path, f"{RUN}, or {RESULT}")
    return found


def _read(group: _Group, bar: tqdm[Any]) -> list[Run]:
    """Reads a group's runs, and leaves out those that have not begun, with a note.

    Raises UsageError where the user asked for the group and no run of it has begun.
    """
    runs: list[Run] = []
    faults: list[UsageError] = []
    for folder in group.folders:
        try:
            run = read_run(folder)
            require_begun(run)
            runs.append(run)
        except UsageError as error:
            faults.append(error)
        bar.update()
    if faults and group.wanted and not runs:
        raise faults[0]
    for fault in faults:
        note(f"left out: {fault}")
    return runs


def _of_seed(groups: Sequence[_Group], seed: int) -> list[_Group]:
    """Keeps the folders of one seed, which are named by it."""
    found = []
    for group in groups:
        folders = [folder for folder in group.folders if folder.name == f"seed-{seed}"]
        found.append(replace(group, folders=folders))
    if not any(group.folders for group in found):
        raise UsageError(f"--seed {seed}: no run has this seed")
    note_left_out([group.label for group in found if not group.folders], f"without seed {seed}")
    return found


def load_series(
    inputs: Sequence[Path],
    names: Sequence[str],
    labels: Sequence[str],
    seed: int | None = None,
) -> list[Series]:
    """Reads the runs of each input, of one seed where it is given. Returns at least one run."""
    groups = _groups(inputs, names)
    if seed is not None:
        groups = _of_seed(groups, seed)
    if labels and len(labels) != len(groups):
        raise UsageError(f"--labels has {len(labels)} names for {len(groups)} series")
    total = sum(len(group.folders) for group in groups)
    with tqdm(total=total, desc="reading runs", disable=total < 4 or None, leave=False) as bar:
        series = [
            Series(label, _read(group, bar))
            for label, group in zip(labels or [g.label for g in groups], groups, strict=True)
        ]
    begun = [each for each in series if each.runs]
    if not begun:
        raise UsageError(f"{inputs[0]}: none of its runs has begun")
    return begun


@dataclass(frozen=True)
class Found:
    """Holds a member, and the file that led to it."""

    member: Member
    file: Path

    def runs(self) -> list[Run]:
        """Returns the runs of its seeds whose folders are at hand."""
        folders = [find_run_folder(self.file, run.folder) for run in self.member.runs]
        return [read_run(folder) for folder in folders if (folder / METRICS).is_file()]


def find_members(inputs: Sequence[Path], names: Sequence[str]) -> list[Found]:
    """Finds members in the results of sweeps; raises UsageError for any other file."""
    found: list[Found] = []
    for path in inputs:
        found += [Found(member, path) for member in _selected(read_sweep(path), names)]
    return found


def load_members(inputs: Sequence[Path], names: Sequence[str]) -> list[Member]:
    """Finds members as find_members() does."""
    return [each.member for each in find_members(inputs, names)]


def load_baseline(inputs: Sequence[Path]) -> Member | None:
    """Returns the baseline of the first sweep."""
    sweep = read_sweep(inputs[0])
    return None if sweep.baseline is None else sweep.member(sweep.baseline)
