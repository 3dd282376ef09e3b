"""The command line: numbers are decimal and within their range, or told in one line."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable
from typing import Any

_LONGEST = 40
LARGEST = 2**31 - 1


class Parser(argparse.ArgumentParser):
    """One that tells where its help cannot be written."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            (file or sys.stderr).write(message)


def shown(text: str) -> str:
    """Quoted; of a long one the beginning."""
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")


def whole(low: int = 0, high: int = LARGEST) -> Callable[[str], int]:
    """For argparse: digits alone, from `low` to `high`."""

    def parse(text: str) -> int:
        is_number = re.fullmatch(r"0*[0-9]{1,20}", text) is not None
        if not is_number or not low <= (value := int(text.lstrip("0") or "0")) <= high:
            raise argparse.ArgumentTypeError(
                f"{shown(text)} is not a whole number from {low} to {high}"
            )
        return value

    return parse


def real(low: float, high: float) -> Callable[[str], float]:
    """For argparse: a finite decimal number from `low` to `high`."""

    def parse(text: str) -> float:
        pattern = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
        value = float(text) if re.fullmatch(pattern, text) else math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{shown(text)} is not a number from {low:g} to {high:g}"
            )
        return value

    return parse
