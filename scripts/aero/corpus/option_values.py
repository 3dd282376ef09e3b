"""Parses values of the command line: decimal numbers within their range, and texts in UTF-8."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from decimal import Decimal

from aero.core.options import shown

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9}


def _refuse(text: str, wanted: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{shown(text)} is not {wanted}")


def utf8_text(value: str) -> str:
    """Checks a text that is compared with documents or tokenizers, which are in UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError as error:  # the argument had a byte that is not UTF-8
        at = len(value[: error.start].encode()) + 1
        raise argparse.ArgumentTypeError(
            f"not UTF-8 text (byte {at}); convert it, for example with iconv"
        ) from error
    return value


def count(most: int = (1 << 63) - 1) -> Callable[[str], int]:
    """Makes a type for argparse: a whole number from 1 to `most`, such as 5000, 64k, 20M or 1.5G.

    The units are powers of ten.
    """

    def read(text: str) -> int:
        unit = _UNITS.get(text[-1:].lower())
        digits = text if unit is None else text[:-1]
        if _NUMBER.fullmatch(digits):
            value = Decimal(digits) * (unit or 1)
            if 1 <= value <= most and value == value.to_integral_value():
                return int(value)
        raise _refuse(text, f"a positive count of at most {most:,} (5000, 64k, 20M, 1.5G)")

    return read


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def positive_number(text: str) -> float:
    """Parses a finite number that is not negative."""
    value = _number(text)
    if value is None or not math.isfinite(value):
        raise _refuse(text, "a number of 0 or more")
    return value


def share(text: str) -> float:
    """Parses a number from 0 up to, but not including, 1."""
    value = _number(text)
    if value is None or value >= 1:
        raise _refuse(text, "a share in [0, 1)")
    return value


def probability(text: str) -> float:
    """Parses a number from 0 to 1."""
    value = _number(text)
    if value is None or value > 1:
        raise _refuse(text, "a share in [0, 1]")
    return value


def seed(text: str) -> int:
    """Parses a whole number of at most 64 bits."""
    if not re.fullmatch("[0-9]{1,40}", text) or int(text) >= 1 << 64:
        raise _refuse(text, "a whole number below 2^64")
    return int(text)
