"""How a script ends: with one line of what is wrong, and all its output written or an error."""

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
    """Sends what is buffered nowhere, so that the interpreter's own flush has nothing to say."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, status: int) -> int:
    print(f"error: {visible(message)}", file=sys.stderr)
    return status


def note(message: str) -> None:
    """Says on standard error what the user may want to know."""
    print(f"note: {visible(message)}", file=sys.stderr)


def run_command(work: Callable[[], int]) -> int:
    """The exit status of `work`, which parses the command line, too; SystemExit passes through.

    A closed standard error is quiet.
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
