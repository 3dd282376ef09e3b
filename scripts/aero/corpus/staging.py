"""Makes the output folder appear whole or not at all: writes it beside its place and renames it.

Several processes may write to one output. The folder beside it has host and process in its name,
and is locked (flock) while that process lives. That sets it apart from what a killed run has left.
No lock guards the output itself: a rename never replaces a folder that is not empty, on any file
system.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aero.corpus.console import Console
from aero.corpus.errors import OutputError, describe_os_error
from aero.corpus.stopping import Undo

MANIFEST = "manifest.json"
FORMAT = "aero-corpus"
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}  # errors of a rename to a taken place
_FORMER = "former"  # in a temporary folder: what was at the output before
_NAME = re.compile(r".*\.tmp-(.+)-([0-9]{1,9})-[0-9a-f]{8}", re.DOTALL)


@dataclass(frozen=True)
class _Writer:
    """Names the process that made a temporary folder."""

    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on host {self.host}"

    def is_here(self) -> bool:
        return self.host == os.uname().nodename

    def lives(self) -> bool:
        """Returns whether a process of this host lives."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def check_output(output: Path, overwrite: bool, console: Console) -> None:
    """Raises OutputError where something is in the way of the output, before any work is done."""
    if output.exists() or output.is_symlink():
        if not overwrite:
            raise OutputError(f"{output} exists; give another --out, or --overwrite to replace it")
        if not _is_corpus(output):
            raise _is_foreign(output)
    for folder in sorted(output.parent.glob(f"{glob.escape(output.name)}.tmp-*")):
        writer = _writer_of(folder)
        if writer is not None:
            _report_other(folder, writer, output, overwrite, console)


def _report_other(
    folder: Path, writer: _Writer, output: Path, overwrite: bool, console: Console
) -> None:
    """Reports another run that is at work, or what one has left."""
    is_locked = _is_locked(folder)
    if not folder.exists():  # the other run has just ended
        return
    if is_locked or (is_locked is None and writer.is_here() and writer.lives()):
        if not overwrite:
            raise OutputError(
                f"{output}: {writer} is writing it; wait until that ends, or give another --out"
            )
        console.warn(f"{writer} is writing {output}, too; the run that ends last replaces it")
    elif not writer.is_here() or writer.lives():
        console.warn(f"{folder} belongs to {writer}; remove it if that process has ended")
    elif (former := folder / _FORMER).exists():
        console.warn(
            f"{former} was at {output} until a run that was replacing it was killed; move it "
            f"back, or remove {folder}"
        )
    else:
        console.warn(f"{folder} is left from a run that was killed; remove it")


@contextmanager
def staging_folder(output: Path, overwrite: bool, undo: Undo) -> Iterator[Path]:
    """Makes a folder beside `output` that takes its place on success and is removed on failure."""
    output.parent.mkdir(parents=True, exist_ok=True)
    staging = _temporary_name(output)
    undo.make(staging)
    with _temporary(staging):
        yield staging
        _sync_folder(staging)
        with undo.committing():
            _take_place(staging, output, overwrite)


def _temporary_name(output: Path) -> Path:
    host, token = os.uname().nodename, secrets.token_hex(4)
    return output.with_name(f"{output.name}.tmp-{host}-{os.getpid()}-{token}")


def _writer_of(folder: Path) -> _Writer | None:
    """Reads the process from the folder's name."""
    found = _NAME.fullmatch(folder.name)
    return None if found is None else _Writer(found[1], int(found[2]))


@contextmanager
def _temporary(folder: Path, is_others: bool = False) -> Iterator[None]:
    """Locks a folder while it is in use. Removes it, unless it was renamed.

    Where `is_others`, its content is not this run's: after an error it stays unless it is empty.
    """
    handle, is_kept = None, is_others
    try:
        handle = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):  # without locks only the name says whose it is
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        is_kept = False
    finally:
        if handle is not None:
            os.close(handle)
        if is_kept:
            with contextlib.suppress(OSError):
                folder.rmdir()
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _is_locked(folder: Path) -> bool | None:
    """Returns whether a folder is locked; None where it is gone, or where there are no locks."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        # The lock is shared, so that two processes that look at once do not take each other for
        # writers.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False


def _take_place(staging: Path, output: Path, overwrite: bool) -> None:
    """Moves the folder to its place. Another run may take the place at any moment: what is found
    there in the end decides.
    """
    is_placed = _renamed(staging, output)
    while not is_placed:
        if not overwrite:
            raise OutputError(
                f"{output}: another run has written it in the meantime, and nothing of this one "
                "was kept; give another --out, or --overwrite to replace it"
            )
        aside = _temporary_name(output)
        aside.mkdir()
        with _temporary(aside, is_others=True):
            is_placed = _replace(staging, output, aside / _FORMER)
    _sync_folder(output.parent)


def _replace(staging: Path, output: Path, old: Path) -> bool:
    """Moves what is at `output` to `old`, and back unless it is a corpus, and takes its place.

    Returns False where another run took the place first: its corpus is the next to be replaced.
    """
    try:
        output.rename(old)
    except FileNotFoundError:  # another run has just moved it aside
        return _renamed(staging, output)
    try:
        if not _is_corpus(old):
            raise _is_foreign(output)
        return _renamed(staging, output)
    except (OSError, OutputError) as error:
        kept = _put_back(old, output)
        if kept == output:
            raise
        fault = describe_os_error(error) if isinstance(error, OSError) else error
        raise OutputError(f"{fault}; what was there before is at {kept} now") from error


def _put_back(old: Path, output: Path) -> Path:
    """Moves `old` back to `output`, and returns where it is afterwards.

    That is beside the output where something else has taken its place, or still `old` where it
    cannot be moved.
    """
    if not os.path.lexists(output):  # a rename replaces files
        with contextlib.suppress(OSError):
            return old.rename(output)
    with contextlib.suppress(OSError):
        return old.rename(output.with_name(f"{output.name}.former-{secrets.token_hex(4)}"))
    return old


def _renamed(staging: Path, output: Path) -> bool:
    """Moves the folder to `output`; returns False where something is there."""
    try:
        staging.rename(output)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    return True


def _is_foreign(output: Path) -> OutputError:
    return OutputError(
        f"{output} is not a corpus that this script wrote, so --overwrite leaves it alone; "
        "give another --out or remove it yourself"
    )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_corpus(folder: Path) -> bool:
    if not folder.is_dir() or folder.is_symlink():
        return False
    if not any(folder.iterdir()):
        return True
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT
