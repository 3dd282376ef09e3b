"""The one error a user sees: a message that says what is wrong and what to do."""

from __future__ import annotations

USAGE = 2  # the exit code of every PrivateError


class PrivateError(Exception):
    """A fault that stops the script; its text is the whole message."""
