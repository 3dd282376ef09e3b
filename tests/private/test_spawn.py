"""Tests that the parties' processes live no longer than the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aero.private.run.spawn import run_both

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parents[1] / "scripts"
PROGRAM = """
from aero.private.run.spawn import run_both
from test_spawn import wait_for_ever
if __name__ == "__main__":
    run_both(wait_for_ever, lambda rank, addresses: rank, lambda text: print(text, flush=True))
"""


WITHOUT_ERROR_OUTPUT = """
from aero.private.run.spawn import run_both
from aero.core.error_output import open_error_output
from test_spawn import prints
if __name__ == "__main__":
    open_error_output()  # as a script does
    print(run_both(prints, lambda rank, addresses: rank))
"""
INTERRUPTED = """
import signal, sys, time
from aero.private.run import spawn
from aero.core.signals import Tidying
from test_spawn import wait_for_ever
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as in a script
    spawn._ENDING_SECONDS = 2.0
    show = lambda text: print(text, flush=True)
    with Tidying():
        spawn.run_both(wait_for_ever, lambda rank, addresses: rank, show)
"""


def wait_for_ever(rank: int, progress: Callable[[str], None]) -> None:
    """Runs for ever as a party's task, and reports progress, of which the client's is passed on."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    progress(str(os.getpid()))
    time.sleep(600)


def is_there_when_the_other_is_done(order: tuple[int, str], progress: Callable[[str], None]) -> str:
    """Ends at once as the client; as the server returns later the state of the client's process."""
    rank, file = order
    if rank == 0:
        Path(file).write_text(str(os.getpid()))
        return ""
    time.sleep(1)
    return Path(f"/proc/{Path(file).read_text()}/stat").read_text().rpartition(")")[2].split()[0]


def is_daemon(rank: int, progress: Callable[[str], None]) -> bool:
    return multiprocessing.current_process().daemon


def start(program: str, folder: Path) -> tuple[subprocess.Popen[str], list[str]]:
    """Starts a parent, and returns it and its children once the client is at work."""
    file = folder / "program.py"
    file.write_text(program)
    environment = os.environ | {"PYTHONPATH": f"{SCRIPTS}:{HERE}"}
    parent = subprocess.Popen(
        [sys.executable, file],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    client = int(parent.stdout.readline())
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert str(client) in children
    return parent, children


def test_a_parent_that_is_killed_leaves_no_party_behind(tmp_path: Path) -> None:
    parent, children = start(PROGRAM, tmp_path)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    expect_end_of(children)


def test_a_second_interrupt_does_not_stop_the_tidying(tmp_path: Path) -> None:
    """The client ignores the signal that should end it."""
    parent, children = start(INTERRUPTED, tmp_path)
    try:
        parent.send_signal(signal.SIGINT)
        time.sleep(1.5)
        parent.send_signal(signal.SIGINT)
        parent.communicate(timeout=20)
        expect_end_of(children)
    finally:
        parent.kill()
        parent.wait()


def test_a_party_ends_with_its_parent_where_nothing_else_ends_it() -> None:
    """A daemon ends with its parent even where a signal comes just after its start."""
    assert run_both(is_daemon, lambda rank, addresses: rank) == [True, True]


def prints(rank: int, progress: Callable[[str], None]) -> int:
    """Prints to standard error, as libraries do."""
    os.write(2, b"a warning")
    print("a warning", file=sys.stderr)
    return rank


def test_parties_start_where_the_error_output_is_closed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(WITHOUT_ERROR_OUTPUT)
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, str(program)],
        env=os.environ | {"PYTHONPATH": f"{SCRIPTS}:{HERE}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 1]\n", "")


def expect_end_of(processes: list[str]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(_lives, processes)):
        time.sleep(0.1)
    assert not any(map(_lives, processes))


def _lives(process: str) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return not state.startswith("Z")


def test_a_party_that_is_done_waits_for_the_other(tmp_path: Path) -> None:
    file = str(tmp_path / "pid")
    state = run_both(is_there_when_the_other_is_done, lambda rank, addresses: (rank, file))[1]
    assert state in ("S", "R"), "Z: it has ended, and answers nobody"
