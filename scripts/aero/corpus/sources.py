"""Finds the files that a run reads: those of folders, globs and single files, each once."""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aero.corpus.errors import CorpusError
from aero.corpus.settings import Settings

_COMPRESSED = (".gz", ".zst")
_JSONL = (".jsonl", ".ndjson")
_CODE = (".py", ".pyi")
_Place = tuple[str, str]  # a path as found, and with all links resolved


@dataclass(frozen=True)
class SourceFile:
    """Describes a file to read by what its name says about it."""

    path: str
    size: int
    compression: str  # "", ".gz" or ".zst"
    is_jsonl: bool
    is_code: bool


@dataclass(frozen=True)
class Found:
    """Holds the files of all sources, and how many files and folders the user may not read."""

    files: list[SourceFile]
    unreadable: int


def find_files(settings: Settings, output: Path) -> Found:
    """Finds all files of the sources, sorted by path; `output` (resolved) is never one of them."""
    finder = _Finder(settings.include, output)
    files: dict[str, SourceFile] = {}
    for source in settings.sources:
        for path, real in sorted(finder.expand(source)):
            if real in files:
                continue
            if os.access(path, os.R_OK):
                files[real] = _describe(path, settings)
            else:
                finder.denied.add(real)
    if not files:
        raise CorpusError("the sources cannot be read: permission denied; check their permissions")
    found = sorted(files.values(), key=lambda file: file.path)
    return Found(found, len(finder.denied))


def _describe(path: str, settings: Settings) -> SourceFile:
    name = path
    compression = next((end for end in _COMPRESSED if name.lower().endswith(end)), "")
    name = name[: len(name) - len(compression)].lower()
    is_jsonl = settings.format == "jsonl" or (settings.format == "auto" and name.endswith(_JSONL))
    return SourceFile(path, Path(path).stat().st_size, compression, is_jsonl, name.endswith(_CODE))


class _Finder:
    """Expands sources; remembers the folders that it may not read."""

    def __init__(self, include: tuple[str, ...], output: Path) -> None:
        self.denied: set[str] = set()
        self._include = include
        self._output = str(output)

    def expand(self, source: str) -> list[_Place]:
        """Lists the files of one source. Raises CorpusError where it has none."""
        path = Path(source)
        if path.is_file():
            return [_place(source)]
        if path.is_dir():
            places = self._inside(source)
            if not places and not self.denied:
                patterns = " ".join(self._include)
                raise CorpusError(f"{source}: no file in this folder matches --include {patterns}")
            return places
        if path.exists():
            raise CorpusError(f"{source}: not a regular file; give a file, a folder or a glob")
        if not glob.has_magic(source):
            raise CorpusError(f"{source}: no such file or folder; check the path")
        matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 (absolute patterns too)
        places = [_place(match) for match in matches if Path(match).is_file()]
        for match in matches:
            if Path(match).is_dir():
                places += self._inside(match)
        if not places and not self.denied:
            raise CorpusError(f"{source}: the pattern matches no file; check it and its quotes")
        return places

    def _inside(self, folder: str) -> list[_Place]:
        return [place for place in self._walk(folder) if self._included(place[0], folder)]

    def _included(self, file: str, folder: str) -> bool:
        name = file.rpartition("/")[2]
        relative = file[len(folder) :].lstrip("/")
        return any(
            fnmatch.fnmatchcase(relative if "/" in pattern else name, pattern)
            for pattern in self._include
        )

    def _walk(self, top: str) -> Iterator[_Place]:
        """Yields the regular files below a folder.

        Follows links, enters each folder once, and passes over hidden names.
        """
        visited: set[str] = set()
        pending = [top]
        while pending:
            folder = pending.pop()
            real_folder = os.path.realpath(folder)
            if real_folder in visited or self._is_output(real_folder):
                continue
            visited.add(real_folder)
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except PermissionError:
                self.denied.add(real_folder)
                continue
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                try:
                    mode = entry.stat().st_mode
                except OSError:  # a dangling link or a link to itself
                    continue
                if stat.S_ISDIR(mode):
                    pending.append(entry.path)
                elif stat.S_ISREG(mode):
                    linked = entry.is_symlink()
                    real = f"{real_folder}/{entry.name}"
                    yield (_place(entry.path) if linked else (entry.path, real))

    def _is_output(self, real_folder: str) -> bool:
        return real_folder == self._output or real_folder.startswith(f"{self._output}.tmp-")


def _place(path: str) -> _Place:
    return path, os.path.realpath(path)
