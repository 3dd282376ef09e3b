#!/usr/bin/env python3
"""Runs trained models under encryption on held-out text, and tells them in one table.

Each model runs on windows of its context from the validation split of its corpus: first, middle,
quarters and so on, the same for all models of one corpus. One row a model: bytes of a pass beside
those that the cost model predicts, of the whole and of the blocks alone; seconds, measured and
predicted, and rounds, with --wan also over a simulated line (as root); the set-up apart; the
largest error of a logit against AERO's own, how often the likeliest token is the same, and the
perplexity of these windows in the clear and encrypted.

OUT/table.json keeps every single run as soon as it is done, and is not made again: start the same
command again after an interruption. OUT/table.md is the table.

Example:
  build/venv-spu/bin/python scripts/private_table.py runs/quickstart --repeats 1 --out runs/table
"""

from __future__ import annotations

from aero.core import signals as aero_signals  # noqa: F401  (before all else)

# isort: split
import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aero.commands.private_command import run_command
from aero.commands.private_command_line import Parser, decimal_number, whole_number
from aero.commands.private_options import add_model_options, add_settings_options, settings_of
from aero.core.errors import AeroError, UsageError
from aero.core.fit import add_wide, print_fitted
from aero.private.run.line import Network, check_network, line

if TYPE_CHECKING:
    from aero.private.program.plan import Plan
    from aero.private.program.settings import Settings
    from aero.private.report.table_runs import Model, Record, RunsFile, Task

    Runner = Callable[[Task], Record]


MOST_WINDOWS = 10_000


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = Parser(__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="run or checkpoint folders")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the table")
    parser.add_argument(
        "--repeats",
        type=whole_number(1, MOST_WINDOWS),
        default=3,
        metavar="N",
        help="windows of each model (default: 3)",
    )
    parser.add_argument(
        "--wan",
        type=decimal_number(0, 1e6),
        nargs=2,
        metavar=("MBIT", "MS"),
        help="also over a line of so many Mbit/s each way and milliseconds a round trip; as root",
    )
    parser.add_argument(
        "--wan-repeats",
        type=whole_number(1, MOST_WINDOWS),
        default=1,
        metavar="N",
        help="of the windows, so many over the line, too (default: 1)",
    )
    add_settings_options(parser)
    parser.add_argument("--data", type=Path, metavar="DIR", help="corpus, if not the runs' own")
    add_model_options(parser)
    add_wide(parser)
    return parser.parse_args()


def read_models(arguments: argparse.Namespace, settings: Settings, aero: Path) -> list[Model]:
    """All of them, before the first one runs. Raises AeroError."""
    from aero.checkpoint.checkpoints import find_checkpoint
    from aero.private.report.aero_program import is_prediction_asked, predict, require_prediction
    from aero.private.report.table_runs import Model, digest_of
    from aero.private.run.windows import corpus_of, held_out

    checkpoints = [find_checkpoint(path) for path in arguments.checkpoints]
    architectures = [checkpoint.architecture for checkpoint in checkpoints]
    models = []
    for path, checkpoint in zip(arguments.checkpoints, checkpoints, strict=True):
        name = checkpoint.architecture
        if architectures.count(name) > 1:
            name += f" ({path.name})"
        corpus = arguments.data or corpus_of(checkpoint)
        windows = held_out(checkpoint, corpus, arguments.repeats)
        cost_model = arguments.cost or settings.cost_model
        prediction = predict(aero, checkpoint.folder, checkpoint.config.context, cost_model)
        if is_prediction_asked(arguments):
            require_prediction(prediction)
        models.append(Model(name, checkpoint, windows, prediction, digest_of(checkpoint)))
    return models


class EncryptedRunner:
    """Runs tasks between two processes; consecutive ones of a model share its folded weights."""

    def __init__(self, aero: Path, cost_model: str) -> None:
        self._aero, self._cost_model = aero, cost_model
        self._model: Model | None = None
        self._plan: Plan | None = None

    def _plan_of(self, task: Task) -> Plan:
        from aero.private.program.plan import make_plan

        if self._plan is None or self._model is not task.model:
            sequences = [window.tokens for window in task.model.windows]
            checkpoint = task.model.checkpoint
            self._plan = make_plan(checkpoint, task.settings, sequences, say=lambda text: None)
            self._model = task.model
        return self._plan.only(task.window.number)

    def __call__(self, task: Task) -> Record:
        """Raises AeroError."""
        from aero.private.report.logits import check_logits
        from aero.private.report.outcome_report import as_json
        from aero.private.run.encrypted import run_here
        from aero.private.run.machine import busy_cores, describe

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


def say(text: str) -> None:
    """A line that is seen at once, in a log file too."""
    print(text, flush=True)


def run_tasks(tasks: Sequence[Task], runs: RunsFile, runner: Runner) -> dict[str, str]:
    """Those that are not in the file; returns why models failed, by name.

    A model that fails is left at that, and the others go on.
    """
    missing = [task for task in tasks if runs.find(task) is None]
    say(f"{len(tasks)} runs, {len(tasks) - len(missing)} of them in {runs.path}")
    failed: dict[str, str] = {}
    for number, task in enumerate(missing, 1):
        if task.model.name in failed:
            continue
        head = f"[{number}/{len(missing)}] {task.label}: "
        try:
            record = runner(task)
        except AeroError as error:
            failed[task.model.name] = str(error)
            say(head + f"failed: {error}")
            continue
        runs.add(task, record)
        say(
            head + f"{record['bytes'] / 1e6:.2f} MB, {record['seconds']:.1f} s, largest error of a "
            f"logit {record['against_aero']['largest_error']:.3g}"
        )
    return failed


def write_table(
    models: Sequence[Model],
    tasks: Sequence[Task],
    runs: RunsFile,
    network: Network | None,
    failed: dict[str, str],
) -> list[str]:
    """Writes rows and markdown; returns the latter's lines."""
    from aero.core.files import write_text
    from aero.private.report.table_rows import busy_note, markdown, row_of

    records = [(task, record) for task in tasks if (record := runs.find(task)) is not None]
    rows = []
    for model in models:
        own = [(task, record) for task, record in records if task.model is model]
        near = [record for task, record in own if task.network is None]
        far = [record for task, record in own if task.network is not None]
        if near:
            rows.append(row_of(model, near, far, network))
    lines = markdown(rows, list(failed.items()))
    if note := busy_note([record for _, record in records]):
        lines += ["", note]
    missing = {model.prediction.missing for model in models if model.prediction.missing}
    lines += [f"no prediction: {reason}" for reason in sorted(missing)]
    runs.write([row.as_json() for row in rows])
    write_text(runs.path.with_suffix(".md"), "\n".join(lines) + "\n")
    return lines


def work(arguments: argparse.Namespace) -> int:
    """All of it; 1 where a model failed. Raises AeroError."""
    from aero.core.files import check_output
    from aero.private.report.aero_program import find_aero
    from aero.private.report.table_runs import RunsFile, tasks_of

    if not 1 <= arguments.wan_repeats <= arguments.repeats:
        raise UsageError(
            f"--repeats {arguments.repeats} --wan-repeats {arguments.wan_repeats}: expected at "
            f"least one window, and no more over the line than in all"
        )
    network = None if arguments.wan is None else Network(*arguments.wan)
    if network is not None:
        check_network(network)
    settings = settings_of(arguments)
    check_output(arguments.out / "table.json", "--out")
    aero = find_aero(arguments.aero)
    if aero is None:
        raise UsageError("no program aero was found to compare with: build it, or give --aero")
    models = read_models(arguments, settings, aero)
    runs = RunsFile(arguments.out / "table.json")
    tasks = [
        task
        for model in models
        for task in tasks_of(model, settings, network, arguments.wan_repeats)
    ]
    runner = EncryptedRunner(aero, arguments.cost or settings.cost_model)
    failed = run_tasks(tasks, runs, runner)
    lines = write_table(models, tasks, runs, network, failed)
    print_fitted("\n".join(["", *lines]), arguments.wide)
    return 1 if failed else 0


def main() -> int:
    """Exit code 1 where a model failed, 2 for what the user can put right."""
    arguments = parse_arguments()
    return run_command(lambda: work(arguments))


if __name__ == "__main__":
    sys.exit(main())
