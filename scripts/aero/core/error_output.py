"""Lets a script run without standard error."""

from __future__ import annotations

import os
import sys


def open_error_output() -> None:
    """Opens /dev/null as standard error where that is closed (2>&-).

    Any character can be written to it. Child processes inherit it.
    """
    if sys.stderr is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.set_inheritable(nowhere, True)
        sys.stderr = os.fdopen(nowhere, "w", errors="backslashreplace")  # as Python's own
