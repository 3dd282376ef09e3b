"""Defines the errors that a user sees: one line that names the file and says what to do."""

from __future__ import annotations

import errno

from aero.core.errors import AeroError, UsageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class CorpusError(AeroError):
    """Stops the run; the text is the whole message."""


class OutputError(CorpusError):
    """Reports that something else is at the output's place, so that the user must name another."""

    status = UsageError.status


def describe_os_error(error: OSError) -> str:
    """Describes an operating system error in one line, where no closer handler explained it."""
    where = error.filename if error.filename is not None else "the output folder"
    if error.errno in _FULL:
        return (
            f"cannot write {where}: {error.strerror}; nothing was kept. Free some space or choose "
            "an --out on another disk (a run needs about twice the size of the text it keeps)"
        )
    return f"{where}: {error.strerror or error}"
