"""Reads from SPU's log the bytes and messages of one party, in all and by kernel."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_LEVEL = re.compile(r"\] (HLO|HAL|MPC) profiling: ")
_KERNEL = re.compile(
    r"\] - (\S+), executed (\d+) times, duration ([\d.e+-]+)s, send bytes (\d+) "
    r"recv bytes (\d+), send actions (\d+), recv actions (\d+)"
)
_LINK = re.compile(
    r"Link details: total send bytes (\d+), recv bytes (\d+), send actions (\d+), "
    r"recv actions (\d+)"
)


@dataclass
class Traffic:
    """Counts the traffic of one party; the other's sent bytes are this one's received ones."""

    sent: int = 0
    received: int = 0
    messages: int = 0  # that this party sent
    seconds: float = 0.0

    @property
    def bytes(self) -> int:
        return self.sent + self.received

    def __iadd__(self, other: Traffic) -> Traffic:
        self.sent += other.sent
        self.received += other.received
        self.messages += other.messages
        self.seconds += other.seconds
        return self


@dataclass
class Profile:
    """Sums one or more runs. Kernels are HLO operations ("pphlo.dot") or protocol ("mul_aa")."""

    total: Traffic = field(default_factory=Traffic)
    kernels: dict[str, Traffic] = field(default_factory=dict)
    runs: int = 0

    def add(self, other: Profile) -> None:
        self.total += other.total
        self.runs += other.runs
        for name, traffic in other.kernels.items():
            self.kernels.setdefault(name, Traffic())
            self.kernels[name] += traffic


def parse_profile(lines: Iterable[str]) -> Profile:
    """Returns the sum of the runs that these lines of a log report."""
    profile = Profile()
    level = ""
    for line in lines:
        if match := _LEVEL.search(line):
            level = match[1]
        elif match := _KERNEL.search(line):
            if level == "HAL":
                continue  # these are the same bytes under a third set of names
            traffic = Traffic(int(match[4]), int(match[5]), int(match[6]), float(match[3]))
            profile.kernels.setdefault(match[1], Traffic())
            profile.kernels[match[1]] += traffic
        elif match := _LINK.search(line):
            profile.total += Traffic(int(match[1]), int(match[2]), int(match[3]))
            profile.runs += 1
    return profile
