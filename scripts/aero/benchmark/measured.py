"""Holds the times of steps, turn by turn."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Measured:
    """Holds the seconds of each measured step, round by round, and the peak memory of a process."""

    rounds: list[list[float]] = field(default_factory=list)
    peak_bytes: int = 0

    def median_seconds(self) -> float:
        return statistics.median(seconds for turn in self.rounds for seconds in turn)


def ratio(measured: Mapping[str, Measured], side: str, reference: str = "aero") -> float:
    """Returns a side's tokens/s over the reference's: the median over rounds of their ratios."""
    pairs = zip(measured[side].rounds, measured[reference].rounds, strict=True)
    return statistics.median(
        statistics.median(theirs) / statistics.median(ours) for theirs, ours in pairs
    )
