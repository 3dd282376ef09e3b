"""Defines crashes, and makes messages of the machine's own faults."""

from __future__ import annotations

from aero.core.errors import AeroError


class CrashError(Exception):
    """Reports a fault of these programs or of a library, by the traceback of another process."""


def fault_of_machine(error: BaseException) -> AeroError | None:
    """Makes a message of an error of files or memory; returns None for any other error."""
    if isinstance(error, MemoryError):
        return AeroError("not enough memory; take fewer tokens or --weights colocated")
    if not isinstance(error, OSError):
        return None
    where = f"{error.filename}: " if error.filename else ""
    return AeroError(f"{where}{error.strerror or 'the system refused it'}")
