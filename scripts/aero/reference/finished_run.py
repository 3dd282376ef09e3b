"""Reads the config, the losses and the perplexity of a run that is to be trained again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aero.checkpoint.kinds import CONFIG, METRICS, wrong_kind
from aero.checkpoint.run_folder import read_lines
from aero.core.errors import UsageError
from aero.core.jsonc import load_object
from aero.core.records import Record

SECTIONS = ("model", "data", "train", "optimizer", "schedule", "eval")


@dataclass(frozen=True)
class Run:
    """Holds what a run folder says."""

    folder: Path
    config: dict[str, Any]
    losses: dict[int, float]  # by 1-based step
    perplexity: float  # the last one on the validation split
    evaluated: int  # after this step


def read_config(folder: Path) -> dict[str, Any]:
    """Reads a config that has every section that the loop needs."""
    file = folder / CONFIG
    if (folder / METRICS).is_file() and not file.is_file():
        raise UsageError(
            f"{file}: no such file, but `aero train` writes one; give the whole folder of a run"
        )
    if not file.is_file() or not (folder / METRICS).is_file():
        raise wrong_kind(folder, "the folder of a finished run")
    config = load_object(file)
    for section in SECTIONS:
        if not isinstance(config.get(section), dict):
            raise UsageError(f'{file}: no section "{section}"; is it the config of an AERO run?')
    return config


def _perplexity(line: Record) -> float:
    """Returns the perplexity of a line, NaN where it was not finite."""
    if "perplexity" in line:
        return line.number("perplexity")
    loss = line.number("loss", math.nan)
    return math.exp(loss) if loss < 700 else math.inf


def read_run(folder: Path) -> Run:
    """Reads a run. Raises AeroError where a file is missing or the run cannot be compared."""
    config = read_config(folder)
    losses: dict[int, float] = {}
    evaluations: list[tuple[int, float]] = []

    def take(line: Record) -> None:
        event, step = line.text("event", ""), line.integer("step")
        if not event:
            losses[step] = line.number("loss", math.nan)
        elif event == "evaluation":
            evaluations.append((step, _perplexity(line)))
        elif event == "nonfinite":
            raise UsageError(
                f"{folder / METRICS}: a value was not finite at step {step}: the run cannot be "
                "compared"
            )

    read_lines(folder, take)
    if not evaluations:
        raise UsageError(f"{folder / METRICS}: no evaluation; has the run finished?")
    step, perplexity = evaluations[-1]
    if not math.isfinite(perplexity):
        raise UsageError(
            f"{folder / METRICS}: the perplexity of step {step} is not finite: nothing to compare"
        )
    return Run(folder, config, losses, perplexity, step)
