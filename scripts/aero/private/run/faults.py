"""Faults that no message foresees, and those of the machine."""

from __future__ import annotations

from aero.core.errors import AeroError


class CrashError(Exception):
    """A fault of these programs or of a library; the text is its traceback, of another process."""


def fault_of_machine(error: BaseException) -> AeroError | None:
    """Tells as a message what the system says of files and memory; None for any other error."""
    if isinstance(error, MemoryError):
        return AeroError("not enough memory; take fewer tokens or --weights colocated")
    if not isinstance(error, OSError):
        return None
    where = f"{error.filename}: " if error.filename else ""
    return AeroError(f"{where}{error.strerror or 'the system refused it'}")
