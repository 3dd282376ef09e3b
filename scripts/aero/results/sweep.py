"""Reads the result of `aero ablate`, FOLDER/NAME.json, or `aero pipeline`, pipeline.json."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from aero.checkpoint.kinds import is_result, wrong_kind
from aero.checkpoint.run_folder import Nonfinite, nonfinite_event
from aero.core.errors import AeroError, UsageError
from aero.core.jsonc import load_object
from aero.core.records import FieldError, Record
from aero.results.student import t_of_95_percent

# What runs record of their evaluation, and the config keys that say the same less exactly.
_RECORDED = {"data": "data.path", "split": "eval.batches x eval.batch_size"}
FORMS = ("qk_form", "v_form", "o_form")
WANTED = "the JSON file that `aero ablate` or `aero pipeline` wrote"


@dataclass(frozen=True)
class SeedRun:
    """Holds one seed of a member."""

    seed: int
    folder: Path
    state: str  # finished, nonfinite, unfinished
    perplexity: float | None
    steps: int
    tokens: int
    nonfinite: Nonfinite | None


@dataclass(frozen=True)
class Member:
    """Holds one architecture or setting of a sweep."""

    name: str
    architecture: str
    config: dict[str, Any]  # the effective section "model"
    perplexity: float | None  # mean over the finished seeds
    deviation: float | None  # sample standard deviation; None with fewer than two
    seeds: int  # finished
    parameters: int | None
    ffn_flops: int | None
    attention_flops: int | None
    operations: dict[str, list[int]]
    bins: list[float] | None
    comm_bytes: float | None  # of one forward pass under private inference
    latency_s: float | None
    cost_model: str | None
    network: str | None  # None: the line that the cost model was measured on
    runs: list[SeedRun]
    measured_on: dict[str, Any] = field(default_factory=dict)  # equal where perplexities compare

    def identity(self) -> tuple[str, ...]:
        """Returns the values by which a row of a table finds its member."""
        family = "simplified" if self.config.get("family") == "simplified" else ""
        forms = (str(self.config.get(key, "plain")) for key in FORMS)
        return (family, self.architecture, *forms)

    def by_seed(self) -> dict[int, float]:
        """Returns the perplexity of each seed that finished."""
        return {
            run.seed: run.perplexity
            for run in self.runs
            if run.state == "finished" and run.perplexity is not None
        }

    def evaluated_otherwise(self, other: Member) -> list[str]:
        """Returns the keys for which its perplexity does not compare with the other's."""
        mine, theirs = self.measured_on, other.measured_on
        if not mine or not theirs:
            return []  # an older AERO did not record them
        skipped = set()
        for better, other_key in _RECORDED.items():  # the better key counts where both have it
            skipped.add(other_key if better in mine and better in theirs else better)
        keys = [key for key in {**mine, **theirs} if key not in skipped]
        return [key for key in keys if mine.get(key) != theirs.get(key)]

    def differences(self, other: Member) -> list[float]:
        """Returns for each seed that both finished how far its perplexity is above the other's.

        Returns an empty list where the two were evaluated on something else.
        """
        if self.evaluated_otherwise(other):
            return []
        theirs = other.by_seed()
        ours = sorted(self.by_seed().items())
        return [value - theirs[seed] for seed, value in ours if seed in theirs]

    def interval(self, other: Member) -> tuple[float, float] | None:
        """Returns the 95% confidence interval of the mean difference to the other member.

        Returns None with fewer than two common seeds.
        """
        pairs = self.differences(other)
        if len(pairs) < 2:
            return None
        margin = t_of_95_percent(len(pairs) - 1) * stdev(pairs) / math.sqrt(len(pairs))
        return fmean(pairs) - margin, fmean(pairs) + margin

    def is_level_with(self, other: Member) -> bool:
        """Returns whether the seeds show no difference between the two: the interval contains 0."""
        interval = self.interval(other)
        return interval is not None and interval[0] <= 0 <= interval[1]


@dataclass(frozen=True)
class Sweep:
    """Holds all members in the order of the sweep file, or all candidates of a pipeline."""

    file: Path
    name: str
    baseline: str | None
    members: list[Member]

    def member(self, name: str) -> Member:
        """Finds a member by name."""
        for member in self.members:
            if member.name == name:
                return member
        known = ", ".join(f'"{member.name}"' for member in self.members)
        raise UsageError(f'{self.file}: no member "{name}"; it has {known or "none"}')


def _run(value: Any) -> SeedRun:
    record = Record(value, "a run")
    event = record.record("nonfinite")
    return SeedRun(
        seed=record.integer("seed"),
        folder=Path(record.text("folder")),
        state=record.text("state"),
        perplexity=record.optional_number("perplexity"),
        steps=record.integer("steps", 0),
        tokens=record.integer("tokens", 0),
        nonfinite=nonfinite_event(event) if "step" in event else None,
    )


def _bins(record: Record) -> list[float] | None:
    if not record.is_list("bins"):
        return None
    bins = record.array("bins")
    if bins.shape != (4,):
        raise FieldError('"bins" are not four numbers')
    return [float(share) for share in bins]


def _operations(record: Record) -> dict[str, list[int]]:
    operations = Record(record.raw("operations"))
    found = {name: operations.array(name) for name in operations.names()}
    for name, shape in found.items():
        if shape.shape != (3,):
            raise FieldError(f'"operations": "{name}" is not count, rows and columns')
    return {name: [int(each) for each in shape] for name, shape in found.items()}


def _text(record: Record, key: str) -> str | None:
    return record.text(key) if key in record else None


def _member(record: Record) -> Member:
    perplexity, flops, pi = (record.record(key) for key in ("perplexity", "flops", "pi"))
    return Member(
        name=record.text("name"),
        architecture=record.text("architecture"),
        config=record.raw("config"),
        perplexity=perplexity.optional_number("mean"),
        deviation=perplexity.optional_number("std"),
        seeds=perplexity.integer("n", 0),
        parameters=record.optional_integer("parameters"),
        ffn_flops=flops.optional_integer("ffn"),
        attention_flops=flops.optional_integer("attention"),
        operations=_operations(record),
        bins=_bins(record),
        comm_bytes=pi.optional_number("comm_bytes"),
        latency_s=pi.optional_number("latency_s"),
        cost_model=_text(pi, "cost_model"),
        network=_text(pi, "network"),
        runs=[_run(run) for run in record.entries("runs")],
        measured_on=perplexity.raw("measured_on"),
    )


def _named(value: Any, number: int) -> Member:
    """Reads a member. An error names the member, or its place where it has no name."""
    try:
        record = Record(value, "the entry")
        place = f'member "{record.text("name")}"'
    except FieldError as error:
        raise FieldError(f"member {number}: {error}") from error
    try:
        return _member(record)
    except FieldError as error:
        raise FieldError(f"{place}: {error}") from error


def _candidates(steps: list[Any]) -> Iterator[Member]:
    """Reads a pipeline's candidates; a repeated name gets the number of its step in front."""
    names: set[str] = set()
    seen: set[tuple[Path, ...]] = set()  # step 4 has the winner of step 3 again
    for value in steps:
        step = Record(value, "a step")
        for number, candidate in enumerate(step.entries("candidates"), start=1):
            member = _named(candidate, number)
            folders = tuple(run.folder for run in member.runs)
            if folders in seen:
                continue
            seen.add(folders)
            if member.name in names:
                member = replace(member, name=f"{step.integer('step')} {member.name}")
            names.add(member.name)
            yield member


def _sweep(file: Path, value: dict[str, Any]) -> Sweep:
    record = Record(value)
    if "members" in record:
        members = [_named(each, n) for n, each in enumerate(record.entries("members"), start=1)]
        return Sweep(file, record.text("sweep", file.stem), _text(record, "baseline"), members)
    members = list(_candidates(record.entries("steps")))
    baseline = members[0].name if members else None
    return Sweep(file, record.text("pipeline"), baseline, members)


def read_sweep(file: Path) -> Sweep:
    """Reads a sweep. Raises UsageError for a file that neither ablate nor pipeline wrote."""
    if not file.is_file():
        raise wrong_kind(file, WANTED)
    try:
        value = load_object(file)
    except UsageError as error:
        raise UsageError(f"{error}; give {WANTED}") from error
    if not is_result(value):
        raise wrong_kind(file, WANTED)
    try:
        return _sweep(file, value)
    except FieldError as error:
        raise AeroError(f"{file}: {error}") from error


def find_run_folder(sweep_file: Path, folder: Path) -> Path:
    """Returns a run's folder as recorded, or beside the sweep's result where both have moved."""
    candidates = [
        folder,
        sweep_file.parent / folder,
        sweep_file.parent.joinpath(*folder.parts[-2:]),
    ]
    return next((candidate for candidate in candidates if candidate.is_dir()), folder)
