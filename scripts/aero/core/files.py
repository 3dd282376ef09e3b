"""Reads files with one kind of error, and writes files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from aero.core.errors import AeroError, UsageError
from aero.core.signals import Tidying, Undisturbed


def read_bytes(file: Path) -> bytes:
    """Reads a file. Raises AeroError with the system's reason."""
    if file.is_dir():
        raise UsageError(f"{file}: is a folder; name a file")
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except (OSError, ValueError) as error:
        raise AeroError(f"{file}: {getattr(error, 'strerror', None) or error}") from error


def read_text(file: Path) -> str:
    """Reads a text in UTF-8."""
    try:
        return read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not a text in UTF-8 (byte {error.start + 1})") from error


def _target(path: Path) -> Path:
    """Follows a link, so that the file behind it is written and the link stays."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file to write")
    return path.resolve() if path.is_symlink() else path


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def write_whole(contents: Mapping[Path, bytes]) -> None:
    """Writes each file beside its place, then moves all of them to their places."""
    with Tidying():
        _write_whole(contents)


def _write_whole(contents: Mapping[Path, bytes]) -> None:
    beside: dict[Path, Path] = {}
    current = Path()
    try:
        for path, content in contents.items():
            current = path
            target = _target(path)
            if target.exists() and not target.is_file():  # a device or a pipe cannot be replaced
                target.write_bytes(content)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            beside[target] = _beside(target)
            beside[target].write_bytes(content)
        with Undisturbed():
            for target, temporary in beside.items():
                current = target
                temporary.replace(target)
    except (OSError, ValueError) as error:
        raise AeroError(f"{current}: {getattr(error, 'strerror', None) or error}") from error
    finally:
        with Undisturbed():
            for temporary in beside.values():
                temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text as write_whole() does."""
    try:
        content = text.encode()
    except UnicodeEncodeError as error:  # the text may hold the name of a file, for example
        raise AeroError(f"{path}: {error}") from error
    write_whole({path: content})


def check_output(path: Path, option: str) -> None:
    """Makes sure that a file can be made there, before the work whose result it takes; leaves
    nothing.
    """
    if path.is_dir() or not path.name:
        raise UsageError(f"{option} {path}: is a folder; name a file in it")
    file = Path(os.path.realpath(path))
    if file.exists() and not file.is_file():
        return  # a device or a pipe
    folder = next(above for above in file.parents if above.exists())
    try:
        probe = folder / _beside(file).name
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}; name another place") from error
