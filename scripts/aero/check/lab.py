"""Trains small models by `aero train`, to check what a device computes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aero.benchmark.budget import Budget
from aero.reference.tokens import write_token_file

VOCABULARY = 512
_POLL_SECONDS = 0.05


class TrialError(Exception):
    """Reports in one line what went wrong in a trial."""


class SkipTrial(Exception):  # noqa: N818 - nothing is wrong
    """Says why a trial does not apply here."""


class OutOfTime(Exception):  # noqa: N818
    """Reports that the trial has to be repeated with more time."""


@dataclass(frozen=True)
class Size:
    """Holds the sizes of the models and their runs."""

    n_layer: int
    n_head: int
    d_model: int
    context: int
    batch_size: int
    steps: int


FULL = Size(n_layer=4, n_head=4, d_model=256, context=128, batch_size=32, steps=50)
TINY = Size(n_layer=2, n_head=2, d_model=16, context=16, batch_size=4, steps=6)


@dataclass(frozen=True)
class Ended:
    """Holds the status and the output of a process that has ended."""

    status: int
    output: str

    def last_line(self) -> str:
        """Returns the last line of the output."""
        return (self.output.strip().splitlines() or ["it printed nothing"])[-1]


def make_corpus(folder: Path, size: Size) -> None:
    """Makes tokens that a model can learn: each follows from the one before it, with some noise."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(1)
    per_step = size.batch_size * size.context
    splits = {}
    for name, steps in (("train", size.steps), ("val", 4)):
        noise = generator.integers(VOCABULARY, size=steps * per_step + 1)
        tokens = noise.copy()
        follows = generator.random(len(tokens)) < 0.75
        for i in range(1, len(tokens)):
            if follows[i]:
                tokens[i] = (5 * tokens[i - 1] + 7) % VOCABULARY
        write_token_file(folder / f"{name}.bin", tokens, VOCABULARY)
        splits[name] = [{"file": f"{name}.bin", "tokens": len(tokens)}]
    manifest = {"format": "aero-corpus", "version": 1, "splits": splits}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def metrics(run: Path) -> list[dict[str, Any]]:
    """Reads the complete lines of metrics.jsonl so far."""
    try:
        text = (run / "metrics.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def losses(run: Path) -> list[float]:
    """Returns the losses of the steps; NaN where one was not finite."""
    steps = [line for line in metrics(run) if "event" not in line]
    return [float("nan") if line["loss"] is None else line["loss"] for line in steps]


class Lab:
    """Runs trials in `folder`, which it owns: what was there is removed."""

    def __init__(self, aero: Path, device: str, size: Size, folder: Path, budget: Budget) -> None:
        self.aero, self.device, self.size, self.budget = aero, device, size, budget
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        make_corpus(folder / "corpus", size)

    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    def folder(self, name: str) -> Path:
        """Returns the folder of the run of that name."""
        return self._folder / name

    def config(self, name: str, settings: dict[str, Any]) -> Path:
        """Writes a config of the lab's defaults and `settings`, with keys such as "train.dtype"."""
        size = self.size
        values: dict[str, Any] = {
            "model.n_layer": size.n_layer,
            "model.n_head": size.n_head,
            "model.d_model": size.d_model,
            "model.context": size.context,
            "model.vocab_size": VOCABULARY,
            "data.path": str(self._folder / "corpus"),
            "train.duration": str(size.steps),
            "train.batch_size": size.batch_size,
            "train.device": self.device,
            "optimizer.lr": 1e-3,
            "schedule.name": "constant",
            "eval.every": "0",
            "eval.batches": 1,
            "entropy.every": "0",
            "entropy.batches": 1,
            "checkpoint.every": "0",
            "run.folder": str(self.folder(name)),
            **settings,
        }
        tree: dict[str, Any] = {}
        for path, value in values.items():
            *sections, key = path.split(".")
            section = tree
            for each in sections:
                section = section.setdefault(each, {})
            section[key] = value
        file = self._folder / f"{name}.json"
        file.write_text(json.dumps(tree, indent=1), encoding="utf-8")
        return file

    def run(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: dict[str, str] | None = None,
        watch: Callable[[int], bool] = lambda _: False,
    ) -> Ended:
        """Runs a command to its end, or kills it once `watch` returns True. Raises OutOfTime.

        `watch` is called repeatedly, with the process's id.
        """
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
            try:
                while process.poll() is None:
                    if watch(process.pid):
                        process.send_signal(signal.SIGKILL)
                        process.wait()
                    elif self.budget.left() < 0:
                        raise OutOfTime
                    time.sleep(_POLL_SECONDS)
            finally:
                process.kill()
                process.wait()
        return Ended(process.returncode, log.read_text(encoding="utf-8", errors="replace"))

    def train(
        self,
        name: str,
        settings: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> list[float]:
        """Trains a model, and returns the losses of the steps. Raises TrialError where it fails."""
        config = self.config(name, settings or {})
        command = [str(self.aero), "train", str(config)]
        ended = self.run(name, command, environment=environment)
        if ended.status != 0:
            raise TrialError(f"{name}: aero train ended with {ended.status}: {ended.last_line()}")
        found = losses(self.folder(name))
        if not all(np.isfinite(found)):
            raise TrialError(f"{name}: the losses are {found}")
        return found


def apart(these: list[float], those: list[float]) -> float:
    """Returns the largest relative difference of two runs' losses. Raises TrialError where steps
    are missing.
    """
    if len(these) != len(those) or not these:
        raise TrialError(f"{len(these)} steps against {len(those)}")
    return float(np.max(np.abs(np.subtract(these, those)) / np.abs(those)))


def require(condition: bool, message: str) -> None:
    """Raises TrialError with the message."""
    if not condition:
        raise TrialError(message)
