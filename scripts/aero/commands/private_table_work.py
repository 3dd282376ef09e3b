"""Does the work of scripts/private_table.py."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from aero.checkpoint.checkpoints import find_checkpoint
from aero.commands.private_options import is_prediction_asked, settings_of
from aero.core.errors import AeroError, UsageError
from aero.core.files import check_output, write_text
from aero.core.fit import print_fitted
from aero.private.program.settings import Settings
from aero.private.report.aero_program import (
    find_aero,
    predict,
    require_prediction,
)
from aero.private.report.table_rows import busy_note, markdown, row_of
from aero.private.report.table_runner import EncryptedRunner
from aero.private.report.table_runs import Model, Record, RunsFile, Task, digest_of, tasks_of
from aero.private.run.line import Network, check_network
from aero.private.run.windows import corpus_of, held_out

Runner = Callable[[Task], Record]


def read_models(arguments: argparse.Namespace, settings: Settings, aero: Path) -> list[Model]:
    """Reads all models before the first one runs. Raises AeroError."""
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


def say(text: str) -> None:
    """Prints a line at once, also into a log file."""
    print(text, flush=True)


def run_tasks(tasks: Sequence[Task], runs: RunsFile, runner: Runner) -> dict[str, str]:
    """Runs what is not in the file, and returns why models failed, by name.

    The other tasks of a model that failed are left out; those of the other models still run.
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
    """Writes rows and Markdown, and returns the lines of the latter."""
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
    """Runs the models, writes the table, and returns 1 where a model failed. Raises AeroError."""
    if not 1 <= arguments.wan_repeats <= arguments.repeats:
        raise UsageError(
            f"--repeats {arguments.repeats} --wan-repeats {arguments.wan_repeats}: expected at "
            f"least one window, and no more over the line than in all"
        )
    network: Network | None = arguments.wan
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
