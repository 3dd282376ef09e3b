"""Command lines: numbers in decimals and within bounds, and messages of one line."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from .errors import USAGE

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """Shows its description as it is written, and takes whole names of options alone."""

    def __init__(self, description: str | None) -> None:
        super().__init__(
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """The fault alone, without the usage of all options."""
        fault = message.removeprefix("argument ")
        print(f"error: {fault}; see {self.prog} --help", file=sys.stderr)
        sys.exit(USAGE)


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
