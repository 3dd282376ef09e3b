"""Lists the steps whose growth scripts/bench/growth.py measures, and finds their figures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aero.benchmark.setting import Setting
from aero.benchmark.step_report import Results
from aero.benchmark.step_scenes import AERO, Scene, Side
from aero.results.growth import Curve, Point

GEMM = ("gemm/before", "gemm/after")  # the measurements of the rate of matrix products
_HEAD = 64  # d_k


@dataclass(frozen=True)
class Growth:
    """Holds a step, and for each of its sizes the values that it takes in turn."""

    base: Setting
    sizes: Mapping[str, tuple[int, ...]]  # by the field of Setting
    warmup: int  # steps of a turn that are left out
    rounds: int


_LABELS = {
    "n_layer": "layers L",
    "d_model": "width d",
    "context": "context T",
    "vocab_size": "vocabulary V",
    "batch_size": "batch B",
}


def full_growth(threads: int) -> Growth:
    """Returns what the figure shows."""
    return Growth(
        Setting(4, 4, 256, 8192, 128, 8, 1, "bfloat16", threads, 8),
        {
            "n_layer": (1, 2, 4, 8, 16),
            "d_model": (64, 128, 256, 512, 1024),
            "context": (32, 64, 128, 256, 512),
            "vocab_size": (2048, 4096, 8192, 16384, 32768),
            "batch_size": (2, 4, 8, 16, 32),
        },
        warmup=2,
        rounds=3,
    )


def dry_growth() -> Growth:
    """Returns steps that take no time, to try the program, not its speed."""
    return Growth(
        Setting(1, 1, 64, 64, 8, 2, 1, "bfloat16", 1, 3),
        {
            "n_layer": (1, 2),
            "d_model": (64, 128),
            "context": (8, 16),
            "vocab_size": (64, 128),
            "batch_size": (2, 4),
        },
        warmup=1,
        rounds=1,
    )


def _step(base: Setting, size: str, value: int) -> Setting:
    """Returns the step with one size changed; heads keep their width."""
    changed: dict[str, Any] = {size: value}
    if size == "d_model":
        changed["n_head"] = value // _HEAD
    return replace(base, **changed)


def _name(step: Setting) -> str:
    return f"L{step.n_layer}-d{step.d_model}-T{step.context}-V{step.vocab_size}-B{step.batch_size}"


def scenes_of(growth: Growth) -> list[Scene]:
    """Returns a scene for each step, once for those in which several sizes meet."""
    steps = {
        _name(step): step
        for size, values in growth.sizes.items()
        for step in (_step(growth.base, size, value) for value in values)
    }
    sides = (Side(AERO, first_seconds=30),)
    return [
        Scene(name, name, step, growth.warmup, sides, growth.rounds) for name, step in steps.items()
    ]


def gemm_rate(measured: Mapping[str, Any]) -> float | None:
    """Returns the FLOP/s of matrix products."""
    rates = [measured[name] for name in GEMM if name in measured]
    return statistics.median(rates) if rates else None


def curves_of(growth: Growth, measured: Mapping[str, Any]) -> list[Curve]:
    """Returns a curve for each size from the measurements by name."""
    scenes = scenes_of(growth)
    turns = {name: turn for name, turn in measured.items() if name not in GEMM}
    results, gemm = Results(scenes, turns), gemm_rate(measured)

    def point(size: str, value: int) -> Point:
        step = _step(growth.base, size, value)
        scene = _name(step)
        seconds, tokens = results.seconds(scene, AERO), step.tokens_per_step
        flops = results.flops(scene, scenes[0].sides[0])
        return Point(
            value,
            tokens / seconds if seconds else None,
            tokens * gemm / flops if gemm and flops else None,
            results.peak(scene, AERO),
        )

    return [
        Curve(_LABELS[size], tuple(point(size, value) for value in values))
        for size, values in growth.sizes.items()
    ]
