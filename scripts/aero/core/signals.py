"""Ends a script on a signal, from the script's first moment on: import this before all else.

Python raises KeyboardInterrupt wherever it is. A library that is loading, or a library's callback,
prints it, takes it for a fault of its own, or loses it. So Ctrl-C ends a script as it ends any
program, at once and without a message, except where the script has something to clean up.
"""

from __future__ import annotations

# _signal is built in. A signal could come while the module `signal` is loading.
import _signal  # type: ignore[import-not-found]  # mypy has no types of it
import gc
import sys
import time
from types import FrameType

_SIGNALS = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
_TOGETHER = 1.0  # seconds


def end_at_once() -> None:
    """Makes Ctrl-C end this program at once; where it is ignored, it stays ignored."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


class Tidying:
    """Raises an exception for a signal inside, so that the script can clean up.

    Does so only for signals whose action is the default one, not for those that are ignored, as
    under nohup. Signals that come together, as from a terminal that is closed, raise one exception.

    The collector of cyclic garbage is off inside: JAX calls back from it, and the exception would
    be printed and lost there. A signal during other callbacks of a library may still be lost.
    """

    def __enter__(self) -> None:
        self._raised = -_TOGETHER
        self._heeded = [n for n in _SIGNALS if _signal.getsignal(n) == _signal.SIG_DFL]
        for number in self._heeded:
            _signal.signal(number, self._raise)
        self._collects = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        for number in self._heeded:
            _signal.signal(number, _signal.SIG_DFL)
        if self._collects:
            gc.enable()

    def _raise(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._raised < _TOGETHER:
            return
        self._raised = now
        if number == _signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)


class Undisturbed:
    """Defers signals: one that comes inside takes effect afterwards."""

    def __enter__(self) -> None:
        self._came: list[int] = []
        found = {number: _signal.getsignal(number) for number in _SIGNALS}
        self._handlers = {
            number: handler
            for number, handler in found.items()
            if handler not in (_signal.SIG_IGN, None)
        }
        for number in self._handlers:
            _signal.signal(number, lambda number, _: self._came.append(number))

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            _signal.signal(number, handler)
        if self._came:
            _signal.raise_signal(self._came[0])
