"""The end of a program that has printed: what could not be written is a failure, not a success."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import TextIO

from aero.core.error_output import open_error_output

SIGPIPE_CODE = 128 + signal.SIGPIPE


def run_printing(program: Callable[[], int]) -> int:
    """Run a program that prints, and write its output out; returns the exit code.

    Where somebody stops reading (`| head`) nothing is said; any other failure is an error, and a
    standard output that is closed is one before anything runs. A closed standard error is quiet.
    """
    open_error_output()
    if sys.stdout is None:
        print("error: standard output is closed", file=sys.stderr)
        return 1
    try:
        code = program()
        sys.stdout.flush()
    except BrokenPipeError:
        code = SIGPIPE_CODE
    except OSError as error:
        with contextlib.suppress(OSError):
            print(f"error: cannot write the standard output: {error.strerror}", file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        give_up_unwritten(stream)
    return code


def give_up_unwritten(stream: TextIO) -> None:
    """Drop what cannot be written: Python would try it again, and complain, as it ends."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
