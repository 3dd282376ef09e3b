"""Measures the bytes of products between two parties again, as other tests rely on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("spu")

from measure_products import bytes_of

pytestmark = pytest.mark.slow

MEASURED = Path(__file__).resolve().parents[1] / "cost" / "spu_product_bytes.json"
# One result, two results, several that are merged, numbers merged one by one, split operands.
SHAPES = [(5, 5, 16), (24, 24, 16), (59, 59, 64), (64, 256, 256), (1, 2048, 128), (1, 50257, 768)]


def test_products_take_the_recorded_bytes() -> None:
    known = {tuple(row[:3]): row[3] for row in json.loads(MEASURED.read_text())["products"]}
    found = bytes_of(SHAPES)
    assert found == pytest.approx([known[shape] for shape in SHAPES], rel=1e-3)
