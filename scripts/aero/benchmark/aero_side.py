"""Runs AERO's side of a benchmark: one `aero train`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aero.benchmark.processes import run_process
from aero.benchmark.setting import LEARNING_RATE, Setting
from aero.checkpoint.run_folder import read_lines
from aero.core.jsonc import load_object

BASELINE = "SM+LN+G"  # what the plain PyTorch sides compute


@dataclass(frozen=True)
class AeroTurn:
    """Holds the seconds of all steps, the peak memory of the process, and the FLOPs of a step."""

    seconds: list[float]
    peak_bytes: int
    flops_per_step: float | None


def aero_config(
    setting: Setting,
    corpus: Path,
    run: Path,
    architecture: str = BASELINE,
    model: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns the config of AERO's side, with every key that a benchmark depends on.

    `model` and `train` add to those sections.
    """
    return {
        "seed": 1,
        "model": {
            "family": "gpt2",
            "architecture": architecture,
            "n_layer": setting.n_layer,
            "n_head": setting.n_head,
            "d_model": setting.d_model,
            "context": setting.context,
            "vocab_size": setting.vocab_size,
            "biases": "all",
            "tied_head": True,
            **(model or {}),
        },
        "data": {"path": str(corpus)},
        "train": {
            "duration": str(setting.steps),
            "batch_size": setting.batch_size,
            "accumulation": setting.accumulation,
            "dtype": setting.dtype,
            "device": setting.device,
            "threads": setting.threads,
            "clip": 1.0,
            **(train or {}),
        },
        "optimizer": {
            "name": "adamw",
            "lr": LEARNING_RATE,
            "beta1": 0.9,
            "beta2": 0.95,
            "eps": 1e-8,
            "weight_decay": 0.1,
        },
        "schedule": {"name": "constant", "warmup": "0"},
        "eval": {"every": "0", "batches": 1},
        "entropy": {"every": "0", "batches": 0},
        "checkpoint": {"every": "0"},
        "log": {"every": "1"},
        "run": {"folder": str(run)},
    }


def aero_turn(
    binary: Path,
    setting: Setting,
    folder: Path,
    architecture: str = BASELINE,
    model: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
    corpus: Path | None = None,
    limit: float | None = None,
) -> AeroTurn:
    """Runs `aero train` in `folder`, on `corpus` or else on the corpus beside the folder."""
    run, config = folder / "run", folder / "config.json"
    tokens = corpus or folder.parent / "corpus"
    settings = aero_config(setting, tokens, run, architecture, model, train)
    config.write_text(json.dumps(settings), encoding="utf-8")
    peak = run_process([str(binary), "train", str(config)], folder / "log.txt", limit)
    seconds: list[float] = []
    read_lines(
        run, lambda line: seconds.extend([] if "event" in line else [line.number("seconds")])
    )
    report = run / "report.json"
    flops = load_object(report)["training"]["flops_per_step"] if report.is_file() else None
    shutil.rmtree(run)  # its checkpoint can be several GB
    return AeroTurn(seconds, peak, flops)
