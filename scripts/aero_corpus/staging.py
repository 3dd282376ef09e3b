"""The output folder appears whole or not at all: it is written beside and renamed."""

from __future__ import annotations

import glob
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .console import Console
from .errors import CorpusError
from .stopping import Undo

MANIFEST = "manifest.json"
FORMAT = "aero-corpus"


def check_output(output: Path, overwrite: bool, console: Console) -> None:
    """Refuse an output that is in the way before any work is done."""
    if output.exists() or output.is_symlink():
        if not overwrite:
            raise CorpusError(f"{output} exists; give another --out, or --overwrite to replace it")
        if not _is_corpus(output):
            raise CorpusError(
                f"{output} is not a corpus that this script wrote, so --overwrite leaves it alone; "
                "give another --out or remove it yourself"
            )
    for leftover in sorted(output.parent.glob(f"{glob.escape(output.name)}.tmp-*")):
        console.warn(f"{leftover} is left from a run that was killed (or still runs); remove it")


@contextmanager
def staging_folder(output: Path, undo: Undo) -> Iterator[Path]:
    """A folder beside `output` that takes its place on success and vanishes on any failure."""
    output.parent.mkdir(parents=True, exist_ok=True)
    staging = output.with_name(f"{output.name}.tmp-{secrets.token_hex(4)}")
    undo.begin(staging)
    try:
        staging.mkdir()
        yield staging
        _sync_folder(staging)
        with undo.committing():
            _replace(staging, output)
    except BaseException:
        undo.give_way()
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace(staging: Path, output: Path) -> None:
    if not output.exists():
        staging.rename(output)
    else:
        old = Path(tempfile.mkdtemp(prefix=f"{output.name}.tmp-old-", dir=output.parent))
        output.rename(old / output.name)
        try:
            staging.rename(output)
        except OSError:
            (old / output.name).rename(output)
            old.rmdir()
            raise
        shutil.rmtree(old, ignore_errors=True)
    _sync_folder(output.parent)


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
