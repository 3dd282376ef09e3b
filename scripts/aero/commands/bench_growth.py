"""Measures how AERO's training step grows: tokens/s and peak memory against L, d, T, V and B.

One size varies at a time around a small GPT-2, in bfloat16 on the CPU. Beside the measured speed
stands the ideal one, at which all FLOPs of a step run at the rate of matrix products that `aero
doctor` measures before and after. What does not fit into --seconds is left out and named; called
again, the program measures what is missing. It writes growth.json, growth.md and growth.svg into
FOLDER.

Example:
  scripts/bench/growth.py --out build/bench
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.doctor import product_rate
from aero.benchmark.growth import (
    GEMM,
    Growth,
    curves_of,
    dry_growth,
    full_growth,
    gemm_rate,
    scenes_of,
)
from aero.benchmark.options import add_cpu, add_limits, check_common
from aero.benchmark.processes import OutOfTime
from aero.benchmark.step_turns import Turns
from aero.benchmark.store import Store
from aero.core.command import run_command
from aero.core.files import write_text
from aero.core.options import Parser
from aero.core.signals import Tidying
from aero.results.figures import growth as figure
from aero.results.figures import style
from aero.results.figures.save import save
from aero.results.growth import markdown


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cpu(parser)
    add_limits(parser, 850)
    return check_common(parser, parser.parse_args(command_line))


def _measure_products(name: str, growth: Growth, taken: Turns) -> None:
    if taken.store.get(name) is not None:
        return
    try:
        base = growth.base
        rate = product_rate(taken.aero, base.dtype, base.threads, taken.budget.left())
        taken.store.put(name, rate)
    except OutOfTime:
        taken.left_out.append(name)


def _report(out: Path, facts: dict[str, str], growth: Growth, tiny: bool, taken: Turns) -> str:
    measured = taken.store.measured()
    curves, gemm = curves_of(growth, measured), gemm_rate(measured)
    taken.store.write(
        gemm_flops_per_second=gemm,
        base=asdict(growth.base),
        curves=[asdict(curve) for curve in curves],
        left_out=taken.left_out,
        failed=taken.failed,
    )
    s = growth.base
    lines = ["# Growth of a step", "", *machine_lines(facts), ""]
    lines += [
        f"SM+LN+G: {s.n_layer}L, d = {s.d_model}, H = d / 64, T = {s.context}, "
        f"V = {s.vocab_size:,}, B = {s.batch_size}, {s.dtype}, {s.threads} threads, with one size "
        "changed at a time. At the ideal speed, all FLOPs run at the rate of matrix products"
        + (f", {gemm / 1e9:,.0f} GFLOP/s." if gemm else "."),
        *markdown(curves),
    ]
    if tiny:
        lines += ["", "A dry run: sizes of no interest."]
    if taken.left_out:
        lines += ["", f"Left out because time ran out: {', '.join(taken.left_out)}."]
    if taken.failed:
        lines += ["", f"Failed: {', '.join(taken.failed)}."]
    text = "\n".join(lines) + "\n"
    write_text(out / "growth.md", text)
    style.apply_style()
    save(figure.draw(curves, gemm), out / "growth.svg")
    return text


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports. Returns 1 where a turn failed."""
    growth = dry_growth() if arguments.tiny else full_growth(arguments.threads)
    budget = Budget(arguments.seconds)
    facts = machine(arguments.aero, "cpu")
    kind = {"tiny": arguments.tiny, "threads": growth.base.threads}
    store = Store(arguments.out / "growth.json", facts, kind)
    taken = Turns(arguments.aero, gemm_size=0, budget=budget, store=store)
    with Tidying():
        try:
            _measure_products(GEMM[0], growth, taken)
            taken.take(scenes_of(growth))
            _measure_products(GEMM[1], growth, taken)
        finally:
            text = _report(arguments.out, facts, growth, arguments.tiny, taken)
    print(text, end="")
    return 1 if taken.failed else 0


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: benchmark(parse(command_line)))
