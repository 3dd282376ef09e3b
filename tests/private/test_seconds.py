"""Tests the fits of a cost model's seconds to timed probes."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from aero.commands import measure_costs_work
from aero.config.cost_models import SHIPPED, read_cost_model
from aero.private.measure.seconds import batched_vectors, matrix_seconds, vector_line
from aero.private.program.products import cut
from aero.private.report.aero_program import Prediction
from aero.private.run.line import Network

SHAPES = [(16, 16, 16), (27, 128, 128), (64, 128, 384), (64, 512, 128), (64, 128, 4096)]
SHAPES += [(64, 4096, 128), (128, 768, 768), (100, 4096, 128)]


def test_a_line_goes_through_both_times() -> None:
    line = vector_line((16, 0.5), (10_000, 3.0))
    assert line.start + 16 * line.each == pytest.approx(0.5)
    assert line.start + 10_000 * line.each == pytest.approx(3.0)


def test_no_part_of_a_line_is_below_zero() -> None:
    falling = vector_line((16, 3.0), (1000, 0.5))
    assert (falling.start, falling.each) == (3.0, 0.0)
    steep = vector_line((10, 0.001), (1000, 1.0))
    assert steep.start == 0.0 and steep.each > 0


def test_batches_are_counted_where_each_costs_the_same_however_full() -> None:
    # Four batches of 8,192 take 0.4 s and 10 us a number.
    line = vector_line((16, 0.1), (32768, 0.4 + 32768e-5), batched=True)
    assert (line.start, line.each) == pytest.approx((0.1, 1e-5))


def test_the_formulas_count_the_batches_of_the_same_vectors() -> None:
    primitives = read_cost_model(SHIPPED / "spu_0.9.5.json")["primitives"]
    batched = {
        name: kind["seconds"]
        for name, kind in primitives.items()
        if "ceil(n / slots)" in kind.get("seconds", "")
    }
    assert set(batched) == batched_vectors(colocated=True)
    # Shared weights are two, so that "2 - weight_shares" leaves their products without batches.
    always = {name for name, formula in batched.items() if "2 - weight_shares" not in formula}
    assert always == batched_vectors(colocated=False)


TRUNCATION = 4e-7


Parts = tuple[float, float, float, float, float, float, float]
PROMPTS = [(16, 16, 16), (64, 4096, 128)]


def product_seconds(parts: Parts) -> list[float]:
    """Returns seconds of SHAPES, then of PROMPTS, for which no party multiplies its own share."""
    start, sent, plain, merge, lone, own_start, own = parts
    cuts = [cut(*shape) for shape in [*SHAPES, *PROMPTS]]
    result = [
        start
        + sent * c.sent
        + plain * c.plain
        + merge * c.merges
        + lone * c.lone
        + TRUNCATION * m * n
        for (m, _, n), c in zip([*SHAPES, *PROMPTS], cuts, strict=True)
    ]
    for number, (m, k, n) in enumerate(SHAPES):
        result[number] += own_start + own * m * k * n
    return result


@pytest.mark.parametrize(
    "parts", [(0.05, 6e-3, 2e-4, 1e-3, 8e-4, 0.01, 4e-9), (0, 0, 0, 1e-3, 0, 0, 0)]
)
def test_the_fit_recovers_the_parts_of_products(parts: Parts) -> None:
    found = matrix_seconds(SHAPES, PROMPTS, product_seconds(parts), TRUNCATION)
    assert astuple(found) == pytest.approx(parts, rel=1e-6, abs=1e-13)


def test_without_prompts_the_owners_part_is_zero() -> None:
    parts = (0.05, 6e-3, 2e-4, 1e-3, 8e-4, 0.0, 0.0)
    seconds = product_seconds(parts)[: len(SHAPES)]
    assert astuple(matrix_seconds(SHAPES, [], seconds, TRUNCATION)) == pytest.approx(parts)


def test_a_fit_is_as_close_to_short_times_as_to_long_ones() -> None:
    parts = (0.05, 6e-3, 2e-4, 1e-3, 8e-4, 0.01, 4e-9)
    noise = 1 + 0.1 * np.random.default_rng(1).standard_normal(len(SHAPES) + len(PROMPTS))
    found = matrix_seconds(SHAPES, PROMPTS, product_seconds(parts) * noise, TRUNCATION)
    assert min(astuple(found)) >= 0
    assert product_seconds(astuple(found)) == pytest.approx(product_seconds(parts), rel=0.25)


def test_products_that_do_not_fit_the_memory_are_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure_costs_work, "available", lambda: None)
    everything = {probe.name for probe in measure_costs_work.fitting_probes(colocated=True)}
    monkeypatch.setattr(measure_costs_work, "available", lambda: 6.5e9)
    fitting = {probe.name for probe in measure_costs_work.fitting_probes(colocated=True)}
    assert everything - fitting == {"matmul_weight 128 768 768"}
    assert "left out matmul_weight 128 768 768, which takes up to 7 GB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rounds", "seconds", "expected"),
    [
        (10, 2.0, "10 rounds, 2.00 s of computation, 2.90 s in all"),
        (None, 2.0, "2.00 s of computation"),
        (10, None, "10 rounds"),
        (None, None, ""),
    ],
)
def test_a_prediction_says_what_the_cost_model_knows(
    rounds: float | None, seconds: float | None, expected: str
) -> None:
    # 1.25 MB take 0.1 s at 100 Mbit/s, ten rounds of 80 ms 0.8 s.
    prediction = Prediction({}, 1.25e6, rounds=rounds, seconds=seconds)
    assert prediction.times(Network(100, 80)) == expected
    assert "in all" not in prediction.times(None)
