"""Writes run folders and results of sweeps as `aero train` and `aero ablate` do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LAYERS, HEADS = 2, 3


def entropy_line(step: int, **changes: Any) -> dict[str, Any]:
    """Returns a line of two layers of three heads, T = 8: ln 8 = 2.0794, ln(8!) / 8 = 1.3256."""
    line: dict[str, Any] = {
        "event": "entropy",
        "step": step,
        "e_max": 2.0794,
        "uniform": 1.3256,
        "entropy": [[0.5, 1.0, 0.3], [1.2, 0.1, 0.2]],
        "bins": [0.25, 0.5, 0.0, 0.25],
        "nonfinite_rows": [0, 0],
        "rows": 64,
        "collapsed": [],
        "overloaded": [],
        "alpha": [1.0 + step / 1000, 2.0],
        "beta": [0.9, 0.8],
        "slopes": [0.01, -0.02],
        "temperature_min": [[0.01, -0.02, 0.03], [0.01, 0.01, 0.02]],
        "thresholds": [[0.5, 0.4, 0.3], [0.2, 0.2, 0.5]],
    }
    return line | changes


def write_run(
    folder: Path,
    evaluations: Mapping[int, float | None],
    entropy: Sequence[dict[str, Any]] = (),
    nonfinite: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
) -> Path:
    """Writes a run that ends with the step of the last evaluation."""
    lines: list[dict[str, Any]] = []
    for step in range(1, max(evaluations) + 1):
        lines.append({"step": step, "loss": 10.0 - step, "lr": 1e-3, "tokens": 500})
        if step in evaluations:
            lines.append({"event": "evaluation", "step": step, "loss": evaluations[step]})
    lines += entropy
    if nonfinite is not None:
        lines.append({"event": "nonfinite", **nonfinite})
    folder.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def seed_run(seed: int, folder: Path, **changes: Any) -> dict[str, Any]:
    run: dict[str, Any] = {
        "seed": seed,
        "folder": str(folder),
        "state": "finished",
        "loss": 1.0,
        "perplexity": 2.718,
        "steps": 4,
        "tokens": 2000,
        "seconds": 1.0,
        "evaluations": [[4, 1.0]],
        "nonfinite": None,
    }
    return run | changes


def member(
    name: str,
    mean: float | None,
    runs: Sequence[dict[str, Any]] = (),
    std: float | None = None,
    config: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Returns a member whose name is its architecture unless `changes` says otherwise."""
    model = {
        "family": "gpt2",
        "n_layer": LAYERS,
        "n_head": HEADS,
        "d_model": 12,
        "context": 8,
        "vocab_size": 97,
        "final_norm": True,
        "init": "fixed",
        "init_std": 0.02,
        "qk_form": "plain",
        "v_form": "plain",
        "o_form": "plain",
        "ereg": {"enabled": False},
    }
    count = sum(run["state"] == "finished" for run in runs)
    record: dict[str, Any] = {
        "name": name,
        "architecture": name,
        "set": {},
        "config": model | (config or {}),
        "perplexity": {"mean": mean, "std": std, "n": count, "change_percent": None},
        "loss": {"mean": None, "std": None},
        "parameters": 1000,
        "flops": {"ffn": 3_000_000, "attention": 1_000_000},
        "operations": {"softmax": [6, 8, 8]},
        "bins": [0.1, 0.2, 0.3, 0.4],
        "runs": list(runs),
    }
    return record | changes


def write_sweep(file: Path, members: Sequence[dict[str, Any]], baseline: str = "") -> Path:
    """Writes FOLDER/NAME.json as `aero ablate` does."""
    result = {
        "sweep": file.stem,
        "base": "base.json",
        "baseline": baseline or members[0]["name"],
        "members": list(members),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result), encoding="utf-8")
    return file


def plotted_sweep(runs: Path) -> Path:
    """Writes a sweep of two margins of a regulariser, and a model that diverged in one seed."""
    lines = [entropy_line(2), entropy_line(4)]
    diverged = {"step": 3, "quantity": "loss", "layer": "blocks.1.ffn", "parameter": ""}
    members = []
    for gamma in (0.2, 0.1):
        folder = write_run(runs / f"gamma={gamma}" / "seed-1", {2: 2.0, 4: 1.0}, lines)
        members.append(
            member(
                f"gamma={gamma}",
                3.0 + gamma,
                [seed_run(1, folder)],
                config={"ereg": {"enabled": True, "gamma": gamma}},
                parameters=int(1000 * gamma),
            )
        )
    one = write_run(runs / "SM" / "seed-1", {2: 3.0, 4: 2.0}, lines)
    rows = [entropy_line(2, nonfinite_rows=[0, 9], entropy=[[0.5, 1.0, 0.3], [None] * 3])]
    two = write_run(runs / "SM" / "seed-2", {2: 4.0}, rows, nonfinite=diverged)
    stopped = seed_run(2, two, state="nonfinite", nonfinite=diverged)
    members.append(member("SM", 2.5, [seed_run(1, one), stopped], parameters=900))
    return write_sweep(runs / "all.json", members)
