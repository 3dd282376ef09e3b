"""Measures the scenes of a catalogue within a budget, and writes what was found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.step_report import Catalogue, markdown, summary
from aero.benchmark.step_turns import Turns
from aero.benchmark.store import Store
from aero.core.files import write_text
from aero.core.signals import Tidying

GEMM_SIZE, TINY_GEMM_SIZE = 8192, 128


@dataclass(frozen=True)
class Call:
    """Holds what a call of the program asks for."""

    aero: Path
    out: Path  # the folder of benchmark.json and benchmark.md
    device: str
    tiny: bool
    seconds: float
    scenes: Collection[str]  # by name
    gemm_size: int = GEMM_SIZE


def _report(call: Call, catalogue: Catalogue, taken: Turns, facts: dict[str, str]) -> str:
    measured, left_out, failed = taken.store.measured(), taken.left_out, taken.failed
    taken.store.write(summary=summary(catalogue, measured), left_out=left_out, failed=failed)
    lines = ["# Steps", "", *machine_lines(facts), "", *markdown(catalogue, measured)]
    if call.tiny:
        lines += ["", "A dry run: sizes of no interest."]
    if left_out:
        lines += ["", f"Left out because time ran out: {', '.join(left_out)}."]
    if failed:
        lines += ["", f"Failed: {', '.join(failed)}."]
    text = "\n".join(lines) + "\n"
    write_text(call.out / "benchmark.md", text)
    return text


def measure(call: Call, catalogue: Catalogue) -> int:
    """Returns 1 where a turn failed; it is not a failure that a turn was left out for time."""
    budget = Budget(call.seconds)
    facts = machine(call.aero, call.device)
    kind = {"device": call.device, "tiny": call.tiny}
    store = Store(call.out / "benchmark.json", facts, kind)
    taken = Turns(call.aero, TINY_GEMM_SIZE if call.tiny else call.gemm_size, budget, store)
    with Tidying():
        try:
            taken.take([scene for scene in catalogue.scenes if scene.name in call.scenes])
        finally:
            text = _report(call, catalogue, taken, facts)
    print(text, end="")
    return 1 if taken.failed else 0
