"""Finds the tokenizer whose ids a model learned, and compares it with that of a file or corpus."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from aero.checkpoint.checkpoints import Checkpoint, places_of
from aero.core.errors import UsageError

STATE = "state.json"
KEPT = ("tokenizer.json", "tokenizer.model")


@dataclass(frozen=True)
class TokenizerIdentity:
    """Holds the SHA-256 of a tokenizer's file, empty where unknown, and its owner for messages."""

    sha256: str
    owner: str


def identity_of_file(file: Path) -> TokenizerIdentity:
    """Hashes a tokenizer's file. Raises AeroError where it cannot be read."""
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; name a tokenizer.json") from error
    return TokenizerIdentity(digest, f"the tokenizer {file}")


def tokenizer_at(checkpoint: Path, *others: Path) -> str:
    """Returns the SHA-256 of the tokenizer whose ids a checkpoint learned, empty where unknown.

    Reads it from the checkpoint's state, or else from a tokenizer's file in its folder or one of
    the others.
    """
    known = _of_state(checkpoint / STATE)
    kept = (place / name for place in (checkpoint, *others) for name in KEPT)
    if not known and (file := next(filter(Path.is_file, kept), None)) is not None:
        known = identity_of_file(file).sha256
    return known


def tokenizer_of_model(checkpoint: Checkpoint) -> TokenizerIdentity:
    """Identifies the model's tokenizer by the checkpoint's state, or else by the file that the
    checkpoint or its run keeps.
    """
    return TokenizerIdentity(
        tokenizer_at(*places_of(checkpoint.folder)), f"the model {checkpoint.folder}"
    )


def tokenizer_in_use(checkpoint: Checkpoint) -> str:
    """Returns the hash that a party sends to the other: that of the model's tokenizer, or else of
    the file in use.
    """
    known = tokenizer_of_model(checkpoint).sha256
    if not known and checkpoint.tokenizer is not None:
        known = identity_of_file(checkpoint.tokenizer).sha256
    return known


def _of_state(file: Path) -> str:
    if not file.is_file():
        return ""
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not JSON; take an older checkpoint") from error
    known = state.get("tokenizer_sha256", "") if isinstance(state, dict) else ""
    return known if isinstance(known, str) else ""


def require_same_tokenizer(one: TokenizerIdentity, other: TokenizerIdentity, advice: str) -> None:
    """Raises UsageError where both tokenizers are known and differ."""
    if one.sha256 and other.sha256 and one.sha256 != other.sha256:
        raise UsageError(
            f"{one.owner} (tokenizer {one.sha256[:12]}) and {other.owner} (tokenizer "
            f"{other.sha256[:12]}) have different tokenizers: the same ids stand for other text; "
            f"{advice}"
        )
