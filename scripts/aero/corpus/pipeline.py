"""Runs the whole preparation: makes a finished corpus folder from sources, or nothing at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from aero.corpus.collect import (
    BAD_RECORD,
    LeftOut,
    Selection,
    collect,
    plan,
    select,
    smallest_val_fraction,
)
from aero.corpus.console import Console
from aero.corpus.encode import batches, encode, read_texts, write_documents
from aero.corpus.encodings import NUL, WIDE
from aero.corpus.errors import CorpusError
from aero.corpus.filters import FILTERS
from aero.corpus.parallel import Crew
from aero.corpus.settings import Settings
from aero.corpus.sources import Found, find_files
from aero.corpus.staging import FORMAT, MANIFEST, check_output, staging_folder
from aero.corpus.stopping import Undo
from aero.corpus.token_file import SplitWriter, TokenFormat, write_durably
from aero.corpus.tokenizer import (
    describe_tokenizer,
    given_tokenizer,
    install_tokenizer,
    reads_text_as_eos,
    train_bpe,
)

MANIFEST_VERSION = 1
_REASONS = (
    "not-utf8",
    *WIDE,
    NUL,
    BAD_RECORD,
    "empty",
    *FILTERS,
    "duplicate",
    "beyond-limit",
    "shorter-than-context",
)


def prepare(
    settings: Settings,
    output: Path,
    workers: int,
    overwrite: bool,
    quiet: bool,
    undo: Undo | None = None,
) -> dict[str, Any]:
    """Prepares a corpus, and returns its manifest. Raises CorpusError or OSError, leaving nothing.

    `undo` always knows what must be removed when the process ends.
    """
    console = Console(quiet)
    undo = undo or Undo()
    output = output.resolve()
    check_output(output, overwrite, console)
    if settings.tokenizer is not None:
        describe_tokenizer(given_tokenizer(settings.tokenizer), settings)
    found = find_files(settings, output)
    if found.unreadable:
        console.warn(f"{found.unreadable} files or folders left out: permission denied")
    with staging_folder(output, overwrite, undo) as folder:
        spill_folder = folder / "spill"
        spill_folder.mkdir()
        with Crew(workers, undo) as crew:
            selection, counts, left_out = _collect_all(found, settings, spill_folder, crew, console)
            _check_selection(selection, counts, settings)
            tokenizer_file = _make_tokenizer(selection, settings, folder, spill_folder, console)
            tokenizer = describe_tokenizer(tokenizer_file, settings)
            if settings.tokenizer is None and tokenizer.vocab_size < settings.vocab_size:
                console.warn(
                    f"the text yields only {tokenizer.vocab_size:,} tokens, not the "
                    f"{settings.vocab_size:,} of --vocab-size"
                )
            if settings.layout == "stream" and reads_text_as_eos(tokenizer_file, tokenizer):
                console.warn(
                    f'--eos "{tokenizer.eos}": ordinary text can also be encoded to this token, so '
                    "it does not mark where documents end; choose a special token"
                )
            form = TokenFormat(
                tokenizer.vocab_size,
                settings.layout,
                settings.context or 0 if settings.layout == "chunk" else 0,
                bytes.fromhex(tokenizer.sha256),
            )
            train = SplitWriter(folder, "train", form, settings.shard_tokens)
            val = SplitWriter(folder, "val", form, settings.shard_tokens)
            try:
                total = int(selection.records["length"].sum(dtype=np.uint64))
                tasks = batches(
                    selection, spill_folder, tokenizer_file, form, tokenizer.eos_id, settings
                )
                with console.bar("tokenize", total) as bar:
                    counts.update(write_documents(crew.map(encode, tasks, bar.update), train, val))
                _check_splits(train, val, settings)
                splits = {"train": train.close(), "val": val.close()}
            finally:
                train.abandon()
                val.abandon()
        shutil.rmtree(spill_folder)
        manifest = {
            "format": FORMAT,
            "version": MANIFEST_VERSION,
            "layout": form.layout,
            "context": form.context,
            "tokenizer": asdict(tokenizer),
            "splits": splits,
            "counts": _count_table(found, counts, left_out, train, val),
            "documents_sha256": hashlib.sha256(
                selection.records["sha"].astype(">u8").tobytes()
            ).hexdigest(),
            "settings": settings.as_json(),
        }
        write_durably(folder / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest


def _collect_all(
    found: Found, settings: Settings, spill_folder: Path, crew: Crew, console: Console
) -> tuple[Selection, Counter[str], LeftOut]:
    total = sum(file.size for file in found.files)
    console.say(f"reading {len(found.files):,} files ({total / 1e6:,.1f} MB)")
    counts: Counter[str] = Counter()
    harvested: list[bytes] = []
    left_out = LeftOut(Counter(), {})
    tasks = plan(found.files, settings, spill_folder)
    with console.bar("read", total) as bar:
        for harvest in crew.map(collect, tasks, bar.update):
            harvested.append(harvest.records)
            counts.update(harvest.counts)
            left_out.merge(harvest.left_out)
    _warn_of(left_out, console)
    selection = select(harvested, settings)
    counts["duplicate"] = selection.duplicates
    counts["beyond-limit"] = selection.beyond_limit
    return selection, counts, left_out


def _warn_of(left_out: LeftOut, console: Console) -> None:
    encodings = {what: n for what, n in left_out.counts.items() if what != BAD_RECORD}
    if encodings:
        found = ", ".join(
            f"{count:,} {what} (first {left_out.examples[what]})"
            for what, count in encodings.items()
        )
        console.warn(
            f"{sum(encodings.values()):,} documents are not UTF-8 text and were left out: {found}; "
            "convert text with iconv -f ENCODING -t UTF-8"
        )
    if left_out.counts[BAD_RECORD]:
        console.warn(
            f"{left_out.counts[BAD_RECORD]:,} bad records were left out; the first is "
            f"{left_out.examples[BAD_RECORD]}"
        )


def _check_selection(selection: Selection, counts: Counter[str], settings: Settings) -> None:
    """Raises CorpusError, before the long part of the work, where a split would be empty."""
    if not len(selection.records):
        dropped = ", ".join(f"{name} {counts[name]:,}" for name in _REASONS if counts[name])
        raise CorpusError(
            f"no document is left of {counts['documents']:,} (dropped: {dropped or 'none'}); check "
            "the sources and --jsonl-key, loosen the limits, or switch filters off by --filters "
            "none or --without NAME"
        )
    total = len(selection.records)
    in_val = int(selection.is_val.sum())
    if in_val == total:
        raise CorpusError(
            f"all {total:,} documents fall into validation; lower --val-fraction "
            f"{settings.val_fraction:g}, or cut documents by a smaller --max-document-bytes"
        )
    if settings.val_fraction > 0 and in_val == 0:
        least = smallest_val_fraction(selection)
        raise CorpusError(
            f"none of the {total:,} documents falls into validation at --val-fraction "
            f"{settings.val_fraction:g}; raise it above {least:.4f}, cut documents by a smaller "
            "--max-document-bytes, or give --val-fraction 0 for no validation"
        )


def _make_tokenizer(
    selection: Selection,
    settings: Settings,
    folder: Path,
    spill_folder: Path,
    console: Console,
) -> Path:
    if settings.tokenizer is not None:
        return install_tokenizer(given_tokenizer(settings.tokenizer), folder)
    train = selection.records[~selection.is_val]
    totals = np.cumsum(train["length"], dtype=np.uint64)
    count = max(1, int(np.searchsorted(totals, settings.bpe_sample_bytes, side="right")))
    console.say(
        f"training a byte-level BPE of {settings.vocab_size:,} tokens on {count:,} documents "
        f"({int(totals[count - 1]) / 1e6:,.1f} MB)"
    )
    path = folder / "tokenizer.json"
    train_bpe(read_texts(train[:count], spill_folder), settings, path, console.shows_wide_bars())
    return path


def _check_splits(train: SplitWriter, val: SplitWriter, settings: Settings) -> None:
    """Raises CorpusError where tokenizing dropped the last document of a split."""
    for writer, name in ((train, "train"), (val, "validation")):
        if writer.documents == 0 and (writer is train or settings.val_fraction > 0):
            raise CorpusError(
                f"no document is left in {name} after tokenizing: each is shorter than --context "
                f"{settings.context} tokens or below --token-ratio; lower them, or use --layout "
                "stream"
            )


def _count_table(
    found: Found,
    counts: Counter[str],
    left_out: LeftOut,
    train: SplitWriter,
    val: SplitWriter,
) -> dict[str, Any]:
    return {
        "files": len(found.files),
        "unreadable": found.unreadable,
        "documents": counts["documents"],
        "dropped": {name: counts[name] for name in _REASONS},
        "no_text": {
            what: {"documents": count, "example": left_out.examples[what]}
            for what, count in sorted(left_out.counts.items())
        },
        "train": train.counts(),
        "val": val.counts(),
    }
