"""Reads durations, as the config language writes them (docs/config.md)."""

from __future__ import annotations

import re

from aero.core.options import shown

_FORM = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)(t?)|(\d+(?:\.\d+)?)([e%])", re.ASCII)
_EXPONENT = {"": 0, "k": 3, "M": 6, "G": 9}
_MOST = 2**53  # above it a double no longer tells neighbouring integers apart


def parse_duration(text: str | int) -> tuple[float, str]:
    """Returns the amount and the unit of a duration: "" (steps), "t", "e" or "%".

    Raises ValueError where AERO refuses it.
    """
    match, given = _FORM.fullmatch(str(text)), shown(str(text))
    if match is None:
        raise ValueError(f"not a duration, as 1000, 20Mt, 1.5e or 5%: {given}")
    if match[5]:
        amount, unit = float(match[4]), match[5]
    else:
        # Scaled in decimal, since a multiplication would round: 2.3M is exactly 2300000.
        amount, unit = float(f"{match[1]}e{_EXPONENT[match[2]]}"), match[3]
    if amount > _MOST:
        raise ValueError(f"a duration that is too long: {given}")
    if unit == "%" and amount > 100:
        raise ValueError(f"a duration of more than 100%: {given}")
    if unit in ("", "t") and not amount.is_integer():
        raise ValueError(f"a duration of a fraction of a {'token' if unit else 'step'}: {given}")
    return amount, unit
