"""Computes Student's t as `aero ablate` does."""

from __future__ import annotations

import math

_CONFIDENCE = 0.95
_HALVINGS = 60


def _probability_within(angle: float, degrees: int) -> float:
    """Returns the probability that |t| is at most tan(angle) sqrt(degrees).

    The formulas are 26.7.3 and 26.7.4 of Abramowitz and Stegun.
    """
    is_odd = degrees % 2 == 1
    term = math.cos(angle) if is_odd else 1.0
    total = 0.0 if degrees == 1 else term
    for k in range(3 if is_odd else 2, degrees, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    part = math.sin(angle) * total
    return 2 / math.pi * (angle + part) if is_odd else part


def t_of_95_percent(degrees: int) -> float:
    """Returns the number that |t| exceeds with a probability of 5%, for degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _probability_within(middle, degrees) < _CONFIDENCE:
            low = middle
        else:
            high = middle
    return math.tan(low) * math.sqrt(degrees)
