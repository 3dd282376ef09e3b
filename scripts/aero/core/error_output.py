"""A standard error that is closed is quiet."""

from __future__ import annotations

import os
import sys


def open_error_output() -> None:
    """Where it is closed (2>&-), what is said there goes nowhere, whatever characters it has; also
    what child processes say, which inherit it.
    """
    if sys.stderr is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.set_inheritable(nowhere, True)
        sys.stderr = os.fdopen(nowhere, "w", errors="backslashreplace")  # as Python's own
