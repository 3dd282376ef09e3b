"""How a signal ends a script, from the script's first moment on: import this before all else.

Python raises KeyboardInterrupt wherever it stands. A library that loads, or one's callback, prints
it, takes it for a fault of its own, or loses it. So Ctrl-C ends a script as it ends any program, at
once and in silence, but where the script has something to put in order.
"""

from __future__ import annotations

import _signal  # built in: to load `signal` takes as long as a signal needs
import gc
import os.path
import sys
from types import FrameType, TracebackType

_SIGNALS = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


def _is_run() -> bool:
    """Whether a script of this folder is the program, and not a module of one, as in tests."""
    script = getattr(sys.modules["__main__"], "__file__", None) or ""
    return os.path.dirname(os.path.realpath(script)) == os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


class Tidying:
    """Inside, signals are exceptions, so that what was begun is put in order.

    Those that are ignored (nohup, background jobs of scripts) stay so. Garbage is not collected:
    what libraries do after it would lose the exception.
    """

    def __enter__(self) -> None:
        self._heeded = [n for n in _SIGNALS if _signal.getsignal(n) == _signal.SIG_DFL]
        for number in self._heeded:
            is_break = number == _signal.SIGINT
            _signal.signal(number, _signal.default_int_handler if is_break else _end)
        self._collects = gc.isenabled()
        gc.disable()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in self._heeded:
            _signal.signal(number, _signal.SIG_DFL)
        if self._collects:
            gc.enable()


# Where it is ignored, it stays so.
if _is_run() and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
