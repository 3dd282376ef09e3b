"""The one error a user sees: a line that names the file and says what to do."""

from __future__ import annotations

import errno

from aero.core.errors import AeroError, UsageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class CorpusError(AeroError):
    """A fault that stops the run; its text is the whole message."""


class OutputError(CorpusError):
    """Something else has the place of the output: another one must be named."""

    status = UsageError.status


def describe_os_error(error: OSError) -> str:
    """One line for an operating system error that no closer handler explained."""
    where = error.filename if error.filename is not None else "the output folder"
    if error.errno in _FULL:
        return (
            f"cannot write {where}: {error.strerror}; nothing was kept. Free some space or choose "
            "an --out on another disk (a run needs about twice the size of the text it keeps)"
        )
    return f"{where}: {error.strerror or error}"
