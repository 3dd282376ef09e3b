"""Standard output whose faults are messages."""

from __future__ import annotations

import os
from typing import IO, Any

from aero.core.errors import AeroError


class Output:
    """Shows each line at once, so that an output that cannot be written is found with the first."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Raises AeroError; BrokenPipeError where the reader went."""
        try:
            count = self._stream.write(text)
            if "\n" in text:
                self._stream.flush()
        except OSError as error:
            raise self._lost(error) from error
        return count

    def flush(self) -> None:
        """Raises as write()."""
        try:
            self._stream.flush()
        except OSError as error:
            raise self._lost(error) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lost(self, error: OSError) -> Exception:
        # What is still in the buffer would be tried, and told, again as Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        if isinstance(error, BrokenPipeError):
            return error
        return AeroError(f"standard output: {error.strerror}")
