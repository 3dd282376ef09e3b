"""The errors a user sees: messages that say what is wrong and what to do."""

from __future__ import annotations

UNDONE = 1  # the exit code where something could not be done
USAGE = 2  # the exit code of what the user can put right


class PrivateError(Exception):
    """A fault that stops the script; its text is the whole message."""

    exit_code = USAGE


class UndoneError(PrivateError):
    """What the machine could not do: a full disk, a closed output."""

    exit_code = UNDONE


class CrashError(Exception):
    """A fault of these scripts or of a library; the text is its traceback, of another process."""


def fault_of_machine(error: BaseException) -> UndoneError | None:
    """What the system says of files and memory, as a message; None for any other error."""
    if isinstance(error, MemoryError):
        return UndoneError("not enough memory; take fewer tokens or --weights colocated")
    if not isinstance(error, OSError):
        return None
    where = f"{error.filename}: " if error.filename else ""
    return UndoneError(f"{where}{error.strerror or 'the system refused it'}")
