"""Chooses held-out windows at fixed places, the same for all models of a corpus and context."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from aero.checkpoint.checkpoints import Checkpoint, config_of
from aero.checkpoint.tokenizer_identity import (
    TokenizerIdentity,
    require_same_tokenizer,
    tokenizer_of_model,
)
from aero.core.errors import UsageError
from aero.private.run.prompt import check_tokens
from aero.reference.tokens import Split


@dataclass(frozen=True)
class Window:
    """Holds a window. `place` counts those of the validation split, `number` the chosen ones."""

    number: int
    place: int
    tokens: list[int]


def places(count: int, size: int) -> list[int]:
    """Chooses `count` of `size` places: the first, the middle, the quarters and so on.

    A larger count keeps the places of a smaller one.
    """
    chosen: list[int] = []
    index = 0
    while len(chosen) < count:
        # This is van der Corput's sequence: the bits of the index, mirrored at the point.
        bits = f"{index:b}"[::-1]
        place = int(bits, 2) * size >> len(bits)
        if place not in chosen:
            chosen.append(place)
        index += 1
    return chosen


def corpus_of(checkpoint: Checkpoint) -> Path:
    """Returns the corpus that the run's config names, relative to this folder."""
    data = config_of(checkpoint.folder).get("data")
    path = data.get("path") if isinstance(data, dict) else None
    if not isinstance(path, str) or not path:
        raise UsageError(
            f"{checkpoint.folder}/config.json: no data.path; name the corpus by --data FOLDER"
        )
    return Path(path)


def held_out(checkpoint: Checkpoint, corpus: Path, count: int) -> list[Window]:
    """Returns windows of the model's context from the validation split. Raises UsageError."""
    config = checkpoint.config
    if not (corpus / "manifest.json").is_file():
        raise UsageError(
            f"{corpus}: no manifest.json of prepare_corpus.py, for {checkpoint.folder}; start this "
            f"where the run was started, or name the corpus by --data FOLDER"
        )
    try:
        split = Split(corpus, "val", config.context)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{corpus}/manifest.json: names no validation split") from error
    except OSError as error:
        raise UsageError(f"{error.filename or corpus}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{corpus}: no validation split ({error})") from error
    require_same_tokenizer(
        tokenizer_of_model(checkpoint),
        TokenizerIdentity(split.shards[0].tokenizer_sha256, f"the corpus {corpus}"),
        "name the run's corpus by --data FOLDER",
    )
    if split.size < count:
        raise UsageError(
            f"{corpus}: the validation split has {split.size} windows of {config.context} tokens, "
            f"and {count} were asked for (--repeats)"
        )
    windows = [
        Window(number, place, split.sample(place)[0].tolist())
        for number, place in enumerate(places(count, split.size))
    ]
    check_tokens([window.tokens for window in windows], config.vocab_size, config.context)
    return windows
