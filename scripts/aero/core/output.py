"""Turns the faults of standard output into messages."""

from __future__ import annotations

import os
from typing import IO, Any

from aero.core.errors import AeroError


class Output:
    """Flushes after each line, so that an output that cannot be written fails at the first."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes a text. Raises AeroError, or BrokenPipeError where the reader has closed."""
        try:
            count = self._stream.write(text)
            if "\n" in text:
                self._stream.flush()
        except OSError as error:
            raise self._lost(error) from error
        return count

    def flush(self) -> None:
        """Writes what is buffered. Raises what write() raises."""
        try:
            self._stream.flush()
        except OSError as error:
            raise self._lost(error) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lost(self, error: OSError) -> Exception:
        # Python would try to write what is still in the buffer, and report it again, as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        if isinstance(error, BrokenPipeError):
            return error
        return AeroError(f"standard output: {error.strerror}")
