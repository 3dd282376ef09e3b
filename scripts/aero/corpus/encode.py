"""Encodes the selected documents in a second pass, in order, and writes the token files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from aero.corpus.collect import Selection, spill_path
from aero.corpus.errors import CorpusError
from aero.corpus.parallel import advance
from aero.corpus.settings import Settings
from aero.corpus.token_file import SplitWriter, TokenFormat
from aero.corpus.tokenizer import load_encoder

_BATCH_BYTES = 1 << 20
_BATCH_DOCUMENTS = 512


@dataclass(frozen=True)
class EncodeTask:
    """Holds some records of the selection, in order, and how they are encoded."""

    records: np.ndarray
    is_val: np.ndarray
    spill_folder: Path
    tokenizer: Path
    form: TokenFormat
    eos_id: int | None
    token_ratio: float


@dataclass(frozen=True)
class Encoded:
    """Holds a document's tokens as they go to the file, or the reason why it is dropped."""

    is_val: bool
    tokens: np.ndarray
    characters: int
    bytes: int
    dropped: str | None = None


def read_texts(records: np.ndarray, spill_folder: Path) -> Iterator[str]:
    """Reads the texts of records from the spill files."""
    with ExitStack() as stack:
        spills: dict[int, BinaryIO] = {}
        for record in records:
            number = int(record["spill"])
            if number not in spills:
                spills[number] = stack.enter_context(spill_path(spill_folder, number).open("rb"))
            spills[number].seek(int(record["offset"]))
            yield spills[number].read(int(record["length"])).decode()


def batches(
    selection: Selection,
    spill_folder: Path,
    tokenizer: Path,
    form: TokenFormat,
    eos_id: int | None,
    settings: Settings,
) -> Iterator[EncodeTask]:
    """Cuts the selection, in order, into tasks of about a megabyte."""
    totals = np.cumsum(selection.records["length"], dtype=np.uint64)
    begin = 0
    while begin < len(totals):
        before = int(totals[begin - 1]) if begin else 0
        end = int(np.searchsorted(totals, before + _BATCH_BYTES, side="right"))
        end = min(max(end, begin + 1), begin + _BATCH_DOCUMENTS)
        yield EncodeTask(
            selection.records[begin:end],
            selection.is_val[begin:end],
            spill_folder,
            tokenizer,
            form,
            eos_id,
            settings.filters.token_ratio,
        )
        begin = end


def encode(task: EncodeTask) -> list[Encoded]:
    """Tokenizes the documents of a task (runs in a worker)."""
    encoder = load_encoder(task.tokenizer)
    texts = list(read_texts(task.records, task.spill_folder))
    rows = zip(task.records, task.is_val, texts, encoder.encode(texts), strict=True)
    result = [
        _finish(ids, len(text), record, bool(is_val), task) for record, is_val, text, ids in rows
    ]
    advance(int(task.records["length"].sum(dtype=np.uint64)))
    return result


def _finish(
    ids: np.ndarray, characters: int, record: np.void, is_val: bool, task: EncodeTask
) -> Encoded:
    size = int(record["length"])
    form = task.form
    if len(ids) and int(ids.max()) >= form.vocab_size:
        raise CorpusError(f"the tokenizer returned token {ids.max()}, outside its vocabulary")
    if record["has_ratio_filter"] and characters < task.token_ratio * len(ids):
        return Encoded(is_val, ids[:0], characters, size, "token-ratio")
    if form.layout == "chunk":
        ids = ids[: len(ids) - len(ids) % form.context]
        if not len(ids):
            return Encoded(is_val, ids, characters, size, "shorter-than-context")
    elif task.eos_id is not None:
        ids = np.append(ids, task.eos_id)
    return Encoded(is_val, ids.astype(form.dtype), characters, size)


def write_documents(
    encoded: Iterator[list[Encoded]], train: SplitWriter, val: SplitWriter
) -> Counter[str]:
    """Appends the documents to their splits, and returns how many each reason dropped."""
    dropped: Counter[str] = Counter()
    for document in (document for batch in encoded for document in batch):
        if document.dropped is not None:
            dropped[document.dropped] += 1
        else:
            writer = val if document.is_val else train
            writer.add(document.tokens, document.characters, document.bytes)
    return dropped
