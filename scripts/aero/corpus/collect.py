"""Collects documents in a first pass: reads, filters and spills them, then selects among them.

The text of a kept document goes to a spill file of the worker that read it, and a record of 73
bytes goes to the main process. Only the records grow in memory with the corpus. To select is to
deduplicate, order, limit and split the documents by their records.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from aero.corpus.documents import BadRecord, Document, Part, parts_of, read_documents
from aero.corpus.encodings import NUL, WIDE, NotTextError, encoding_of
from aero.corpus.filters import Draws, active_filters, first_failed
from aero.corpus.settings import Settings
from aero.corpus.sources import SourceFile

RECORD = np.dtype(
    [
        ("order", "<u8"),
        ("sha", "<u8", (4,)),
        ("content", "<u8", (2,)),
        ("spill", "<u4"),
        ("offset", "<u8"),
        ("length", "<u4"),
        ("has_ratio_filter", "u1"),
    ]
)
BAD_RECORD = "bad-record"
_PACK = struct.Struct("<Q4Q2QIQIB")
_PART_BYTES = 16 << 20
_TASK_FILES = 256
_TASK_BYTES = 4 << 20


@dataclass(frozen=True)
class CollectTask:
    """Holds the parts of files that one worker reads."""

    parts: tuple[Part, ...]
    settings: Settings
    spill_folder: Path


@dataclass
class LeftOut:
    """Counts documents without text by what they hold instead, and keeps the first of each kind."""

    counts: Counter[str]
    examples: dict[str, str]

    def add(self, what: str, example: str) -> None:
        self.counts[what] += 1
        self.examples.setdefault(what, example)

    def merge(self, later: LeftOut) -> None:
        self.counts.update(later.counts)
        self.examples = later.examples | self.examples


@dataclass(frozen=True)
class Harvest:
    """Holds what a task kept (packed records), and counts what it read and dropped."""

    records: bytes
    counts: Counter[str]
    left_out: LeftOut


@dataclass(frozen=True)
class Selection:
    """Holds the corpus's documents in their final order, with validation marked."""

    records: np.ndarray
    is_val: np.ndarray
    duplicates: int
    beyond_limit: int


def spill_path(folder: Path, number: int) -> Path:
    """Returns the file where the worker of this number (its process id) puts kept text."""
    return folder / f"spill-{number}.bin"


def plan(files: list[SourceFile], settings: Settings, spill_folder: Path) -> Iterator[CollectTask]:
    """Groups small files and cuts large JSONL files into tasks of a few megabytes each."""
    batch: list[Part] = []
    size = 0
    for part in (part for file in files for part in parts_of(file, _PART_BYTES)):
        batch.append(part)
        size += part.end - part.begin
        if size >= _TASK_BYTES or len(batch) >= _TASK_FILES:
            yield CollectTask(tuple(batch), settings, spill_folder)
            batch, size = [], 0
    if batch:
        yield CollectTask(tuple(batch), settings, spill_folder)


def reason_of(what: str) -> str:
    """Returns the key that counts what is left out."""
    return what if what in (BAD_RECORD, NUL, *WIDE) else "not-utf8"


def collect(task: CollectTask) -> Harvest:
    """Reads and filters the documents of a task (runs in a worker)."""
    counts: Counter[str] = Counter()
    records = bytearray()
    left_out = LeftOut(Counter(), {})
    with spill_path(task.spill_folder, os.getpid()).open("ab") as spill:
        for part in task.parts:
            before = (spill.tell(), len(records), counts.copy())
            try:
                _collect_part(part, task.settings, spill, records, counts, left_out)
            except NotTextError as error:
                # The fault may show late in the file: what came before it is not text either.
                offset, length, counts = before
                spill.truncate(offset)
                spill.seek(offset)
                del records[length:]
                left_out.add(error.encoding, part.file.path)
                counts["documents"] += 1
                counts[reason_of(error.encoding)] += 1
    return Harvest(bytes(records), counts, left_out)


def _collect_part(
    part: Part,
    settings: Settings,
    spill: BinaryIO,
    records: bytearray,
    counts: Counter[str],
    left_out: LeftOut,
) -> None:
    """Appends what a part keeps to `spill` and `records`."""
    for document in read_documents(part, settings):
        counts["documents"] += 1
        if isinstance(document, BadRecord):
            counts[BAD_RECORD] += 1
            left_out.add(BAD_RECORD, document.fault)
            continue
        try:
            text = document.data.decode()
        except UnicodeDecodeError:
            encoding = encoding_of(document.data)
            counts[reason_of(encoding)] += 1
            left_out.add(encoding, part.file.path)
            continue
        record = _examine(document, text, settings, counts, spill.tell())
        if record:
            spill.write(document.data)
            records += record


def _examine(
    document: Document, text: str, settings: Settings, counts: Counter[str], offset: int
) -> bytes:
    """Returns the document's record, or no bytes where a filter drops it."""
    stripped = text.strip()
    if not stripped:
        counts["empty"] += 1
        return b""
    sha = hashlib.sha256(document.data).digest()
    seed = settings.seed.to_bytes(8, "little")
    order, draw_1, draw_2 = struct.unpack(
        ">3Q", hashlib.blake2b(sha, digest_size=24, key=seed).digest()
    )
    active = active_filters(settings.filters, document.is_code)
    draws = Draws(draw_1 / 2**64, draw_2 / 2**64)
    failed = first_failed(text, active, settings.filters, draws)
    if failed is not None:
        counts[failed] += 1
        return b""
    content = hashlib.blake2b(stripped.encode(), digest_size=16).digest()
    return _PACK.pack(
        order,
        *struct.unpack(">4Q", sha),
        *struct.unpack(">2Q", content),
        os.getpid(),
        offset,
        len(document.data),
        "token-ratio" in active,
    )


def select(harvested: list[bytes], settings: Settings) -> Selection:
    """Deduplicates, orders, limits and splits the documents by their hashes alone."""
    records = np.frombuffer(b"".join(harvested), dtype=RECORD)
    ranks = tuple(records["sha"][:, word] for word in (3, 2, 1, 0))
    records = records[np.lexsort((*ranks, records["order"]))]
    found = len(records)
    if settings.dedup:
        records = records[_first_of_each(records["content"])]
    unique = len(records)
    records = records[: _within_limits(records, settings)]
    threshold = np.uint64(int(settings.val_fraction * 2**64))
    is_val = records["sha"][:, 0] < threshold
    return Selection(records, is_val, found - unique, unique - len(records))


def _first_of_each(keys: np.ndarray) -> np.ndarray:
    """Returns where each distinct value of [n, 2] keys comes first, in ascending order."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # stable, so that equal keys stay in order
    grouped = keys[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (grouped[1:] != grouped[:-1]).any(axis=1)
    return np.sort(order[is_first])


def _within_limits(records: np.ndarray, settings: Settings) -> int:
    """Counts the leading documents that --max-documents and --max-bytes allow."""
    count = len(records)
    if settings.max_documents is not None:
        count = min(count, settings.max_documents)
    if settings.max_bytes is not None:
        totals = np.cumsum(records["length"], dtype=np.uint64)
        count = min(count, int(np.searchsorted(totals, settings.max_bytes, side="right")))
    return count


def smallest_val_fraction(selection: Selection) -> float:
    """Returns the share above which at least one document would fall into validation."""
    return float(selection.records["sha"][:, 0].min()) / 2**64
