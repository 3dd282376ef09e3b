"""The seconds of a cost model: lines and planes through what was timed."""

from __future__ import annotations

import numpy as np
import pytest

import measure_costs
from aero_private import memory
from aero_private.aero_program import Prediction
from aero_private.line import Network
from aero_private.seconds import matrix_plane, vector_line

SHAPES = [(16, 16, 16), (64, 128, 384), (64, 512, 128), (64, 128, 4096), (128, 768, 3072)]


def test_a_line_goes_through_both_times() -> None:
    line = vector_line((16, 0.5), (10_000, 3.0))
    assert line.start + 16 * line.each == pytest.approx(0.5)
    assert line.start + 10_000 * line.each == pytest.approx(3.0)


def test_no_part_of_a_line_is_below_nothing() -> None:
    falling = vector_line((16, 3.0), (1000, 0.5))
    assert (falling.start, falling.each) == (3.0, 0.0)
    steep = vector_line((10, 0.001), (1000, 1.0))
    assert steep.start == 0.0 and steep.each > 0


def test_batches_are_counted_where_one_costs_the_same_however_full() -> None:
    # Four batches of 8,192 take 0.4 s and 10 us a number.
    line = vector_line((16, 0.1), (32768, 0.4 + 32768e-5), batched=True)
    assert (line.start, line.each) == pytest.approx((0.1, 1e-5))


def plane_seconds(parts: tuple[float, float, float, float]) -> list[float]:
    start, operand, result, product = parts
    return [
        start + operand * min(m * k, k * n) + result * m * n + product * m * k * n
        for m, k, n in SHAPES
    ]


@pytest.mark.parametrize("parts", [(0.05, 2e-6, 1e-5, 2e-8), (0.0, 0.0, 0.0, 3e-8)])
def test_a_plane_is_found_again(parts: tuple[float, float, float, float]) -> None:
    plane = matrix_plane(SHAPES, plane_seconds(parts))
    found = (plane.start, plane.operand, plane.result, plane.product)
    assert found == pytest.approx(parts, rel=1e-6, abs=1e-12)


def test_a_plane_is_as_near_to_short_times_as_to_long_ones() -> None:
    parts = (0.05, 2e-6, 1e-5, 2e-8)
    noise = 1 + 0.1 * np.random.default_rng(1).standard_normal(len(SHAPES))
    plane = matrix_plane(SHAPES, plane_seconds(parts) * noise)
    found = plane_seconds((plane.start, plane.operand, plane.result, plane.product))
    assert min(vars(plane).values()) >= 0
    assert found == pytest.approx(plane_seconds(parts), rel=0.25)


def test_products_that_do_not_fit_the_memory_are_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "available", lambda: None)
    everything = {probe.name for probe in measure_costs.fitting_probes()}
    monkeypatch.setattr(memory, "available", lambda: 8e9)
    fitting = {probe.name for probe in measure_costs.fitting_probes()}
    assert everything - fitting == {"matmul_weight 128 768 3072"}
    assert "left out matmul_weight 128 768 3072, which takes up to 20 GB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rounds", "seconds", "told"),
    [
        (10, 2.0, "10 rounds, 2.00 s of computation, 2.90 s in all"),
        (None, 2.0, "2.00 s of computation"),
        (10, None, "10 rounds"),
        (None, None, ""),
    ],
)
def test_a_prediction_tells_what_the_cost_model_knows(
    rounds: float | None, seconds: float | None, told: str
) -> None:
    # 1.25 MB take 0.1 s at 100 Mbit/s, ten rounds of 80 ms 0.8 s.
    prediction = Prediction({}, 1.25e6, rounds=rounds, seconds=seconds)
    assert prediction.times(Network(100, 80)) == told
    assert "in all" not in prediction.times(None)
