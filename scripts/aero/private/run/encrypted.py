"""Runs a plan under encryption, in two processes of this machine or with another machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from aero.core.signals import Tidying
from aero.private.program.plan import Plan
from aero.private.program.settings import CLIENT, SERVER
from aero.private.run.line import Line
from aero.private.run.party import Job, Outcome, run_party
from aero.private.run.spawn import run_both

_PREPARATIONS = ("memory", "compilation", "set-up", "shares of the weights")


def _job(plan: Plan, rank: int, addresses: tuple[str, str], folder: str, patience: float) -> Job:
    return Job(
        rank,
        addresses,
        plan.settings,
        plan.checkpoint.config,
        Path(folder) / f"{rank}.log",
        plan.sequences if rank == CLIENT else None,
        plan.weights if rank == SERVER else None,
        patience,
        plan.generate,
        plan.stop,
    )


@contextmanager
def _progress(plan: Plan) -> Iterator[Callable[[str], None]]:
    """Shows a progress bar over the stages of all sequences, or of all tokens to generate."""
    passes = max(plan.generate, len(plan.sequences) if plan.sequences else 1)
    with tqdm(
        total=passes * len(plan.program.stages), unit="stage", disable=None, leave=False
    ) as bar:

        def progress(name: str) -> None:
            bar.set_description(name)
            bar.update(0 if name in _PREPARATIONS else 1)

        yield progress


def run_here(plan: Plan, joined: Line | None = None, patience: float = 60) -> Outcome:
    """Runs both parties on this machine; returns the client's view. Raises AeroError."""
    with (
        Tidying(),
        tempfile.TemporaryDirectory(prefix="aero-private-") as folder,
        _progress(plan) as progress,
    ):
        outcomes: list[Outcome] = run_both(
            run_party,
            lambda rank, addresses: _job(plan, rank, addresses, folder, patience),
            progress,
            joined,
        )
    return outcomes[CLIENT]


def run_with_peer(
    plan: Plan, addresses: tuple[str, str], patience: float, tokenizer: str
) -> Outcome:
    """Runs this machine's party alone; `tokenizer` is its tokenizer's hash. Raises AeroError."""
    assert plan.party is not None
    with tempfile.TemporaryDirectory(prefix="aero-private-") as folder, _progress(plan) as progress:
        job = _job(plan, plan.party, addresses, folder, patience)
        return run_party(replace(job, tokenizer=tokenizer), progress)
