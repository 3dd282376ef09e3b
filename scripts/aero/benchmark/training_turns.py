"""Trains rows for the same number of steps within a budget, and continues where a call ended."""

from __future__ import annotations

import math
import shutil
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aero.benchmark.budget import Budget
from aero.benchmark.processes import OutOfTime, ProcessFailed, run_process
from aero.benchmark.store import Store
from aero.benchmark.training_rows import ORDER, ROWS, WARMUP, Size, stand_in, train_command
from aero.checkpoint.kinds import METRICS
from aero.checkpoint.run_folder import read_lines, read_run
from aero.core.errors import AeroError

_RESERVE_SECONDS = 10  # to write the report
_GRACE_SECONDS = 20  # in which a run that is stopped can save
_USED = 0.88  # share of the time left that the rows are planned to take
_START = 5  # the first steps of a probe, which are slower than the rest
OVER = ("finished", "nonfinite")  # outcomes after which nothing is left to do


@dataclass(frozen=True)
class Pace:
    """Holds the seconds of a run: those of starting, saving and evaluating, and of each step."""

    around: float
    step: float

    def seconds(self, steps: float) -> float:
        return self.around + steps * self.step


def steps_that_fit(paces: Mapping[str, Pace], seconds: float) -> int:
    """Returns how many steps each of ROWS can take, so that all of them take `seconds`."""
    of_rows = [paces[stand_in(row)] for row in ROWS]
    spare = seconds - sum(pace.around for pace in of_rows)
    return math.floor(spare / sum(pace.step for pace in of_rows))


def step_seconds(run: Path) -> list[float]:
    """Returns the seconds of the steps that a run's metrics list."""
    found: list[float] = []
    read_lines(run, lambda line: found.extend([] if "event" in line else [line.number("seconds")]))
    return found


@dataclass
class Training:
    """Trains the rows of one call of the program."""

    aero: Path
    device: str
    size: Size
    corpus: Path
    runs: Path  # the folder of the runs; those of another plan are removed
    warmup: str  # as schedule.warmup
    budget: Budget
    store: Store
    left_out: list[str] = field(default_factory=list)  # because time ran out
    failed: list[str] = field(default_factory=list)

    def plan(self, steps: int | None) -> int:
        """Returns the steps of every row: those of an earlier call's plan, `steps`, or as many as
        fit.
        """
        planned = self.store.get("plan")
        if planned is not None:
            return int(planned["steps"])
        shutil.rmtree(self.runs, ignore_errors=True)
        if steps is None:
            paces = {row: self._probe(row) for row in sorted({stand_in(row) for row in ROWS})}
            seconds = _USED * (self.budget.left() - _RESERVE_SECONDS)
            steps = min(steps_that_fit(paces, seconds), self.size.most_steps)
            if steps < self.size.least_steps:
                least = sum(paces[stand_in(row)].seconds(self.size.least_steps) for row in ROWS)
                raise self._too_little_time(
                    f"{self.size.least_steps} steps of every row take {least:.0f}"
                )
        self.store.put("plan", {"steps": steps})
        return steps

    def _too_little_time(self, but: str) -> AeroError:
        seconds = max(0.0, _USED * (self.budget.left() - _RESERVE_SECONDS))
        return AeroError(
            f"{seconds:.0f} s are left for training, and {but}; call it again, or give more "
            "--seconds"
        )

    def _probe(self, row: str) -> Pace:
        """Times a few steps of a row. Raises AeroError where they take too long."""
        run, steps = self.runs / "probe", self.size.probe_steps
        limit = self._limit()
        trial = f"a trial of {steps} steps of {row}"
        if limit <= 0:
            raise self._too_little_time(f"none for {trial}")
        shutil.rmtree(run, ignore_errors=True)
        self.runs.mkdir(parents=True, exist_ok=True)
        command = self._command(row, run, steps, WARMUP, log_every=1)
        command += ["--set", "optimizer.lr=1e-6"]  # so that no value becomes non-finite
        self._report(f"{row}: the pace of {steps} steps")
        start = time.monotonic()
        try:
            run_process(command, run.with_suffix(".log"), limit, _GRACE_SECONDS)
        except OutOfTime:
            raise self._too_little_time(
                f"{trial} took more than the {limit:.0f} s that it had"
            ) from None
        wall = time.monotonic() - start
        seconds = step_seconds(run)
        shutil.rmtree(run)
        step = statistics.median(seconds[min(_START, len(seconds) - 1) :])
        return Pace(max(0.0, wall - steps * step), step)

    def _command(self, row: str, run: Path, steps: int, warmup: str, log_every: int) -> list[str]:
        settings = {
            "train.duration": str(steps),
            "train.device": self.device,
            "run.folder": str(run),
            "schedule.warmup": warmup,
            "eval.every": "25%",
            "entropy.every": "0",
            "log.every": str(log_every),
        }
        return train_command(self.aero, row, self.size, self.corpus, settings)

    def _report(self, text: str) -> None:
        print(f"{text}; {self.budget.left():.0f} s left", file=sys.stderr, flush=True)

    def _limit(self) -> float:
        """Returns the seconds that a process may take."""
        return self.budget.left() - _RESERVE_SECONDS - _GRACE_SECONDS

    def take(self, steps: int) -> None:
        """Trains all rows that are not over yet and fit."""
        for row in ORDER:
            if (self.store.get(row) or {}).get("outcome") in OVER:
                continue
            if self._limit() <= 0:
                self.left_out.append(row)
                continue
            self._one(row, steps)

    def _one(self, row: str, steps: int) -> None:
        run = self.runs / row
        self.runs.mkdir(parents=True, exist_ok=True)
        log = run.with_name(f"{row}.log")
        self._report(f"{row}: {steps} steps")
        fault = ""
        try:
            command = [*self._command(row, run, steps, self.warmup, log_every=5), "--resume"]
            run_process(command, log, self._limit(), _GRACE_SECONDS)
        except OutOfTime:
            self.left_out.append(row)
        except ProcessFailed as error:
            fault = str(error)
        record = self._record(run, steps)
        if fault and record["outcome"] != "nonfinite":
            print(f"{row}: {fault}", file=sys.stderr, flush=True)
            self.failed.append(row)
            record |= {"outcome": "failed", "failed": fault}
        self.store.put(row, record)

    def _record(self, run: Path, steps: int) -> dict[str, Any]:
        """Returns what a run's metrics say."""
        if not (run / METRICS).is_file():
            return {"outcome": "unfinished", "steps": 0, "tokens": 0}
        found = read_run(run)
        done = found.losses[-1][0] if found.losses else 0
        evaluated = [
            [step, math.exp(loss)] for step, loss in found.evaluations if math.isfinite(loss)
        ]
        record: dict[str, Any] = {"outcome": "unfinished", "evaluations": evaluated}
        if found.nonfinite:
            first = found.nonfinite[0]
            record |= {"outcome": "nonfinite", "layer": first.layer, "quantity": first.quantity}
            done = first.step
        elif evaluated and evaluated[-1][0] == steps:
            record |= {"outcome": "finished", "perplexity": evaluated[-1][1]}
            done = steps
        if found.entropy:
            means = found.entropy[-1].layers()
            record["entropy_by_layer"] = [round(x, 4) if math.isfinite(x) else None for x in means]
        seconds = step_seconds(run)
        if seconds:
            record["tokens_per_second"] = self.size.tokens_per_step / statistics.median(seconds)
        return record | {"steps": done, "tokens": done * self.size.tokens_per_step}
