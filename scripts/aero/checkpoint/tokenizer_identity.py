"""Which tokenizer's ids a model learned, and whether another file or corpus speaks the same."""

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
    """The SHA-256 of a tokenizer's file, empty where unknown, and whose it is in a message."""

    sha256: str
    owner: str


def identity_of_file(file: Path) -> TokenizerIdentity:
    """Raises AeroError."""
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; name a tokenizer.json") from error
    return TokenizerIdentity(digest, f"the tokenizer {file}")


def tokenizer_at(checkpoint: Path, *others: Path) -> str:
    """Returns the SHA-256 of the tokenizer whose ids a checkpoint learned, as its state says or a
    file in its folder or one of the others; empty where nothing says it.
    """
    known = _of_state(checkpoint / STATE)
    kept = (place / name for place in (checkpoint, *others) for name in KEPT)
    if not known and (file := next(filter(Path.is_file, kept), None)) is not None:
        known = identity_of_file(file).sha256
    return known


def tokenizer_of_model(checkpoint: Checkpoint) -> TokenizerIdentity:
    """Returns what the checkpoint's state says, or the file that it or its run keeps."""
    return TokenizerIdentity(
        tokenizer_at(*places_of(checkpoint.folder)), f"the model {checkpoint.folder}"
    )


def tokenizer_in_use(checkpoint: Checkpoint) -> str:
    """The hash that a party tells the other: of the model's, else of the file it was given."""
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
        raise UsageError(f"{file}: no JSON; take an older checkpoint") from error
    known = state.get("tokenizer_sha256", "") if isinstance(state, dict) else ""
    return known if isinstance(known, str) else ""


def require_same_tokenizer(one: TokenizerIdentity, other: TokenizerIdentity, advice: str) -> None:
    """Raises AeroError where both are known and differ."""
    if one.sha256 and other.sha256 and one.sha256 != other.sha256:
        raise UsageError(
            f"{one.owner} (tokenizer {one.sha256[:12]}) and {other.owner} (tokenizer "
            f"{other.sha256[:12]}) have different tokenizers: the same ids stand for other text; "
            f"{advice}"
        )
