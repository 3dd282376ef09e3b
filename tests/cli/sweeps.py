"""Provides the tests of sweeps and pipelines with a small sweep, and with ways to watch them."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from program import make_config

RUNS = ("SM+LN+G/seed-1", "SM/seed-1", "SM+LN+G/seed-2", "SM/seed-2")


def make_sweep(place: Path, corpus: Path, **keys: Any) -> Path:
    """Writes to `place` a sweep of two architectures, two seeds and 20 steps each."""
    place.mkdir(exist_ok=True)
    make_config(place / "base.json", corpus, place / "unused", train={"duration": "20"})
    sweep = {
        "base": "base.json",
        "folder": str(place / "runs"),
        "runs": ["SM+LN+G", "SM"],
        "seeds": [1, 2],
        **keys,
    }
    (place / "norms.json").write_text(json.dumps(sweep))
    return place / "norms.json"


def table(folder: Path) -> dict[str, Any]:
    """Returns the result without the values that depend on place and clock."""
    result: dict[str, Any] = json.loads((folder / "runs/norms.json").read_text())
    del result["base"]
    for member in result["members"]:
        for run in member["runs"]:
            del run["seconds"]
            run["folder"] = str(Path(run["folder"]).relative_to(folder / "runs"))
    return result


def start(aero: str, *words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [aero, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_step(process: subprocess.Popen[str], run: Path, step: int) -> None:
    metrics = run / "metrics.jsonl"
    while process.poll() is None:
        if metrics.exists() and metrics.read_text().count('"grad_norm"') >= step:
            return
        time.sleep(0.001)
    raise AssertionError(f"ended before {run} came to step {step}")


def children_of(process: subprocess.Popen[str]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in text.split()]


def is_alive(pid: int) -> bool:
    """Returns whether a process lives; one that nobody has waited for yet is dead, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
