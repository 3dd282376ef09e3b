"""Lists what scripts/gpu/benchmark.py measures, and the goals on a data-centre GPU."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from aero.benchmark.setting import Setting
from aero.benchmark.step_report import Catalogue, Goal, Results, at_least, at_most
from aero.benchmark.step_scenes import (
    AERO,
    AUTHORS,
    COMPILED,
    PLAIN,
    REGULARISED,
    Scene,
    Side,
    ereg_sides,
    gpt2_sides,
    regularised_side,
)

GRAPHS = "AERO, CUDA graphs"


def _small(device: str, first: float) -> tuple[Side, ...]:
    """Returns the sides of a model so small that the host's kernel launches decide the time; CUDA
    graphs need a GPU.
    """
    aero = Side(AERO, first)
    graphs = Side(GRAPHS, first, train={"cuda_graphs": True})
    return (aero, graphs) if device.startswith("cuda") else (aero,)


def _full_scenes(device: str) -> list[Scene]:
    gpt2 = Setting(12, 12, 768, 50304, 128, 128, 1, "bfloat16", 0, 60, device)
    long = replace(gpt2, context=1024, batch_size=16, steps=30)
    tiny = Setting(4, 4, 128, 4096, 128, 32, 1, "bfloat16", 1, 300, device)
    first = 25
    sides = gpt2_sides("inductor", first)
    longer = (sides[0], regularised_side(6, 2 * first), sides[2])
    return [
        Scene("gpt2", "GPT-2 124M", gpt2, 15, sides, 3),
        Scene("ereg", "ScFuFFN_i6", gpt2, 15, ereg_sides(gpt2, 6, first), 3),
        Scene("long", "T = 1024", long, 8, longer, 2),
        Scene("tiny", "the tiny sweeps' model", tiny, 60, (*_small(device, first), sides[1]), 2),
        Scene("vocabulary", "V = 50,257", replace(gpt2, vocab_size=50257), 15, sides, 1, begins=2),
    ]


def _dry_scenes(device: str) -> list[Scene]:
    gpt2 = Setting(2, 2, 32, 301, 16, 4, 1, "bfloat16", 1, 4, device)
    long = replace(gpt2, context=32, batch_size=2)
    smaller = replace(gpt2, n_layer=1, steps=8)  # three steps come before a graph
    first = 5
    aero = Side(AERO, first)
    return [
        Scene("gpt2", "GPT-2", gpt2, 1, gpt2_sides("eager", first), 1),
        Scene("ereg", "ScFuFFN_i1", gpt2, 1, ereg_sides(gpt2, 1, first), 1),
        Scene("long", "T = 32", long, 1, (aero, regularised_side(1, first)), 1),
        Scene("tiny", "a smaller model", smaller, 1, _small(device, first), 1),
    ]


def _goals(scenes: list[Scene], results: Results) -> list[Goal]:
    """Compares the figures with the goals of AERO on a data-centre GPU."""
    by_name = {scene.name: scene for scene in scenes}

    def growth(side: str, scene: str) -> float | None:
        longer, shorter = (results.seconds_per_token(s, side) for s in ("long", scene))
        return longer / shorter if longer and shorter else None

    short, long = (by_name[name].setting.context for name in ("gpt2", "long"))
    return [
        at_least("GPT-2: share of the measured GEMM rate", 0.4, results.share("gpt2", AERO)),
        at_least(
            "GPT-2: tokens/s over nanoGPT's with torch.compile",
            1.0,
            results.ratio("gpt2", COMPILED, AERO),
        ),
        at_most(
            "EReg(SM(t)+ScFuFFN): time over that without EReg",
            1.15,
            results.ratio("ereg", REGULARISED, PLAIN),
        ),
        at_least(
            "EReg(SM(t)+ScFuFFN): tokens/s over the authors' way in PyTorch eager",
            1.8,
            results.ratio("ereg", AUTHORS, REGULARISED),
        ),
        at_most(
            f"GPT-2: a token's time at T = {long} over that at T = {short}",
            1.5,
            growth(AERO, "gpt2"),
        ),
        at_most(
            f"EReg(SM(t)+ScFuFFN): a token's time at T = {long} over that at T = {short}",
            1.5,
            growth(REGULARISED, "ereg"),
        ),
        at_least(
            "the smallest model: steps/s with CUDA graphs over those without",
            3.0,
            results.ratio("tiny", AERO, GRAPHS),
        ),
    ]


def full_catalogue(device: str) -> Catalogue:
    """Returns the scenes at the papers' size; what matters most comes first."""
    scenes = _full_scenes(device)
    return Catalogue(scenes, partial(_goals, scenes))


def dry_catalogue(device: str) -> Catalogue:
    """Returns scenes that take seconds on a CPU, to try the program, not its speed."""
    scenes = _dry_scenes(device)
    return Catalogue(scenes, partial(_goals, scenes))
