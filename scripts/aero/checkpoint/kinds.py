"""Finds out what a path is, so that a message can say what is wrong with it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from aero.core.errors import AeroError, UsageError
from aero.core.files import read_text
from aero.core.jsonc import load_object, parse

METRICS = "metrics.jsonl"
CONFIG = "config.json"
WEIGHTS = "weights.safetensors"


def _object(file: Path) -> dict[str, Any]:
    """Reads an object of JSON; returns an empty one where the file does not hold an object."""
    with contextlib.suppress(AeroError):
        return load_object(file)
    return {}


def is_result(value: dict[str, Any]) -> bool:
    """Returns whether `aero ablate` or `aero pipeline` wrote this."""
    return isinstance(value.get("members"), list) or (
        "pipeline" in value and isinstance(value.get("steps"), list)
    )


def results_in(folder: Path) -> list[Path]:
    """Lists the tables that `aero ablate` and `aero pipeline` wrote in a folder."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [file for file in files if file.is_file() and is_result(_object(file))]


def is_checkpoint(folder: Path) -> bool:
    """Returns whether a folder is a checkpoint of a run, with its weights."""
    return (folder / WEIGHTS).is_file()


def run_of_checkpoint(folder: Path) -> Path | None:
    """Returns the run that a checkpoint, or a folder of checkpoints, belongs to."""
    above = folder.resolve()
    runs = (above.parent.parent, above.parent)
    return next((run for run in runs if (run / METRICS).is_file()), None)


def _folder(folder: Path) -> str:
    config = _object(folder / CONFIG)
    if is_checkpoint(folder) or folder.name == "checkpoints":
        return "a checkpoint" if is_checkpoint(folder) else "a run's folder of checkpoints"
    if "model_type" in config or "architectures" in config:
        return "a Hugging Face model"
    if (folder / METRICS).is_file():
        return "a run's folder"
    if isinstance(config.get("model"), dict):
        return f"a run that has not begun: it has no {METRICS}"
    if results_in(folder):
        return "the folder of a sweep or pipeline"
    if (folder / "manifest.json").is_file() or any(folder.glob("*train*.bin")):
        return "a corpus"
    if any(each.is_dir() and (each / METRICS).is_file() for each in folder.glob("seed-*")):
        return "the folder of a sweep's member"
    return "an empty folder" if not any(folder.iterdir()) else "a folder of something else"


def _is_config(value: dict[str, Any]) -> bool:
    return isinstance(value.get("model"), dict) and isinstance(value.get("train"), dict)


def _file(file: Path) -> str:
    if file.name == METRICS:
        return "the metrics of a run"
    if file.suffix in (".safetensors", ".pt", ".bin", ".tok"):
        return "a file of weights or tokens"
    try:
        value = parse(read_text(file))
    except AeroError as error:
        return "not a text" if error.status == UsageError.status else "a file that cannot be read"
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(value, dict):
        return "JSON of something else"
    if is_result(value):
        return "the result of a sweep or pipeline"
    if "runs" in value or "base" in value:
        return "the description of a sweep or pipeline, not its result"
    return "a config" if _is_config(value) else "JSON of something else"


def what_it_is(path: Path) -> str:
    """Describes a path for a message: "a checkpoint", "a corpus", ..."""
    try:
        if path.is_dir():
            return _folder(path)
        if path.is_file():
            return _file(path)
        return "not an ordinary file" if path.exists() else "no such file or folder"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or error})"


def _instead(path: Path, wanted: str) -> str:
    """Names the runs or results near a path that could be given in its place; "" without any.

    `wanted` says whether runs or results are taken.
    """
    takes_runs, takes_results = "run" in wanted, "JSON" in wanted
    if path.is_dir():
        found = results_in(path) if takes_results else []
        if takes_runs and not found:
            run = run_of_checkpoint(path)
            seeds = sorted(each.parent for each in path.glob(f"seed-*/{METRICS}"))
            found = [run] if run else seeds[:4]
        return " or ".join(map(str, found))
    return str(path.parent) if path.name == METRICS and takes_runs else ""


def wrong_kind(path: Path, wanted: str) -> UsageError:
    """Returns an error that says what a path is, and what to give in its place.

    `wanted` is what the script takes there, for example "the folder of a run".
    """
    instead = _instead(path, wanted)
    hint = f"{wanted}: {instead}" if instead else wanted
    return UsageError(f"{path}: {what_it_is(path)}; give {hint}")
