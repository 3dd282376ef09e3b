"""Defines all settings that decide the bytes of a corpus, and no others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Layout = Literal["stream", "chunk"]
Format = Literal["auto", "text", "jsonl"]
Profile = Literal["auto", "code", "text", "none"]

DEFAULT_EOS = "<|endoftext|>"
MIN_VOCAB = 257  # the 256 bytes and the end of a document


@dataclass(frozen=True)
class FilterSettings:
    """Holds which filters run, and their thresholds (CodeParrot's by default)."""

    profile: Profile = "auto"
    without: tuple[str, ...] = ()
    line_max: int = 1000
    line_mean: float = 100.0
    alpha_fraction: float = 0.25
    token_ratio: float = 1.5
    drop_share: float = 0.7


@dataclass(frozen=True)
class Settings:
    """Holds the options of one run, without worker count and output path: they change no byte."""

    sources: tuple[str, ...]
    include: tuple[str, ...] = ("*",)
    format: Format = "auto"
    jsonl_key: str | None = None
    skip_bad: bool = False
    separator: str | None = None
    max_document_bytes: int = 4 << 20
    filters: FilterSettings = FilterSettings()
    dedup: bool = True
    max_documents: int | None = None
    max_bytes: int | None = None
    seed: int = 0
    val_fraction: float = 0.01
    tokenizer: str | None = None
    vocab_size: int = 32000
    bpe_sample_bytes: int = 100_000_000
    eos: str | None = None
    layout: Layout = "stream"
    context: int | None = None
    shard_tokens: int = 500_000_000

    def as_json(self) -> dict[str, Any]:
        """Returns the settings as the manifest records them."""
        return asdict(self)
