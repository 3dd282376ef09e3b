"""Reads records of JSON field by field, with errors that name the field and what it must be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aero.core.errors import AeroError

FloatArray = NDArray[np.float64]
_LARGEST = 2**63 - 1


class FieldError(AeroError):
    """Says which field is wrong; its readers put the file and the line before the text."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Record:
    """Reads an object of JSON. A field that is null counts as absent."""

    def __init__(self, value: Any, what: str = "it") -> None:
        if not isinstance(value, Mapping):
            raise FieldError(f"{what} is not an object {{...}}")
        self._fields = value

    def __contains__(self, key: str) -> bool:
        return self._fields.get(key) is not None

    def _required(self, key: str) -> Any:
        if key not in self:
            raise FieldError(f'lacks "{key}"')
        return self._fields[key]

    def value(self, key: str) -> Any:
        """Returns a field of any type, None where it is absent."""
        return self._fields.get(key)

    def names(self) -> list[str]:
        """Lists the fields in the order of the file."""
        return list(self._fields)

    def text(self, key: str, default: str | None = None) -> str:
        """Returns a text, which is required unless there is a default."""
        value = default if default is not None and key not in self else self._required(key)
        if not isinstance(value, str):
            raise FieldError(f'"{key}" is not a text')
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Returns a number, which is required unless there is a default."""
        value = default if default is not None and key not in self else self._required(key)
        if not _is_number(value):
            raise FieldError(f'"{key}" is not a number')
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf

    def optional_number(self, key: str) -> float | None:
        """Returns a number, or None where it is absent or not finite."""
        value = self.number(key) if key in self else math.nan
        return value if math.isfinite(value) else None

    def integer(self, key: str, default: int | None = None) -> int:
        """Returns a whole number of 0 or more, which is required unless there is a default."""
        value = self.number(key, default)
        if not (0 <= value <= _LARGEST and value == int(value)):
            raise FieldError(f'"{key}" is not a whole number of 0 or more')
        return int(self._fields[key]) if key in self else int(value)

    def optional_integer(self, key: str) -> int | None:
        """Returns a whole number, or None where it is absent."""
        return self.integer(key) if key in self else None

    def record(self, key: str) -> Record:
        """Returns an inner record, empty where it is absent."""
        return Record(self._fields.get(key) or {}, f'"{key}"')

    def raw(self, key: str) -> dict[str, Any]:
        """Returns an object as it is, empty where it is absent."""
        value = self._fields.get(key) or {}
        if not isinstance(value, dict):
            raise FieldError(f'"{key}" is not an object {{...}}')
        return value

    def is_list(self, key: str) -> bool:
        """Returns whether a field is a list of at least one entry."""
        value = self._fields.get(key)
        return isinstance(value, list) and bool(value)

    def entries(self, key: str) -> list[Any]:
        """Returns a list, empty where it is absent."""
        value = self._fields.get(key) or []
        if not isinstance(value, list):
            raise FieldError(f'"{key}" is not a list [...]')
        return value

    def array(self, key: str) -> FloatArray:
        """Returns nested lists of numbers as an array, null as NaN. Lists of a level must have one
        length.
        """
        value = self._required(key)
        try:
            found = np.array(value, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise FieldError(f'"{key}" is not a table of numbers') from error
        if not found.ndim or not found.size or any(_is_text(each) for each in np.ravel(value)):
            raise FieldError(f'"{key}" is not a table of numbers')
        return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bool)
