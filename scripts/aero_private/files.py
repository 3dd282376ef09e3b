"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from aero_signals import Tidying

from .errors import PrivateError, UndoneError


def _place(path: Path) -> tuple[Path, Path]:
    """The file behind links, and one beside it."""
    file = Path(os.path.realpath(path))
    return file, file.with_name(f".{file.name}.{os.getpid()}")


def check_output(path: Path, option: str) -> None:
    """That a file can be made there, before the work whose result it takes. Leaves nothing."""
    if path.is_dir() or not path.name:
        raise PrivateError(f"{option} {path}: is a folder; name a file in it")
    file, beside = _place(path)
    if file.exists() and not file.is_file():
        return  # a device or a pipe
    folder = next(above for above in file.parents if above.exists())
    try:
        probe = folder / beside.name
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PrivateError(f"{option} {path}: {error.strerror}; name another place") from error


def write_whole(path: Path, text: str) -> None:
    """Writes beside the file, then takes its place; to a device or a pipe, as it is."""
    file, beside = _place(path)
    with Tidying():
        try:
            if file.exists() and not file.is_file():
                file.write_text(text, encoding="utf-8")
                return
            file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="utf-8")
            beside.replace(file)
        except OSError as error:
            raise UndoneError(f"{path}: {error.strerror}") from error
        finally:
            beside.unlink(missing_ok=True)
