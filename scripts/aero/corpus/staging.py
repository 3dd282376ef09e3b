"""The output folder appears whole or not at all: it is written beside and renamed.

Several processes may write to one output. What is written beside bears host and process in its name
and is locked (flock) while that lives, so that what is left from a killed run is told apart. No
lock guards the output itself: a rename replaces no folder that holds something, on any file system.
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
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}  # what a rename says where something is
_FORMER = "former"  # in a temporary folder: what stood at the output before
_NAME = re.compile(r".*\.tmp-(.+)-([0-9]{1,9})-[0-9a-f]{8}", re.DOTALL)


@dataclass(frozen=True)
class _Writer:
    """The process that a temporary folder is of."""

    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on host {self.host}"

    def is_here(self) -> bool:
        return self.host == os.uname().nodename

    def lives(self) -> bool:
        """Tells whether a process of this host lives."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def check_output(output: Path, overwrite: bool, console: Console) -> None:
    """Refuse an output that is in the way before any work is done."""
    if output.exists() or output.is_symlink():
        if not overwrite:
            raise OutputError(f"{output} exists; give another --out, or --overwrite to replace it")
        if not _is_corpus(output):
            raise _is_foreign(output)
    for folder in sorted(output.parent.glob(f"{glob.escape(output.name)}.tmp-*")):
        writer = _writer_of(folder)
        if writer is not None:
            _tell_of(folder, writer, output, overwrite, console)


def _tell_of(
    folder: Path, writer: _Writer, output: Path, overwrite: bool, console: Console
) -> None:
    """Tells of another run that is at work, or of what one has left."""
    is_locked = _is_locked(folder)
    if not folder.exists():  # it has just been done
        return
    if is_locked or (is_locked is None and writer.is_here() and writer.lives()):
        if not overwrite:
            raise OutputError(
                f"{output}: {writer} is writing it; wait for that, or give another --out"
            )
        console.warn(f"{writer} writes {output}, too; the last one stays")
    elif not writer.is_here() or writer.lives():
        console.warn(f"{folder} is of {writer}; remove it where that has ended")
    elif (former := folder / _FORMER).exists():
        console.warn(
            f"{former} is what stood at {output} until a run that replaced it was killed; move it "
            f"back, or remove {folder}"
        )
    else:
        console.warn(f"{folder} is left from a run that was killed; remove it")


@contextmanager
def staging_folder(output: Path, overwrite: bool, undo: Undo) -> Iterator[Path]:
    """A folder beside `output` that takes its place on success and vanishes on any failure."""
    output.parent.mkdir(parents=True, exist_ok=True)
    staging = _temporary_name(output)
    undo.begin(staging)
    with _temporary(staging):
        try:
            yield staging
            _sync_folder(staging)
            with undo.committing():
                _take_place(staging, output, overwrite)
        except BaseException:
            undo.give_way()
            raise


def _temporary_name(output: Path) -> Path:
    host, token = os.uname().nodename, secrets.token_hex(4)
    return output.with_name(f"{output.name}.tmp-{host}-{os.getpid()}-{token}")


def _writer_of(folder: Path) -> _Writer | None:
    """Finds the process that the folder's name names."""
    found = _NAME.fullmatch(folder.name)
    return None if found is None else _Writer(found[1], int(found[2]))


@contextmanager
def _temporary(folder: Path, is_others: bool = False) -> Iterator[None]:
    """Make a folder, locked while it is in use; it vanishes, unless it has got another name. What
    is in it `is_others`: after an error it stays as long as it holds something.
    """
    handle, is_kept = None, is_others
    try:
        folder.mkdir()
        handle = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):  # without locks the name alone tells whose it is
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
    """Tells whether a folder is locked; None where nobody can say: it is gone, or there are no
    locks.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        # Shared: two that look at once are not taken for writers.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False


def _take_place(staging: Path, output: Path, overwrite: bool) -> None:
    """Another run may take it at any moment: what is found there in the end decides."""
    is_placed = _renamed(staging, output)
    while not is_placed:
        if not overwrite:
            raise OutputError(
                f"{output}: another run has written it meanwhile, and nothing of this one was "
                "kept; give another --out, or --overwrite to replace it"
            )
        with _temporary(aside := _temporary_name(output), is_others=True):
            is_placed = _replace(staging, output, aside / _FORMER)
    _sync_folder(output.parent)


def _replace(staging: Path, output: Path, old: Path) -> bool:
    """Puts what is there to `old`, and back unless it is a corpus. Returns False where another run
    was faster to take its place, whose corpus is the next to be replaced.
    """
    try:
        output.rename(old)
    except FileNotFoundError:  # another run has just put it aside
        return _renamed(staging, output)
    try:
        if not _is_corpus(old):
            raise _is_foreign(output)
        return _renamed(staging, output)
    except (OSError, OutputError) as error:
        kept = _put_back(old, output)
        if kept == output:
            raise
        told = describe_os_error(error) if isinstance(error, OSError) else error
        raise OutputError(f"{told}; what stood there before is {kept} now") from error


def _put_back(old: Path, output: Path) -> Path:
    """Returns where it is then: beside the output where something else has taken its place, or
    still where it was put aside.
    """
    if not os.path.lexists(output):  # a rename replaces files
        with contextlib.suppress(OSError):
            return old.rename(output)
    with contextlib.suppress(OSError):
        return old.rename(output.with_name(f"{output.name}.former-{secrets.token_hex(4)}"))
    return old


def _renamed(staging: Path, output: Path) -> bool:
    """False where something is there."""
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
