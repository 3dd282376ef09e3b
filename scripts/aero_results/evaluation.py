"""What a member was evaluated on: perplexities compare only where that is the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aero_results.errors import ResultsError
from aero_results.files import read_bytes
from aero_results.jsonc import load_object
from aero_results.kinds import CONFIG

_CONTEXTS = "eval.batches x eval.batch_size"
_KEYS = ("data.path", "tokenizer", "model.context", _CONTEXTS)
_TOKENIZERS = ("tokenizer.json", "tokenizer.model")


@dataclass(frozen=True)
class Evaluation:
    """By key. What the sweep does not set is its base's, which the result does not tell."""

    known: Mapping[str, Any] = field(default_factory=dict)
    set: Mapping[str, Any] = field(default_factory=dict)

    def differs_in(self, other: Evaluation) -> list[str]:
        """The keys; what is known of one alone counts where the sweep sets it otherwise."""

        def is_other(key: str) -> bool:
            mine, theirs = self.known.get(key), other.known.get(key)
            if mine is None or theirs is None:
                mine, theirs = self.set.get(key), other.set.get(key)
            return mine != theirs

        return [key for key in _KEYS if is_other(key)]


def evaluation_of(
    model: Mapping[str, Any], settings: Mapping[str, Any], folders: Sequence[Path]
) -> Evaluation:
    """Of a member: its section "model", what the sweep sets for it, and the folders of its runs."""
    chosen = _of_settings(settings)
    known = chosen | {"model.context": model.get("context")}
    for folder in folders:
        if config := _object(folder / CONFIG):
            known |= _of_settings(_flat(config)) | {"tokenizer": _tokenizer(folder)}
            break
    return Evaluation(known, chosen)


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of the sections: {"eval.batches": 4}."""
    return {
        f"{name}.{key}": value
        for name, section in config.items()
        if isinstance(section, dict)
        for key, value in section.items()
    }


def _of_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    path, batches = settings.get("data.path"), settings.get("eval.batches")
    # 0 batches are the whole split, and a batch of 0 is one of training.
    batch = settings.get("eval.batch_size") or settings.get("train.batch_size")
    known = {
        "data.path": os.path.normpath(path) if isinstance(path, str) else None,
        _CONTEXTS: batches * (batch or 1) if isinstance(batches, int) else None,
    }
    return {key: value for key, value in known.items() if value is not None}


def _object(file: Path) -> dict[str, Any]:
    """Empty where there is none, for a result may be told without the folders of its runs."""
    try:
        return load_object(file) if file.is_file() else {}
    except ResultsError:
        return {}


def _tokenizer(run: Path) -> str | None:
    """The SHA-256 of the file that the run's newest checkpoint names, or that it keeps."""
    for state in sorted(run.glob("checkpoints/step-*/state.json"), reverse=True):
        if known := _object(state).get("tokenizer_sha256"):
            return str(known)
    for file in (run / name for name in _TOKENIZERS):
        if file.is_file():
            return hashlib.sha256(read_bytes(file)).hexdigest()
    return None
