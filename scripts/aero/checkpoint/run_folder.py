"""Reads a run folder: the lines of metrics.jsonl."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aero.checkpoint.kinds import METRICS, wrong_kind
from aero.core.errors import AeroError, UsageError
from aero.core.files import read_bytes
from aero.core.records import FieldError, FloatArray, Record

WANTED = "the folder of a run"


@dataclass(frozen=True)
class Entropy:
    """Holds the attention entropy at one step, in nats."""

    step: int
    maximum: float  # ln T
    uniform: float  # of uniform causal attention, ln(T!) / T
    heads: FloatArray  # [L, H], NaN where no row was finite
    nonfinite_rows: FloatArray  # [L]
    rows: int  # measured in each head
    parameters: dict[str, FloatArray]  # slopes, alpha, thresholds, ... where it has some

    def layers(self) -> FloatArray:
        """Returns the mean over the finite heads of each layer, [L]; NaN where none is finite."""
        finite = np.isfinite(self.heads)
        count = finite.sum(axis=1)
        total = np.where(finite, self.heads, 0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True)
class Nonfinite:
    """Records a value that was not finite before an update."""

    step: int
    quantity: str
    layer: int | None
    parameter: str


@dataclass(frozen=True)
class Run:
    """Holds what one training run has written."""

    folder: Path
    losses: list[tuple[int, float]] = field(default_factory=list)  # step, training loss
    tokens: dict[int, int] = field(default_factory=dict)  # trained on up to a step
    evaluations: list[tuple[int, float]] = field(default_factory=list)  # step, held-out loss
    entropy: list[Entropy] = field(default_factory=list)
    nonfinite: list[Nonfinite] = field(default_factory=list)

    @property
    def metrics(self) -> Path:
        return self.folder / METRICS


class NothingToShow(UsageError):  # noqa: N818, not an error where other runs have something
    """Reports that a run lacks what a figure shows; `reason` is the same for all such runs."""

    def __init__(self, run: Run, reason: str) -> None:
        super().__init__(f"{run.metrics}: {reason}")
        self.reason = reason


_FIXED = {
    *("event", "step", "e_max", "uniform", "entropy", "bins"),
    *("nonfinite_rows", "rows", "collapsed", "overloaded"),
}


def _entropy(line: Record) -> Entropy:
    heads = line.array("entropy")
    if heads.ndim != 2:
        raise FieldError(f'"entropy" has the shape {list(heads.shape)}, not layers x heads')
    nonfinite_rows = line.array("nonfinite_rows")
    if nonfinite_rows.shape != heads.shape[:1]:
        raise FieldError('"nonfinite_rows" is not one number per layer')
    learned = [key for key in line.names() if key not in _FIXED and line.is_list(key)]
    parameters = {key: line.array(key) for key in learned}
    for key, values in parameters.items():
        if values.ndim > 2 or (values.ndim == 2 and values.shape != heads.shape):
            raise FieldError(f'"{key}" is neither one number per layer nor one per head')
    return Entropy(
        step=line.integer("step"),
        maximum=line.number("e_max"),
        uniform=line.number("uniform"),
        heads=heads,
        nonfinite_rows=nonfinite_rows,
        rows=line.integer("rows"),
        parameters=parameters,
    )


def layer_number(value: Any) -> int | None:
    """Reads the layer from 3, "3" or "blocks.3.attention"; None where no layer is named."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    found = re.search(r"(?:^|blocks\.|layer )(\d{1,9})\b", str(value))
    return int(found.group(1)) if found else None


def nonfinite_event(line: Record) -> Nonfinite:
    """Reads the event from a line of metrics.jsonl or a sweep's record of a run."""
    return Nonfinite(
        step=line.integer("step"),
        quantity=line.text("quantity", ""),
        layer=layer_number(line.value("layer")),
        parameter=line.text("parameter", ""),
    )


def _same_shapes(one: Entropy, other: Entropy) -> bool:
    """Returns whether two lines can be of one model."""
    common = one.parameters.keys() & other.parameters.keys()
    return one.heads.shape == other.heads.shape and all(
        one.parameters[key].shape == other.parameters[key].shape for key in common
    )


def _add(run: Run, line: Record) -> None:
    event = line.text("event", "")
    if not event:
        step = line.integer("step")
        before = next(reversed(run.tokens.values()), 0)
        run.tokens[step] = before + line.integer("tokens", 0)
        run.losses.append((step, line.number("loss", math.nan)))
    elif event == "evaluation":
        run.evaluations.append((line.integer("step"), line.number("loss", math.nan)))
    elif event == "entropy":
        run.entropy.append(_entropy(line))
        if not _same_shapes(run.entropy[0], run.entropy[-1]):
            raise FieldError("its shapes differ from those of the first entropy line")
    elif event == "nonfinite":
        run.nonfinite.append(nonfinite_event(line))


def read_lines(folder: Path, take: Callable[[Record], None]) -> None:
    """Passes each line of a run's metrics to `take`, except a last line that an interruption cut.

    Raises AeroError that names the line where `take` raises FieldError.
    """
    file = folder / METRICS
    if not file.is_file():
        raise wrong_kind(folder, WANTED)
    lines = read_bytes(file).splitlines()
    for number, text in enumerate(lines, start=1):
        try:
            value = json.loads(text.decode())
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                break
            raise AeroError(f"{file}: line {number}: not JSON") from error
        try:
            take(Record(value, "the line"))
        except FieldError as error:
            raise AeroError(f"{file}: line {number}: {error}") from error


def read_run(folder: Path) -> Run:
    """Reads a run. Raises AeroError where the folder is not a run, or is damaged."""
    run = Run(folder)
    read_lines(folder, lambda line: _add(run, line))
    return run


def require_begun(run: Run) -> None:
    """Raises UsageError where no step has been written yet."""
    if not (run.losses or run.evaluations or run.entropy or run.nonfinite):
        raise UsageError(f"{run.metrics}: has no line; the run has not begun")
