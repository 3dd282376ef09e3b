"""Choosing entropy records, with an error that says what to do where there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from aero_results.errors import ResultsError
from aero_results.inputs import Series
from aero_results.run_folder import Entropy, FloatArray, Run


def records(run: Run) -> list[Entropy]:
    """At least one."""
    if run.entropy:
        return run.entropy
    raise ResultsError(
        f"{run.folder}/metrics.jsonl: no entropy lines; train with entropy.batches above 0"
    )


def record_at(run: Run, step: int | None) -> Entropy:
    """That of a step, or the last one."""
    found = records(run)
    if step is None:
        return found[-1]
    for record in found:
        if record.step == step:
            return record
    steps = ", ".join(str(record.step) for record in found[:12])
    more = ", ..." if len(found) > 12 else ""
    raise ResultsError(f"{run.folder}/metrics.jsonl: no entropy at step {step}; {steps}{more} have")


def history(run: Run, name: str) -> tuple[FloatArray, FloatArray]:
    """Steps [n] and a parameter's values [n, ...] over them."""
    found = [record for record in records(run) if name in record.parameters]
    if not found:
        raise ResultsError(
            f'{run.folder}/metrics.jsonl: the entropy lines have no "{name}"; '
            "this architecture has no such parameter"
        )
    steps = np.array([record.step for record in found], dtype=np.float64)
    return steps, np.stack([record.parameters[name] for record in found])


def single_runs(
    series: Sequence[Series], preferred: Callable[[Run], bool] = lambda run: True
) -> list[tuple[str, Run]]:
    """One run of each series, the first that is preferred or the first: heads and layers of
    different seeds are not the same ones.
    """
    chosen = []
    for each in series:
        run = next(filter(preferred, each.runs), each.runs[0])
        seed = run.folder.name.removeprefix("seed-") if len(each.runs) > 1 else ""
        chosen.append((f"{each.label} (seed {seed})" if seed else each.label, run))
    return chosen
