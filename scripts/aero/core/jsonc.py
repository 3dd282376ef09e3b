"""Reads JSON with comments and trailing commas, which configs and sweeps may have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from aero.core.errors import UsageError
from aero.core.files import read_text

_STRING = r'"(?:[^"\\]|\\.)*"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[\]}}])")


def _keep_strings(match: re.Match[str]) -> str:
    return match.group(1) or ""


def parse(text: str) -> Any:
    """Parses a text. Raises json.JSONDecodeError, which is a ValueError."""
    return json.loads(_TRAILING_COMMA.sub(_keep_strings, _COMMENT.sub(_keep_strings, text)))


def fault_of(error: ValueError | RecursionError) -> str:
    """Returns a message that says where the JSON is malformed."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON (line {error.lineno}, column {error.colno})"
    return "not JSON that can be read"


def load_object(file: Path) -> dict[str, Any]:
    """Reads the object that a file holds. Raises UsageError where it holds something else."""
    text = read_text(file)
    if not text.strip():
        raise UsageError(f"{file}: empty")
    try:
        value = parse(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: {fault_of(error)}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{file}: expected an object {{...}}")
    return value
