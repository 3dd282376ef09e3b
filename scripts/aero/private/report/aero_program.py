"""Asks the program aero for a checkpoint's logits, tokens and predicted costs."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from aero.config.cost_models import SHIPPED
from aero.core.errors import UsageError
from aero.core.places import AERO
from aero.core.signals import Tidying
from aero.private.run.line import Network


def find_aero(given: Path | None) -> Path | None:
    """Finds the program: the one given, else this repository's build, else one on the PATH."""
    if given is not None:
        if not given.is_file():
            fault = "a folder; name the program in it" if given.is_dir() else "no such file"
            raise UsageError(f"--aero {given}: {fault}")
        return given
    if AERO.is_file():
        return AERO
    found = shutil.which("aero")
    return Path(found) if found else None


def _ask(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    """Runs the program. Raises UsageError where it cannot be started."""
    try:
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        raise UsageError(
            f"{command[0]}: {error.strerror}; name the program aero by --aero"
        ) from error


def aero_tokens(
    aero: Path,
    checkpoint: Path,
    tokenizer: Path | None,
    prompt: list[int],
    count: int,
    other_tokenizer: bool = False,
) -> list[int]:
    """Returns what `aero generate` adds at temperature 0, without the token that ends a text.

    Raises AeroError where it fails. `other_tokenizer` allows a tokenizer that is not the model's.
    """
    command: list[str | Path] = [aero, "generate", checkpoint, "--ids", ",".join(map(str, prompt))]
    command += ["--max-tokens", str(count), "--temperature", "0", "--print-ids"]
    if tokenizer is not None:
        command += ["--tokenizer", tokenizer]
    if other_tokenizer:
        command.append("--other-tokenizer")
    done = _ask(command)
    if done.returncode != 0:
        raise UsageError(f"aero generate failed: {done.stderr.strip()}")
    try:
        return [int(word) for word in done.stdout.split()]
    except ValueError as error:
        raise UsageError("aero generate failed: it printed no token ids") from error


def aero_logits(aero: Path, checkpoint: Path, sequences: list[list[int]]) -> list[np.ndarray]:
    """Returns the logits [T, V] of each sequence, in float32."""
    with Tidying(), tempfile.TemporaryDirectory(prefix="aero-logits-") as folder:
        tokens, out = Path(folder) / "tokens.txt", Path(folder) / "logits.safetensors"
        tokens.write_text("".join(",".join(map(str, ids)) + "\n" for ids in sequences))
        command: list[str | Path] = [aero, "inspect", checkpoint, "--logits", tokens, "--out", out]
        done = _ask(command)
        if done.returncode != 0:
            raise UsageError(f"aero inspect --logits failed: {done.stderr.strip()}")
        return list(load_file(out)["logits"])


@dataclass(frozen=True)
class Prediction:
    """Holds bytes by operation and layer (-1 outside the blocks), or why there are none.

    `rounds` and `seconds` (of computation) are None where the cost model does not know them.
    `operation_seconds` then has no entry.
    """

    operations: dict[tuple[str, int], float]
    total: float
    missing: str = ""
    rounds: float | None = None
    seconds: float | None = None
    operation_seconds: dict[tuple[str, int], float] = field(default_factory=dict)

    def times(self, network: Network | None) -> str:
        """Says the rounds and seconds that are known, and over a line those of the whole pass."""
        known = [] if self.rounds is None else [f"{self.rounds:.0f} rounds"]
        if self.seconds is not None:
            known.append(f"{self.seconds:.2f} s of computation")
            total = self.seconds_over(network)
            if network is not None and total is not None:
                known.append(f"{total:.2f} s in all")
        return ", ".join(known)

    def seconds_over(self, network: Network | None) -> float | None:
        """Returns the seconds of a pass over the loopback or a line.

        Returns None where the cost model does not know them.
        """
        if self.seconds is None or network is None:
            return self.seconds
        if self.rounds is None:
            return None
        return self.seconds + network.seconds(self.total, self.rounds)

    @property
    def in_blocks(self) -> float:
        """Sums the bytes without embedding, final norm and head."""
        return sum(amount for (_, layer), amount in self.operations.items() if layer >= 0)


def predict(aero: Path | None, checkpoint: Path, length: int, cost_model: str) -> Prediction:
    """Asks what a cost model predicts for one pass over `length` tokens."""
    if aero is None:
        return Prediction({}, 0, "no program aero was found: build it, or name it with --aero")
    file = SHIPPED / f"{cost_model}.json"
    command: list[str | Path] = [aero, "report", checkpoint, "--json", "--cost"]
    command.append(file if file.is_file() else cost_model)
    command += ["--set", f"model.context={length}"]
    done = _ask(command)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"{aero} ended with {done.returncode}"]
        fault = lines[0].removeprefix("error: ")
        return Prediction({}, 0, f"aero report --cost {cost_model}: {fault}")
    try:
        cost = json.loads(done.stdout)["pi"][0]
        operations: dict[tuple[str, int], float] = {}
        seconds: dict[tuple[str, int], float] = {}
        for operation in cost["operations"]:
            layer = operation.get("layer")
            key = (operation["name"], -1 if layer is None else int(layer))
            operations[key] = operations.get(key, 0) + float(operation["bytes"])
            if operation["compute_s"] is not None:
                seconds[key] = seconds.get(key, 0) + float(operation["compute_s"])
        return Prediction(
            operations,
            sum(operations.values()),
            rounds=cost["rounds"],
            seconds=cost["compute_s"],
            operation_seconds=seconds,
        )
    except (ValueError, KeyError, IndexError, TypeError):
        return Prediction({}, 0, f"aero report --cost {cost_model}: {aero} printed no costs")


def require_prediction(prediction: Prediction) -> None:
    """Raises UsageError where there is no prediction."""
    if prediction.missing:
        raise UsageError(prediction.missing)
