"""Lists what scripts/bench/steps.py measures, and the goals on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    authors_gpt2_side,
    authors_method_side,
    ereg_sides,
    gpt2_sides,
    method_side,
)

SCENES = ("gpt2", "method", "ereg", "long", "tiny", "float32", "batch16", "batch32")
MEMORY = ("batch16", "batch32")  # scenes of so few steps that their times say little
_GROWTH = ("gpt2", *MEMORY)  # the same model in batches of 8, 16 and 32


@dataclass(frozen=True)
class _Size:
    """Holds what tells the full measurement from a dry run."""

    gpt2: Setting
    tiny: Setting
    pruned: int  # FFNs
    backend: str  # of torch.compile
    first: float  # seconds that a side's first turn may take


def _full(threads: int) -> _Size:
    gpt2 = Setting(12, 12, 768, 50304, 128, 8, 1, "bfloat16", threads, 7)
    tiny = Setting(4, 4, 128, 4096, 128, 32, 1, "bfloat16", threads, 40)
    return _Size(gpt2, tiny, 6, "inductor", 60)


def _dry() -> _Size:
    gpt2 = Setting(2, 2, 32, 301, 8, 8, 1, "bfloat16", 1, 4)
    return _Size(gpt2, replace(gpt2, n_layer=1), 1, "eager", 5)


def _scenes(size: _Size) -> list[Scene]:
    gpt2, pruned, first = size.gpt2, size.pruned, size.first
    long = replace(gpt2, context=4 * gpt2.context, batch_size=gpt2.batch_size // 4)
    single = replace(gpt2, dtype="float32", steps=min(5, gpt2.steps))
    plain = gpt2_sides(size.backend, first)
    authors = authors_gpt2_side(gpt2, plain[0])
    method = method_side(pruned, first)
    authors_method = authors_method_side(gpt2, pruned, method)
    model = f"SM(t)+ScFuFFN_i{pruned}"

    def memory(batch: int) -> Scene:
        step = replace(gpt2, batch_size=batch, steps=min(3, gpt2.steps))
        sides = (plain[0], authors)
        return Scene(f"batch{batch}", "SM+LN+G, for its memory", step, 1, sides, 1)

    return [
        Scene("gpt2", "SM+LN+G", gpt2, 2, (*plain, authors), 3),
        Scene("method", f"SM+ScFuFFN_i{pruned}", gpt2, 2, (method, authors_method), 3),
        Scene("ereg", f"EReg({model})", gpt2, 2, ereg_sides(gpt2, pruned, first), 3),
        Scene("long", f"EReg({model}), longer", long, 2, ereg_sides(long, pruned, first), 3),
        Scene("tiny", "the tiny sweeps' model", size.tiny, 10, plain, 3),
        Scene("float32", "SM+LN+G in float32", single, 1, (*plain, authors), 2),
        memory(16),
        memory(32),
    ]


def _goals(results: Results) -> list[Goal]:
    def times(scene: str, side: str, reference: str = AERO) -> float | None:
        return results.ratio(scene, side, reference)

    def rate(side: str) -> float | None:
        return results.memory_growth(_GROWTH, side)

    peak, ours, theirs = results.peak("gpt2", AERO), rate(AERO), rate(AUTHORS)
    return [
        at_least("SM+LN+G: speed over torch.compile's", 1.38, times("gpt2", COMPILED)),
        at_least("SM+LN+G: over the authors' way", 1.5, times("gpt2", AUTHORS)),
        at_least("SM+LN+G: share of the measured GEMM rate", 0.9, results.share("gpt2", AERO)),
        at_least("SM+LN+G in float32: over torch.compile's", 1.15, times("float32", COMPILED)),
        at_least("SM+LN+G in float32: over PyTorch eager's", 1.15, times("float32", EAGER)),
        at_least("SM+LN+G in float32: over the authors' way", 1.15, times("float32", AUTHORS)),
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
            "SM+LN+G: peak memory over the authors'",
            0.65,
            results.peak_ratio("gpt2", AERO, AUTHORS),
        ),
        at_most(
            "SM+LN+G: growth of peak memory over the authors' (B = 8, 16, 32)",
            0.4,
            ours / theirs if ours is not None and theirs else None,
        ),
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
    return Catalogue(_scenes(_full(threads)), _goals)


def dry_catalogue() -> Catalogue:
    """Returns scenes that take seconds, to try the program, not its speed."""
    scenes = [replace(scene, warmup=1, rounds=1) for scene in _scenes(_dry())]
    return Catalogue(scenes, _goals)
