"""Runs the encrypted runs of a table."""

from __future__ import annotations

import contextlib
from pathlib import Path

from aero.core.machine import busy_cores, describe
from aero.private.program.plan import Plan, make_plan
from aero.private.report.logits import check_logits
from aero.private.report.outcome_report import as_json
from aero.private.report.table_runs import Model, Record, Task
from aero.private.run.encrypted import run_here
from aero.private.run.line import line


class EncryptedRunner:
    """Runs tasks in two processes. Consecutive tasks of a model share its folded weights."""

    def __init__(self, aero: Path, cost_model: str) -> None:
        self._aero, self._cost_model = aero, cost_model
        self._model: Model | None = None
        self._plan: Plan | None = None

    def _plan_of(self, task: Task) -> Plan:
        if self._plan is None or self._model is not task.model:
            sequences = [window.tokens for window in task.model.windows]
            checkpoint = task.model.checkpoint
            self._plan = make_plan(checkpoint, task.settings, sequences, say=lambda text: None)
            self._model = task.model
        return self._plan.only(task.window.number)

    def __call__(self, task: Task) -> Record:
        """Runs one task and returns its record. Raises AeroError."""
        plan = self._plan_of(task)
        busy = busy_cores()
        with contextlib.nullcontext() if task.network is None else line(task.network) as joined:
            outcome = run_here(plan, joined)
        return {
            "checkpoint": str(plan.checkpoint.folder),
            "architecture": plan.checkpoint.architecture,
            "window": {"number": task.window.number, "place": task.window.place},
            "tokens": len(task.window.tokens),
            "settings": vars(task.settings),
            "network": task.network and task.network.as_json(),
            "cost_model": self._cost_model,
            "machine": describe(),
            "busy_cores_before": busy,
            **as_json(plan.program, outcome, task.model.prediction, 1),
            **check_logits(plan, outcome.logits, self._aero).as_json(),
        }
