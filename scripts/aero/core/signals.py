"""How a signal ends a script, from the script's first moment on: import this before all else.

Python raises KeyboardInterrupt wherever it stands. A library that loads, or one's callback, prints
it, takes it for a fault of its own, or loses it. So Ctrl-C ends a script as it ends any program, at
once and in silence, but where the script has something to put in order.
"""

from __future__ import annotations

# Built in: to load `signal` takes as long as a signal needs.
import _signal  # type: ignore[import-not-found]  # of which mypy knows nothing
import gc
import sys
import time
from types import FrameType

_SIGNALS = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
_TOGETHER = 1.0  # seconds


def end_at_once() -> None:
    """Has Ctrl-C end this program at once; where it is ignored, it stays so."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


class Tidying:
    """Makes a signal whose action is the default one (not ignored, as under nohup) an exception
    inside, so that what was begun is put in order. Those that come together, as from a terminal
    that is closed, are one.

    The collector of cyclic garbage rests: JAX has a callback of it, in which the exception would be
    printed and lost. One that comes in a library's other callbacks may still be lost.
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
    """Lets things be put in order inside: a signal takes effect afterwards."""

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
