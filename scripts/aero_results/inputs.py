"""What a figure is drawn from: run folders and members of sweeps."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aero_results.errors import ResultsError
from aero_results.run_folder import METRICS, Run, read_run
from aero_results.sweep import Member, Sweep, find_run_folder, read_sweep


@dataclass(frozen=True)
class Series:
    """What shares a label: one run, or the seeds of a member."""

    label: str
    runs: list[Run]


def _label(folder: Path) -> str:
    parent = folder.resolve().parent.name
    name = folder.resolve().name
    return f"{parent} {name}" if name.startswith("seed-") else name


def _selected(sweep: Sweep, names: Sequence[str]) -> list[Member]:
    return [sweep.member(name) for name in names] if names else sweep.members


@dataclass(frozen=True)
class _Group:
    """The folders of a series to be."""

    label: str
    folders: list[Path]
    wanted: bool  # by name: it must have begun


def _groups(inputs: Sequence[Path], names: Sequence[str]) -> list[_Group]:
    found: list[_Group] = []
    for path in inputs:
        if path.is_dir():
            found.append(_Group(_label(path), [path], wanted=True))
        elif path.suffix == ".json":
            for member in _selected(read_sweep(path), names):
                folders = [find_run_folder(path, run.folder) for run in member.runs]
                found.append(_Group(member.name, folders, wanted=bool(names)))
        elif path.exists():
            raise ResultsError(f"{path}: neither a run's folder nor the JSON file of a sweep")
        else:
            raise ResultsError(f"{path}: no such file or folder")
    return found


def _read(group: _Group, bar: tqdm[Any]) -> list[Run]:
    """Runs that have not begun are left out with a warning, unless they alone were asked for."""
    begun = [folder for folder in group.folders if (folder / METRICS).exists()]
    chosen = begun or group.folders if group.wanted else begun
    for folder in group.folders:
        if folder not in chosen:
            print(f"warning: {folder}: no {METRICS}; left out", file=sys.stderr)
    runs = []
    for folder in chosen:
        runs.append(read_run(folder))
        bar.update()
    return runs


def load_series(
    inputs: Sequence[Path], names: Sequence[str], labels: Sequence[str]
) -> list[Series]:
    """The runs of each input, at least one in all."""
    groups = _groups(inputs, names)
    if labels and len(labels) != len(groups):
        raise ResultsError(f"--labels has {len(labels)} names for {len(groups)} series")
    total = sum(len(group.folders) for group in groups)
    with tqdm(total=total, desc="reading runs", disable=total < 4 or None, leave=False) as bar:
        series = [
            Series(label, _read(group, bar))
            for label, group in zip(labels or [g.label for g in groups], groups, strict=True)
        ]
    begun = [each for each in series if each.runs]
    if not begun:
        raise ResultsError(f"{inputs[0]}: none of its runs has begun")
    return begun


def load_members(inputs: Sequence[Path], names: Sequence[str]) -> list[Member]:
    """Members of sweeps alone."""
    members: list[Member] = []
    for path in inputs:
        if path.is_dir():
            raise ResultsError(f"{path}: this figure is drawn from the JSON file of a sweep")
        members += _selected(read_sweep(path), names)
    return members
