"""Defines the errors that a user sees: one line that names the file and says what to do."""

from __future__ import annotations


class AeroError(Exception):
    """Stops the program; the text is the whole message."""

    status = 1  # the work could not be done


class UsageError(AeroError):
    """Reports that the user asked for something that does not fit what is there."""

    status = 2  # command line, config or data do not fit
