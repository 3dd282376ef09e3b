"""JSON as configs and sweeps have it: with comments and trailing commas."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from aero_results.errors import ResultsError

_STRING = r'"(?:[^"\\]|\\.)*"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[\]}}])")


def _keep_strings(match: re.Match[str]) -> str:
    return match.group(1) or ""


def parse(text: str) -> Any:
    """Raises json.JSONDecodeError, which is a ValueError."""
    return json.loads(_TRAILING_COMMA.sub(_keep_strings, _COMMENT.sub(_keep_strings, text)))


def load_object(file: Path) -> dict[str, Any]:
    """The object that a file holds."""
    try:
        value = parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise ResultsError(f"{file}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ResultsError(f"{file}: expected an object {{...}}")
    return value
