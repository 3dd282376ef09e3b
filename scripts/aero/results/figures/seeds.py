"""Computes the mean and the spread over the seeds of a series at each step."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aero.core.records import FloatArray


@dataclass(frozen=True)
class OverSeeds:
    """Holds statistics over the steps that all seeds have; NaN where no seed has a value."""

    steps: FloatArray  # [n]
    mean: FloatArray  # [n, ...]
    deviation: FloatArray | None  # sample standard deviation; None with one seed
    ended_early: bool  # whether some seed has steps beyond these


def over_seeds(runs: Sequence[tuple[FloatArray, FloatArray]]) -> OverSeeds:
    """Joins each seed's steps [n] and values [n, ...]."""
    common = sorted(set.intersection(*(set(steps.tolist()) for steps, _ in runs)))
    every = set().union(*(steps.tolist() for steps, _ in runs))
    # The last line of a repeated step counts.
    rows = [{step: row for row, step in enumerate(steps.tolist())} for steps, _ in runs]
    stacked = np.stack(
        [
            values[[row[step] for step in common]]
            for row, (_, values) in zip(rows, runs, strict=True)
        ]
    )
    with warnings.catch_warnings():  # NumPy warns of means of nothing, which are rightly NaN
        warnings.simplefilter("ignore", RuntimeWarning)
        mean = np.nanmean(stacked, axis=0)
        deviation = np.nanstd(stacked, axis=0, ddof=1) if len(runs) > 1 else None
    return OverSeeds(np.array(common), mean, deviation, ended_early=len(every) > len(common))
