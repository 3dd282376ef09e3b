"""Ends the process at once on a signal, wherever it is, and keeps nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REMOVAL_SECONDS = 10.0


class Undo:
    """Knows the folder that must be removed where the process ends before its work is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._committed = False

    def make(self, folder: Path) -> None:
        """Makes `folder` and marks it for removal; never makes it once end_process() is at work."""
        with self._lock:
            folder.mkdir()
            self._folder = folder

    @contextlib.contextmanager
    def undivided(self) -> Iterator[None]:
        """Defers an end of the process until what happens inside is done."""
        with self._lock:
            yield

    @contextlib.contextmanager
    def giving_way(self) -> Iterator[None]:
        """Lets no exception out where end_process() is at work: what that does looks like a fault.

        Waits there for the end of the process.
        """
        try:
            yield
        except BaseException:
            with self._lock:
                pass
            raise

    @contextlib.contextmanager
    def committing(self) -> Iterator[None]:
        """Defers an end of the process until what happens inside is done; its result is kept."""
        with self._lock:
            yield
            self._folder = None
            self._committed = True

    def end_process(self, code: int) -> None:
        """Kills the workers, removes what was begun, reports it and ends. Does not return."""
        with self._lock:
            try:
                for worker in multiprocessing.active_children():
                    worker.kill()
                if self._folder is not None:
                    _remove(self._folder)
                kept = "the corpus was complete" if self._committed else "nothing was kept"
                with contextlib.suppress(OSError):
                    os.write(2, f"\ninterrupted; {kept}\n".encode())
            finally:
                os._exit(code)


def stop_on_signals(undo: Undo) -> None:
    """Starts a thread that waits for SIGINT, SIGTERM and SIGHUP, and ends the process at the first.

    These signals are blocked in all other threads and, as the mask is inherited, in the workers
    from their start: no signal raises an exception in the middle of something, and none is lost.
    Signals that were ignored when the program started (nohup) stay ignored.
    """
    resource_tracker.ensure_running()  # started later, with the workers, it would unblock signals
    watched = {number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)

    def wait() -> None:
        number = signal.sigwait(watched)
        undo.end_process(128 + number)

    if watched:
        threading.Thread(target=wait, name="signals", daemon=True).start()


def _remove(folder: Path) -> None:
    """Removes a folder in which killed workers may still write for a moment."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)
