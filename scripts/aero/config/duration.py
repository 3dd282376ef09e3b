"""Reads durations, as the config language writes them (docs/config.md)."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)(t?)|(\d+(?:\.\d+)?)([e%])", re.ASCII)
_EXPONENT = {"": 0, "k": 3, "M": 6, "G": 9}


def parse_duration(text: str | int) -> tuple[float, str]:
    """Returns the amount and the unit of a duration: "" (steps), "t", "e" or "%".

    Raises ValueError where AERO refuses it.
    """
    match = _FORM.fullmatch(str(text))
    if match is None:
        raise ValueError(f"not a duration, as 1000, 20Mt, 1.5e or 5%: {text!r}")
    if match[5]:
        amount, unit = float(match[4]), match[5]
    else:
        amount, unit = float(Decimal(match[1]).scaleb(_EXPONENT[match[2]])), match[3]
    if unit == "%" and amount > 100:
        raise ValueError(f"a duration of more than 100%: {text!r}")
    if unit in ("", "t") and not amount.is_integer():
        raise ValueError(f"a duration of a fraction of a {'token' if unit else 'step'}: {text!r}")
    return amount, unit
