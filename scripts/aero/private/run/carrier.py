"""Carries packets between two TUN devices, and delays each as a line would.

carrier.py FIRST SECOND RATE DELAY PARENT takes two file descriptors, the rate in bits a second, the
delay one way in seconds, and the process with which it ends.
"""

from __future__ import annotations

import collections
import os
import select
import sys
import time

MTU = 1500
_BUFFER = 16 << 20  # bytes that can wait before the line drops packets: more than a TCP window


class _Direction:
    """Holds the packets that are on their way from one device to the other."""

    def __init__(self, source: int, target: int, rate: float, delay: float) -> None:
        self._source, self._target, self._rate, self._delay = source, target, rate, delay
        self._free = 0.0  # when the line has sent all it has
        self._waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        self._bytes = 0

    def take(self, now: float) -> None:
        while True:
            try:
                packet = os.read(self._source, MTU + 100)
            except BlockingIOError:
                return
            if self._bytes + len(packet) > _BUFFER:
                continue
            self._free = max(self._free, now) + 8 * len(packet) / self._rate
            self._waiting.append((self._free + self._delay, packet))
            self._bytes += len(packet)

    def give(self, now: float) -> float:
        """Delivers the packets that are due, and returns when the next one is."""
        while self._waiting and self._waiting[0][0] <= now:
            _, packet = self._waiting.popleft()
            self._bytes -= len(packet)
            os.write(self._target, packet)
        return self._waiting[0][0] if self._waiting else now + 1.0


def carry(first: int, second: int, rate: float, delay: float, parent: int) -> None:
    """Carries packets until the parent ends this process, or is gone itself."""
    there = _Direction(first, second, rate, delay)
    back = _Direction(second, first, rate, delay)
    while os.getppid() == parent:
        now = time.monotonic()
        wake = min(there.give(now), back.give(now))
        ready, _, _ = select.select([first, second], [], [], max(0.0, wake - now))
        now = time.monotonic()
        if first in ready:
            there.take(now)
        if second in ready:
            back.take(now)


if __name__ == "__main__":
    first, second, rate, delay, parent = sys.argv[1:]
    carry(int(first), int(second), float(rate), float(delay), int(parent))
