"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import PrivateError


def write_whole(path: Path, text: str) -> None:
    """Writes beside the file, then takes its place."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise PrivateError(f"{path}: {error.strerror}") from error
