"""Describes the runs of a table, and keeps those that are done in a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aero.checkpoint.checkpoints import Checkpoint, config_of
from aero.checkpoint.kinds import WEIGHTS
from aero.core.errors import UsageError
from aero.core.files import write_text
from aero.private.program.settings import Settings
from aero.private.report.aero_program import Prediction
from aero.private.run.line import Network
from aero.private.run.windows import Window

Record = dict[str, Any]
FORMAT = "aero-private-table"


@dataclass(frozen=True)
class Model:
    """Holds one model of the table; `digest` is a hash of its weights and its config."""

    name: str
    checkpoint: Checkpoint
    windows: list[Window]
    prediction: Prediction
    digest: str


@dataclass(frozen=True)
class Task:
    """Describes a run of one window of a model over a network; None is the loopback."""

    model: Model
    window: Window
    network: Network | None
    settings: Settings

    @property
    def identity(self) -> str:
        """Returns a text that is the same for the same run, however its folders are called."""
        network = self.network and self.network.as_json()
        text = json.dumps([self.model.digest, self.window.tokens, network, asdict(self.settings)])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def label(self) -> str:
        where = "the loopback" if self.network is None else str(self.network)
        return f"{self.model.name}, window {self.window.number + 1} over {where}"


def digest_of(checkpoint: Checkpoint) -> str:
    """Hashes the weights and what the config says of the model."""
    model = config_of(checkpoint.folder)["model"]
    result = hashlib.sha256(json.dumps(model, sort_keys=True).encode())
    file = checkpoint.folder / WEIGHTS
    try:
        with file.open("rb") as weights:
            while block := weights.read(1 << 24):
                result.update(block)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    return result.hexdigest()


def tasks_of(
    model: Model, settings: Settings, network: Network | None, network_repeats: int
) -> list[Task]:
    """Lists all windows over the loopback, and the first ones over the line."""
    tasks = [Task(model, window, None, settings) for window in model.windows]
    if network is not None:
        tasks += [Task(model, w, network, settings) for w in model.windows[:network_repeats]]
    return tasks


class RunsFile:
    """Keeps every run that is done, of this table and of earlier ones.

    A run is in the file as soon as it is done.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._records: dict[str, Record] = {}
        if path.is_file():
            self._records = self._read()

    def _read(self) -> dict[str, Record]:
        """Reads the records by identity."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content["format"] == FORMAT:
                return {record["identity"]: record for record in content["runs"]}
            fault = f"its format is {content['format']!r}"
        except OSError as error:
            fault = str(error.strerror)
        except (ValueError, KeyError, TypeError):
            fault = "it holds something else"
        raise UsageError(
            f"{self.path}: not a file of private_table.py ({fault}); move it away, or name another "
            f"folder by --out"
        )

    def find(self, task: Task) -> Record | None:
        return self._records.get(task.identity)

    def add(self, task: Task, record: Record) -> None:
        self._records[task.identity] = {"identity": task.identity, **record}
        self.write([])

    def write(self, rows: Sequence[Record]) -> None:
        """Writes the runs, with the rows of a finished table."""
        content = {"format": FORMAT, "rows": list(rows), "runs": list(self._records.values())}
        write_text(self.path, json.dumps(content, indent=1) + "\n")
