"""Defines the sizes of a training step, and makes random tokens for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aero.reference.tokens import write_token_file

LEARNING_RATE = 1e-5  # so small that no value becomes non-finite while a model is timed


@dataclass(frozen=True)
class Setting:
    """Holds the sizes of a step, and how many steps a turn takes."""

    n_layer: int
    n_head: int
    d_model: int
    vocab_size: int
    context: int
    batch_size: int
    accumulation: int
    dtype: str
    threads: int  # 0: as many as the side chooses
    steps: int
    device: str = "cpu"

    @property
    def tokens_per_step(self) -> int:
        return self.batch_size * self.accumulation * self.context


def make_corpus(folder: Path, setting: Setting) -> None:
    """Makes random tokens, enough for the steps of a turn, and one batch to evaluate."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(1)
    kind = {"kind": "random", "note": "made for a benchmark"}
    splits = {}
    for name, steps in (("train", setting.steps), ("val", 1)):
        tokens = generator.integers(setting.vocab_size, size=steps * setting.tokens_per_step + 1)
        write_token_file(folder / f"{name}.bin", tokens, setting.vocab_size)
        splits[name] = [{"file": f"{name}.bin", "tokens": len(tokens)}]
    manifest = {"format": "aero-corpus", "version": 1, "splits": splits, "source": kind}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
