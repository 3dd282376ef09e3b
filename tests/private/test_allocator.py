"""Memory that a party takes before it runs is what its computation finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aero_private import allocator
from aero_private.errors import PrivateError

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
# Threads, as SPU has them, write 200 MB each of 300 MB that were taken; prints the growth in MB.
PROGRAM = """
import threading
from pathlib import Path
from aero_private.allocator import keep_memory, take_memory
keep_memory()
import numpy as np

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

take_memory(3e8)
before = resident()
grown = []

def work():
    numbers = [np.ones(2**17) for _ in range(200)]
    grown.append(resident() - before)

for _ in range(2):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(max(grown))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system tells no sizes")
def test_threads_find_what_was_taken() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert float(done.stdout) < 30


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(PrivateError, match=r"the system did not give the \d+\.\d GB"):
        allocator.take_memory(2**60)


def test_nothing_is_taken_of_nothing() -> None:
    allocator.take_memory(0)
