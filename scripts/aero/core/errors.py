"""The errors that a user sees: a line that names the file and says what to do."""

from __future__ import annotations


class AeroError(Exception):
    """A fault that stops the program; its text is the whole message."""

    status = 1  # it could not be done


class UsageError(AeroError):
    """What was asked for does not fit what is there."""

    status = 2  # command line, config or data do not fit
