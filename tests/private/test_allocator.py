"""Tests that a party's computation uses the memory that the party takes before it runs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aero.core.errors import AeroError
from aero.private.run import allocator
from aero.private.run.spawn import run_both

STATM = Path("/proc/self/statm")


def _resident() -> float:
    """Returns this process's resident memory in MB."""
    return int(STATM.read_text().split()[1]) * 4096 / 1e6


def grow(rank: int, progress: object) -> float:
    """Returns by how many MB a party grows while threads, as SPU starts them, use its memory.

    Each thread writes 200 MB of the 300 MB that the party took.
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


@pytest.mark.skipif(not STATM.exists(), reason="the system reports no sizes")
def test_threads_of_a_party_use_the_memory_that_it_took() -> None:
    assert max(run_both(grow, lambda rank, addresses: rank)) < 30


def test_more_memory_than_the_machine_has_is_refused() -> None:
    with pytest.raises(AeroError, match=r"the system did not give the \d+\.\d GB"):
        allocator.take_memory(2**60)


def test_a_size_of_zero_takes_no_memory() -> None:
    allocator.take_memory(0)
