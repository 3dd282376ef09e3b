"""What a run folder holds: the lines of metrics.jsonl."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aero_results.errors import ResultsError

FloatArray = NDArray[np.float64]
METRICS = "metrics.jsonl"


def numbers(values: Any) -> FloatArray:
    """Nested lists of numbers, null as NaN."""
    return np.array(values, dtype=np.float64)


@dataclass(frozen=True)
class Entropy:
    """Attention entropy at one step, in nats."""

    step: int
    maximum: float  # ln T
    uniform: float  # of uniform causal attention, ln(T!) / T
    heads: FloatArray  # [L, H], NaN where no row was finite
    bins: FloatArray | None  # shares of heads in the four quarters of the largest head entropy
    nonfinite_rows: FloatArray  # [L]
    rows: int  # measured of each head
    parameters: dict[str, FloatArray]  # slopes, alpha, thresholds, ... where it has some

    def layers(self) -> FloatArray:
        """Mean over the finite heads of each layer, [L]; NaN where there is none."""
        finite = np.isfinite(self.heads)
        count = finite.sum(axis=1)
        total = np.where(finite, self.heads, 0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True)
class Nonfinite:
    """A value that was not finite before an update."""

    step: int
    quantity: str
    layer: int | None
    parameter: str


@dataclass(frozen=True)
class Run:
    """One training run."""

    folder: Path
    losses: list[tuple[int, float]] = field(default_factory=list)  # step, training loss
    tokens: dict[int, int] = field(default_factory=dict)  # trained on up to a step
    evaluations: list[tuple[int, float]] = field(default_factory=list)  # step, held-out loss
    entropy: list[Entropy] = field(default_factory=list)
    nonfinite: list[Nonfinite] = field(default_factory=list)


_FIXED = {
    *("event", "step", "e_max", "uniform", "entropy", "bins"),
    *("nonfinite_rows", "rows", "collapsed", "overloaded"),
}


def _bins(values: Any) -> FloatArray | None:
    """None where no head had a finite row: the shares are null, or all 0."""
    if values is None:
        return None
    shares = numbers(values)
    return shares if np.isfinite(shares).all() and shares.any() else None


def _entropy(line: dict[str, Any]) -> Entropy:
    heads = numbers(line["entropy"])
    if heads.ndim != 2:
        raise ValueError(f"entropy has the shape {list(heads.shape)} instead of layers x heads")
    return Entropy(
        step=int(line["step"]),
        maximum=float(line["e_max"]),
        uniform=float(line["uniform"]),
        heads=heads,
        bins=_bins(line.get("bins")),
        nonfinite_rows=numbers(line["nonfinite_rows"]),
        rows=int(line["rows"]),
        parameters={key: numbers(line[key]) for key in line if key not in _FIXED},
    )


def layer_number(value: Any) -> int | None:
    """Of 3, "3" or "blocks.3.attention"; None where no layer is named."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    found = re.search(r"(?:^|blocks\.|layer )(\d+)\b", str(value))
    return int(found.group(1)) if found else None


def nonfinite_event(line: dict[str, Any]) -> Nonfinite:
    """From a line of metrics.jsonl or a sweep's record of a run."""
    return Nonfinite(
        step=int(line["step"]),
        quantity=str(line.get("quantity") or ""),
        layer=layer_number(line.get("layer")),
        parameter=str(line.get("parameter") or ""),
    )


def _add(run: Run, line: dict[str, Any]) -> None:
    event = line.get("event")
    if event is None:
        step = int(line["step"])
        before = next(reversed(run.tokens.values()), 0)
        run.tokens[step] = before + int(line.get("tokens", 0))
        loss = line.get("loss")
        run.losses.append((step, math.nan if loss is None else float(loss)))
    elif event == "evaluation":
        loss = line.get("loss")
        run.evaluations.append((int(line["step"]), math.nan if loss is None else float(loss)))
    elif event == "entropy":
        run.entropy.append(_entropy(line))
    elif event == "nonfinite":
        run.nonfinite.append(nonfinite_event(line))


def read_run(folder: Path) -> Run:
    """A last line that an interruption has torn is left out."""
    file = folder / METRICS
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise ResultsError(f"{file}: no such file; is {folder} the folder of a run?") from error
    except OSError as error:
        raise ResultsError(f"{file}: {error.strerror or error}") from error
    run = Run(folder)
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
        except ValueError as error:
            if number == len(lines):
                break
            raise ResultsError(f"{file}: line {number}: not JSON: {error}") from error
        try:
            _add(run, line)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ResultsError(f"{file}: line {number}: {reason}") from error
    return run
