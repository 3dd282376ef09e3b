"""Limits the time of a whole program."""

from __future__ import annotations

import time


class Budget:
    """Counts the time from the moment it is made."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Returns the seconds that are left, below 0 where the time is over."""
        return self._end - time.monotonic()
