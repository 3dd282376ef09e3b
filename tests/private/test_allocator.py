"""Memory that a party takes before it runs is what its computation finds."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aero.core.errors import AeroError
from aero.private.run import allocator
from aero.private.run.spawn import run_both

STATM = Path("/proc/self/statm")


def _resident() -> float:
    """MB."""
    return int(STATM.read_text().split()[1]) * 4096 / 1e6


def grow(rank: int, progress: object) -> float:
    """A party's task: by how many MB it grows while threads, as SPU has them, each write 200 MB of
    300 MB that were taken.
    """
    import numpy as np

    allocator.take_memory(3e8)
    before, grown = _resident(), []

    def work() -> None:
        numbers = [np.ones(2**17) for _ in range(200)]
        grown.append(_resident() - before)
        del numbers

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    return max(grown)


@pytest.mark.skipif(not STATM.exists(), reason="the system tells no sizes")
def test_threads_of_a_party_find_what_it_took() -> None:
    assert max(run_both(grow, lambda rank, addresses: rank)) < 30


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(AeroError, match=r"the system did not give the \d+\.\d GB"):
        allocator.take_memory(2**60)


def test_nothing_is_taken_of_nothing() -> None:
    allocator.take_memory(0)
