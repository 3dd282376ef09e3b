"""Command lines: numbers in decimals and within bounds, and messages of one line."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Callable
from typing import IO

from aero.core import options
from aero.core.errors import AeroError
from aero.core.output import Output

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)


class Parser(options.Parser):
    """Shows its description as it is written."""

    def __init__(self, description: str | None, usage: str | None = None) -> None:
        super().__init__(
            usage=usage,
            description=description,
            formatter_class=options.Help,
        )

    def print_help(self, file: IO[str] | None = None) -> None:
        """Ends the script where it cannot be written."""
        stream = sys.stdout if file is None else file
        if stream is None:
            return
        try:
            Output(stream).write(self.format_help())
        except AeroError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.status)
        except BrokenPipeError:
            sys.exit(128 + signal.SIGPIPE)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """The type of an option that is a whole number between bounds."""

    def read(text: str) -> int:
        if _WHOLE.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(
            f"{shown(text)}: expected a whole number from {least} to {most}"
        )

    return read


def decimal_number(least: float, most: float) -> Callable[[str], float]:
    """The type of an option that is a number between bounds, both allowed."""

    def read(text: str) -> float:
        if _DECIMAL.fullmatch(text) and least <= float(text) <= most:
            return float(text)
        raise argparse.ArgumentTypeError(
            f"{shown(text)}: expected a number from {least:g} to {most:g}"
        )

    return read


def shown(text: str) -> str:
    """A value in a message, cut where it is long."""
    return repr(text if len(text) <= 40 else text[:40] + "...")
