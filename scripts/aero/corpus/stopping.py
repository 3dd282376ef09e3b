"""A signal ends the process at once, with nothing kept, wherever the process stands."""

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
    """Knows what a process that ends before its work is done must remove: its folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._committed = False

    def begin(self, folder: Path) -> None:
        """Has `folder` removed from here on; it need not be there yet."""
        self._folder = folder

    @contextlib.contextmanager
    def undivided(self) -> Iterator[None]:
        """Keeps what happens inside in one piece."""
        with self._lock:
            yield

    def give_way(self) -> None:
        """Never return where end_process() is at work, whose doings look like faults here."""
        with self.undivided():
            return

    @contextlib.contextmanager
    def committing(self) -> Iterator[None]:
        """Keeps what happens inside in one piece, and what it leaves."""
        with self._lock:
            yield
            self._folder = None
            self._committed = True

    def end_process(self, code: int) -> None:
        """Kill the workers, remove what was begun, say so and end. Does not return."""
        with self._lock:
            for worker in multiprocessing.active_children():
                worker.kill()
            if self._folder is not None:
                _remove(self._folder)
            kept = "the corpus was complete" if self._committed else "nothing was kept"
            with contextlib.suppress(OSError):
                os.write(2, f"\ninterrupted; {kept}\n".encode())
            os._exit(code)


def stop_on_signals(undo: Undo) -> None:
    """Have a thread wait for SIGINT, SIGTERM and SIGHUP, and end the process at the first.

    They are held back in all other threads and, as the mask is inherited, in the workers from
    their first moment on: no signal raises an exception in the middle of something, and none is
    lost. Signals that were ignored when the program started (nohup) stay so.
    """
    resource_tracker.ensure_running()  # when workers start it, it lets signals through
    watched = {number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)

    def wait() -> None:
        number = signal.sigwait(watched)
        undo.end_process(128 + number)

    if watched:
        threading.Thread(target=wait, name="signals", daemon=True).start()


def _remove(folder: Path) -> None:
    """Remove a folder in which killed workers may be writing for a moment still."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)
