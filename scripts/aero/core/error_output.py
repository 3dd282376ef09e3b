"""A standard error that is closed is quiet."""

from __future__ import annotations

import os
import sys


def open_error_output() -> None:
    """Lets what is said go nowhere where standard error is closed (2>&-), whatever characters it
    has; also what child processes say, which inherit it.
    """
    if sys.stderr is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.set_inheritable(nowhere, True)
        sys.stderr = os.fdopen(nowhere, "w", errors="backslashreplace")  # as Python's own
