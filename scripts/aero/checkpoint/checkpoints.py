"""Finds and reads the checkpoints of `aero train` without PyTorch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from aero.checkpoint.kinds import WEIGHTS
from aero.config.check import read_config
from aero.config.model import ModelConfig
from aero.core.errors import UsageError


@dataclass(frozen=True)
class Checkpoint:
    """Describes a checkpoint; `tokenizer` is None where neither its folder nor its run has one."""

    folder: Path
    config: ModelConfig
    tokenizer: Path | None
    architecture: str


def _newest(run: Path) -> Path:
    steps = sorted(path for path in (run / "checkpoints").glob("step-*") if path.is_dir())
    if not steps:
        raise UsageError(f"{run}/checkpoints: no checkpoint; has the run saved one?")
    return steps[-1]


def places_of(folder: Path) -> list[Path]:
    """Lists where a checkpoint's files may be: its folder, and that of its run."""
    above = folder.resolve().parent
    return [folder, above.parent] if above.name == "checkpoints" else [folder]


def config_of(folder: Path) -> dict[str, Any]:
    """Reads a checkpoint's config, whose section "model" is an object. Raises UsageError."""
    file = folder / "config.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{file}: {error.strerror}; {file.parent} is not a checkpoint of `aero train`"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not JSON; {file.parent} is not a checkpoint of AERO") from error
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise UsageError(
            f'{file}: not a config of AERO: it has no section "model"; a model of Hugging Face '
            f"transformers cannot be read"
        )
    return content


def find_checkpoint(path: Path) -> Checkpoint:
    """Finds a folder's checkpoint, or the newest one of a run, without reading the weights."""
    if not path.is_dir():
        raise UsageError(f"{path}: no such folder; name a run or a checkpoint of `aero train`")
    folder = _newest(path) if (path / "checkpoints").is_dir() else path
    section = config_of(folder)["model"]
    config = read_config(section, str(folder / "config.json"))
    files = (place / "tokenizer.json" for place in places_of(folder))
    tokenizer = next(filter(Path.is_file, files), None)
    return Checkpoint(folder, config, tokenizer, str(section.get("architecture", "")))


def load_weights(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Reads all tensors as float64. Raises UsageError where the file is damaged or a value is not
    finite.
    """
    file = checkpoint.folder / WEIGHTS
    try:
        tensors = load_file(file)
    except FileNotFoundError as error:
        raise UsageError(f"{file}: no such file") from error
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or 'cannot be read'}") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{file}: damaged, or not weights of AERO; train on, or take an older checkpoint"
        ) from error
    for name, tensor in tensors.items():
        if tensor.dtype.kind not in "fiu":
            raise UsageError(f"{file}: {name} has the type {tensor.dtype}, which cannot be read")
        if not np.isfinite(tensor).all():
            raise UsageError(f"{file}: {name} has values that are not finite")
    return {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
