"""Lists what scripts/bench/steps.py measures, and the goals on a CPU."""

from __future__ import annotations

from dataclasses import replace

from aero.benchmark.setting import Setting
from aero.benchmark.step_report import Catalogue, Goal, Results, at_least, at_most
from aero.benchmark.step_scenes import (
    AERO,
    AUTHORS,
    COMPILED,
    EAGER,
    PLAIN,
    REGULARISED,
    Scene,
    authors_side,
    ereg_sides,
    gpt2_sides,
    method_side,
)


def _full_scenes(threads: int) -> list[Scene]:
    gpt2 = Setting(12, 12, 768, 50304, 128, 8, 1, "bfloat16", threads, 7)
    long = replace(gpt2, context=512, batch_size=2)
    tiny = Setting(4, 4, 128, 4096, 128, 32, 1, "bfloat16", threads, 40)
    single = replace(gpt2, dtype="float32", steps=5)
    first = 60
    sides = gpt2_sides("inductor", first)
    method = method_side(6, first)
    return [
        Scene("gpt2", "SM+LN+G, GPT-2 124M", gpt2, 2, sides, 3),
        Scene("method", "SM+ScFuFFN_i6", gpt2, 2, (method, authors_side(gpt2, 6, method)), 3),
        Scene("ereg", "EReg(SM(t)+ScFuFFN_i6)", gpt2, 2, ereg_sides(gpt2, 6, first), 3),
        Scene("long", "EReg, T = 512", long, 2, ereg_sides(long, 6, first), 3),
        Scene("tiny", "the tiny sweeps' model", tiny, 10, sides, 3),
        Scene("float32", "SM+LN+G in float32", single, 1, sides, 2),
    ]


def _dry_scenes() -> list[Scene]:
    gpt2 = Setting(2, 2, 32, 301, 16, 4, 1, "bfloat16", 1, 4)
    long = replace(gpt2, context=32, batch_size=2)
    first = 5
    sides = gpt2_sides("eager", first)
    method = method_side(1, first)
    return [
        Scene("gpt2", "SM+LN+G", gpt2, 1, sides, 1),
        Scene("method", "SM+ScFuFFN_i1", gpt2, 1, (method, authors_side(gpt2, 1, method)), 1),
        Scene("ereg", "EReg(SM(t)+ScFuFFN_i1)", gpt2, 1, ereg_sides(gpt2, 1, first), 1),
        Scene("long", "EReg, T = 32", long, 1, ereg_sides(long, 1, first), 1),
        Scene("tiny", "a smaller model", replace(gpt2, n_layer=1), 1, sides, 1),
        Scene("float32", "SM+LN+G in float32", replace(gpt2, dtype="float32"), 1, sides, 1),
    ]


def _goals(results: Results) -> list[Goal]:
    def times(scene: str, side: str, reference: str = AERO) -> float | None:
        return results.ratio(scene, side, reference)

    peak = results.peak("gpt2", AERO)
    return [
        at_least("SM+LN+G: speed over torch.compile's", 1.38, times("gpt2", COMPILED)),
        at_least("SM+LN+G: share of the measured GEMM rate", 0.9, results.share("gpt2", AERO)),
        at_least("SM+LN+G in float32: over torch.compile's", 1.15, times("float32", COMPILED)),
        at_least("SM+LN+G in float32: over PyTorch eager's", 1.15, times("float32", EAGER)),
        at_least("SM+ScFuFFN: over the authors' way", 1.8, times("method", AUTHORS)),
        at_least("EReg: over the authors' way", 1.8, times("ereg", AUTHORS, REGULARISED)),
        at_least("EReg, longer: over the authors' way", 1.8, times("long", AUTHORS, REGULARISED)),
        at_most("EReg: time over that without", 1.03, times("ereg", REGULARISED, PLAIN)),
        at_most("EReg, longer: time over that without", 1.03, times("long", REGULARISED, PLAIN)),
        at_most(
            "EReg: peak memory over that without",
            1.03,
            results.peak_ratio("ereg", REGULARISED, PLAIN),
        ),
        at_most("SM+LN+G: peak memory, GB", 2.35, peak / 1e9 if peak else None),
        at_most(
            "EReg: peak memory over the authors'",
            0.65,
            results.peak_ratio("ereg", REGULARISED, AUTHORS),
        ),
        at_least("tiny: speed over PyTorch eager's", 3.0, times("tiny", EAGER)),
        at_least("tiny: speed over torch.compile's", 2.5, times("tiny", COMPILED)),
    ]


def full_catalogue(threads: int) -> Catalogue:
    """Returns the scenes of docs/benchmark.md; what matters most comes first."""
    return Catalogue(_full_scenes(threads), _goals)


def dry_catalogue() -> Catalogue:
    """Returns scenes that take seconds, to try the program, not its speed."""
    return Catalogue(_dry_scenes(), _goals)
