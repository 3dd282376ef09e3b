"""The parties' processes live no longer than the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parents[1] / "scripts"
PROGRAM = """
from aero_private.spawn import run_both
from test_spawn import wait_for_ever
if __name__ == "__main__":
    run_both(wait_for_ever, lambda rank, addresses: rank, lambda text: print(text, flush=True))
"""


def wait_for_ever(rank: int, progress: Callable[[str], None]) -> None:
    """A party's task; the client's progress is passed on."""
    progress(str(os.getpid()))
    time.sleep(600)


def test_a_parent_that_is_killed_leaves_no_party_behind(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = os.environ | {"PYTHONPATH": f"{SCRIPTS}:{HERE}"}
    parent = subprocess.Popen(
        [sys.executable, program], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    client = int(parent.stdout.readline())
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert str(client) in children
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(map(_lives, children)):
        time.sleep(0.1)
    assert not any(map(_lives, children))


def _lives(process: str) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return not state.startswith("Z")
