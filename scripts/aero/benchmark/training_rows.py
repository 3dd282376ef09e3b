"""Lists the papers' models that scripts/gpu/train.py trains, with settings of configs/tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aero.core.errors import UsageError
from aero.core.jsonc import load_object
from aero.core.places import ROOT
from aero.results.tables import Table, paper_tables

_TABLES = ("gpt2-t128", "nonlinearity-gpt2-t128")  # both of GPT-2, 12 layers, T = 128
BASELINE = "SM+LN+G"
WARMUP = "50%"  # of the steps; 5% of few steps are too steep for models without norms
_EREG = "EReg(SM(t)+ScFuFFN_i6)"

ROWS = (
    *(BASELINE, "SM+LN+R", "SM+G", "SM+R"),
    *("SM+ScFFN", "SM+ScFuFFN", "SM+ScFuFFN_i6", _EREG),
)
# The most interesting rows come first, because time may run out.
ORDER = (
    *(BASELINE, _EREG, "SM+R", "SM+G"),
    *("SM+ScFuFFN_i6", "SM+ScFFN", "SM+LN+R", "SM+ScFuFFN"),
)


def stand_in(row: str) -> str:
    """Returns the row whose steps are timed in place of this one's; it is not faster."""
    if row == _EREG:
        return _EREG
    return "SM+ScFuFFN" if "Fu" in row else BASELINE


@dataclass(frozen=True)
class Size:
    """Holds the size of a run, which the tables do not give; `model` overrides their settings."""

    batch_size: int
    least_steps: int
    most_steps: int
    probe_steps: int
    model: Mapping[str, Any]

    @property
    def tokens_per_step(self) -> int:
        return self.batch_size * self.context

    @property
    def context(self) -> int:
        return int(self.model["model.context"])


# FULL has the papers' micro-batch, which lambda of EReg depends on, without their accumulation of
# 4: with it, so few tokens would make too few steps.
FULL = Size(128, 50, 130_000, 20, {"model.context": 128})  # at most the papers' 2.1 G tokens
DRY = Size(
    4,
    2,
    6,
    3,
    {
        "model.context": 16,
        "model.n_layer": 7,
        "model.n_head": 2,
        "model.d_model": 16,
        "train.threads": 1,
        "eval.batches": 2,
    },
)


def _run_of(table: dict[str, Any], row: str) -> dict[str, Any] | None:
    """Returns the settings of a run of the sweep, None where it has no such run."""
    for run in table["runs"]:
        if run == row:
            return {"model.architecture": row}
        if isinstance(run, dict) and run.get("name") == row:
            settings: dict[str, Any] = run["set"]
            return settings
    return None


def row_settings(row: str) -> tuple[Path, dict[str, Any]]:
    """Returns the config that the row's sweep begins with, and what the sweep sets."""
    for name in _TABLES:
        file = ROOT / "configs" / "tables" / f"{name}.json"
        table = load_object(file)
        settings = _run_of(table, row)
        if settings is not None:
            return (file.parent / table["base"]).resolve(), {**table["set"], **settings}
    raise UsageError(f"{row}: not a row of {' or '.join(_TABLES)}")


def train_command(
    aero: Path, row: str, size: Size, corpus: Path, settings: Mapping[str, Any]
) -> list[str]:
    """Returns the command that trains a row on a corpus, with further settings."""
    base, of_row = row_settings(row)
    tokenizer = load_object(corpus / "manifest.json")["tokenizer"]
    every = {
        **of_row,
        "model.vocab_size": tokenizer["vocab_size"],
        "data.path": str(corpus),
        "train.batch_size": size.batch_size,
        "train.accumulation": 1,
        "checkpoint.every": "0",
        "checkpoint.keep_last": 1,
        "checkpoint.keep_best": False,
        **size.model,
        **settings,
    }
    command = [str(aero), "train", str(base)]
    for key, value in every.items():
        command += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return command


def published(row: str) -> float | None:
    """Returns the papers' perplexity, None where they have none."""
    tables: dict[str, Table] = paper_tables()
    for name in _TABLES:
        for each in tables[name].rows:
            if each.name == row:
                return each.perplexity
    return None


def published_tokens() -> int:
    """Returns the tokens that the papers' rows were trained on."""
    return paper_tables()[_TABLES[0]].tokens
