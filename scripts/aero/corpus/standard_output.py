"""Ends a program that has printed: output that could not be written is a failure."""

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
    """Runs a program that prints, flushes its output, and returns the exit code.

    Prints no error where the reader closes the pipe (`| head`). Any other failure is an error, and
    a closed standard output is one before anything runs. Nothing is printed where standard error
    is closed.
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
            print(f"error: cannot write standard output: {error.strerror}", file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        give_up_unwritten(stream)
    return code


def give_up_unwritten(stream: TextIO) -> None:
    """Discards what cannot be written: Python would try again, and print an error, as it ends."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
