"""Chooses what a figure shows of each run, and leaves out by name the runs without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from aero.checkpoint.run_folder import Entropy, NothingToShow, Run
from aero.core.records import FloatArray
from aero.results.inputs import Series, note_left_out

T = TypeVar("T")


@dataclass(frozen=True)
class Shown(Generic[T]):
    """Holds a series with the value that was taken of each of its runs."""

    label: str
    runs: list[tuple[Run, T]]

    def values(self) -> list[T]:
        """Returns the values without the runs."""
        return [value for _, value in self.runs]


def extract(series: Sequence[Series], of: Callable[[Run], T]) -> list[Shown[T]]:
    """Returns at least one series. Leaves out, with a note, a run where `of` has NothingToShow."""
    kept: list[Shown[T]] = []
    faults: list[NothingToShow] = []
    left_out: dict[str, list[str]] = {}
    for each in series:
        runs = []
        lacking: list[tuple[Run, NothingToShow]] = []
        for run in each.runs:
            try:
                runs.append((run, of(run)))
            except NothingToShow as error:
                lacking.append((run, error))
        for run, fault in lacking:
            faults.append(fault)
            name = run_label(each.label, run, len(each.runs)) if runs else each.label
            left_out.setdefault(fault.reason, []).append(name)
        if runs:
            kept.append(Shown(each.label, runs))
    if not kept:
        raise faults[0]
    for reason, names in left_out.items():
        note_left_out(names, reason)
    return kept


def records(run: Run) -> list[Entropy]:
    """Returns at least one record."""
    if run.entropy:
        return run.entropy
    raise NothingToShow(run, "no entropy lines; train with entropy.batches above 0")


def record_at(run: Run, step: int | None) -> Entropy:
    """Returns the record of a step, or the last one."""
    found = records(run)
    if step is None:
        return found[-1]
    for record in found:
        if record.step == step:
            return record
    steps = ", ".join(str(record.step) for record in found[:12])
    more = ", ..." if len(found) > 12 else ""
    raise NothingToShow(run, f"no entropy at step {step}; {steps}{more} have")


def history(run: Run, name: str) -> tuple[FloatArray, FloatArray]:
    """Returns steps [n] and a parameter's values over them [n, ...]."""
    found = [record for record in records(run) if name in record.parameters]
    if not found:
        raise NothingToShow(
            run, f'the entropy lines have no "{name}"; this architecture has no such parameter'
        )
    steps = np.array([record.step for record in found], dtype=np.float64)
    return steps, np.stack([record.parameters[name] for record in found])


def seed_of(run: Run) -> str:
    """Returns the seed that a run's folder names."""
    return run.folder.name.removeprefix("seed-")


def run_label(label: str, run: Run, of: int) -> str:
    """Labels a run, with the seed where the series has several."""
    return f"{label} (seed\u00a0{seed_of(run)})" if of > 1 else label


def every_run(shown: Sequence[Shown[T]]) -> list[tuple[str, Run, T]]:
    """Lists the runs, one for each panel: heads of different seeds are not the same ones."""
    return [
        (run_label(each.label, run, len(each.runs)), run, value)
        for each in shown
        for run, value in each.runs
    ]


def columns_of(shown: Sequence[Shown[T]]) -> int | None:
    """Returns the columns for a row of panels a series; None where their runs differ in number."""
    counts = {len(each.runs) for each in shown}
    return counts.pop() if len(counts) == 1 and counts != {1} else None
