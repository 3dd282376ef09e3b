"""A limit to the time of a whole program."""

from __future__ import annotations

import time


class Budget:
    """Counts from where it is made."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds; below 0 where they are over."""
        return self._end - time.monotonic()
