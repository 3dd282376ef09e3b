"""The one error a user sees: a line that names the file and says what to do."""

from __future__ import annotations


class ResultsError(Exception):
    """A fault that stops the script; its text is the whole message."""
