"""Tests scripts/bench/growth.py with steps of known times, and a dry run of it."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

from aero.benchmark.doctor import product_rate
from aero.benchmark.growth import full_growth, scenes_of
from aero.commands import bench_growth
from aero.core.errors import AeroError
from aero.results.figures import growth as figure
from aero.results.figures import style
from aero.results.growth import Curve, Point
from gpu_programs import calls, needs_torch, real_aero, stand_in
from test_figures_in_print import boxes

SIZES = ["layers L", "width d", "context T", "vocabulary V", "batch B"]


def curves(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Returns the points by size."""
    found = json.loads((folder / "growth.json").read_text())["curves"]
    return {curve["size"]: curve["points"] for curve in found}


@needs_torch
def test_speed_and_its_ideal_follow_from_the_times(tmp_path: Path) -> None:
    aero, out = stand_in(tmp_path), tmp_path / "out"
    command = ["--aero", str(aero), "--out", str(out), "--tiny"]
    assert bench_growth.main(command) == 0
    found = curves(out)
    assert list(found) == SIZES
    # A step takes 0.5 s and has 1 GFLOP, products run at 8 GFLOP/s; the base has 2 x 8 tokens.
    speeds = {
        size: [(p["value"], p["tokens_per_second"], p["ideal_tokens_per_second"]) for p in points]
        for size, points in found.items()
    }
    assert speeds["layers L"] == [(1, 32, 128), (2, 32, 128)]
    assert speeds["context T"] == [(8, 32, 128), (16, 64, 256)]
    assert speeds["batch B"] == [(2, 32, 128), (4, 64, 256)]
    assert all(p["peak_bytes"] > 0 for points in found.values() for p in points)
    assert "| 16 | 64 | 256 | 0.25 |" in (out / "growth.md").read_text()

    taken = calls(aero)
    assert len(taken) == 6  # the base once, and each of five sizes changed
    assert bench_growth.main(command) == 0
    assert calls(aero) == taken


@needs_torch
def test_what_does_not_fit_is_left_out_by_name(tmp_path: Path) -> None:
    aero, out = stand_in(tmp_path), tmp_path / "out"
    command = ["--aero", str(aero), "--out", str(out), "--tiny", "--seconds", "20"]
    assert bench_growth.main(command) == 0  # the first turn may take 30 s
    assert calls(aero) == []
    assert all(p["tokens_per_second"] is None for points in curves(out).values() for p in points)
    assert "Left out because time ran out: L1-d64-T8-V64-B2/AERO/1, " in (
        (out / "growth.md").read_text()
    )
    assert (out / "growth.svg").is_file()


@needs_torch
def test_the_program_that_was_built_is_measured(tmp_path: Path) -> None:
    command = ["--aero", str(real_aero()), "--out", str(tmp_path), "--tiny"]
    assert bench_growth.main(command) == 0
    for points in curves(tmp_path).values():
        assert len(points) == 2
        for point in points:
            assert point["tokens_per_second"] > 0 and point["ideal_tokens_per_second"] > 0
    drawn = (tmp_path / "growth.svg").read_text()
    assert all(size in drawn for size in SIZES)


def test_one_size_varies_at_a_time() -> None:
    growth = full_growth(2)
    steps = [dataclasses.asdict(scene.setting) for scene in scenes_of(growth)]
    base = dataclasses.asdict(growth.base)
    assert len(steps) == sum(len(values) - 1 for values in growth.sizes.values()) + 1
    for step in steps:
        assert step["d_model"] == 64 * step["n_head"]
        changed = {key for key in step if step[key] != base[key]}
        assert len(changed - {"n_head"}) <= 1


def doctor(folder: Path, *lines: str) -> Path:
    binary = folder / "aero"
    text = "\n".join(lines)
    binary.write_text(f"#!/bin/sh\ncat <<END\n{text}\nEND\n")
    binary.chmod(0o755)
    return binary


def test_products_are_those_of_the_cpu_with_so_many_threads(tmp_path: Path) -> None:
    aero = doctor(
        tmp_path,
        "matrix products of 2048 on the CPU:",
        "  float32    179 GFLOP/s",
        "  bfloat16   39$OMP_NUM_THREADS GFLOP/s",
        "matrix products of 8192 on CUDA:",
        "  float32    50000 GFLOP/s",
        "  bfloat16   700000 GFLOP/s",
    )
    assert product_rate(aero, "bfloat16", 2, 10) == 392e9
    assert product_rate(aero, "float32", 2, 10) == 179e9


def test_a_doctor_without_products_is_reported(tmp_path: Path) -> None:
    aero = doctor(tmp_path, "matrix products of 8192 on CUDA:", "  bfloat16   7 GFLOP/s")
    with pytest.raises(AeroError, match="no rate of products in bfloat16 on the CPU"):
        product_rate(aero, "bfloat16", 2, 10)


def test_no_text_of_the_figure_lies_on_another() -> None:
    growth = full_growth(2)
    drawn = [
        Curve(size, tuple(Point(value, 1e6 / value, 2e6 / value, 1e5 * value) for value in values))
        for size, values in zip(SIZES, growth.sizes.values(), strict=True)
    ]
    style.apply_style()
    found = figure.draw(drawn, 395e9)
    FigureCanvasAgg(found).draw()
    placed = boxes(found)
    assert {"tokens/s", "32,768", *SIZES} <= {text for text, _ in placed}
    for (one, a), (other, b) in itertools.combinations(placed, 2):
        shared = Bbox.intersection(a, b)
        assert shared is None or min(shared.width, shared.height) < 2, f"{one!r} lies on {other!r}"
