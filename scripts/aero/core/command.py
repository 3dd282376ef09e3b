"""Ends a script: a fault is reported in one line, and output that cannot be written is a fault."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable

from aero.core.error_output import open_error_output
from aero.core.errors import AeroError
from aero.core.visible import visible

_BROKEN_PIPE = 141  # as a shell reports a program that SIGPIPE has ended
_INTERRUPTED = 130


def _forget_output() -> None:
    """Discards what is buffered, so that the interpreter's own flush reports nothing."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, status: int) -> int:
    print(f"error: {visible(message)}", file=sys.stderr)
    return status


def note(message: str) -> None:
    """Prints on standard error what the user may want to know."""
    print(f"note: {visible(message)}", file=sys.stderr)


def run_command(work: Callable[[], int]) -> int:
    """Runs `work`, which also parses the command line, and returns its exit status.

    SystemExit passes through. Where standard error is closed, nothing is printed there.
    """
    open_error_output()
    try:
        if sys.stdout is None:
            return _fail("standard output is closed", 1)
        try:
            return work()
        finally:
            sys.stdout.flush()
    except AeroError as error:
        return _fail(str(error), error.status)
    except BrokenPipeError:
        _forget_output()
        return _BROKEN_PIPE
    except OSError as error:
        _forget_output()
        where = "standard output" if error.filename is None else error.filename
        return _fail(f"{where}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return _INTERRUPTED
