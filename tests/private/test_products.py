"""Tests how SPU multiplies matrices by its own log. tests/cost also checks the counts."""

from __future__ import annotations

import math

import pytest

from aero.private.program.products import Merging, cut, cuts, split

# SPU 0.9.5 logged for [m, k] x [k, n] these rows x depth x columns of a block.
LOGGED = {
    (32, 32, 32): (32, 32, 8),
    (64, 32, 64): (64, 32, 4),
    (64, 64, 32): (64, 64, 2),
    (64, 128, 128): (64, 128, 1),
    (64, 128, 512): (64, 128, 1),
    (64, 128, 4096): (64, 64, 2),
    (128, 64, 128): (128, 64, 1),
    (59, 59, 64): (4, 32, 64),
    (59, 64, 64): (2, 64, 64),
}


@pytest.mark.parametrize("shape", LOGGED, ids=str)
def test_a_product_is_cut_as_spu_logged(shape: tuple[int, int, int]) -> None:
    found, sizes = cut(*shape), zip(shape, LOGGED[shape], strict=True)
    blocks = tuple(math.ceil(size / part) for size, part in sizes)
    assert (found.down, found.deep, found.across) == blocks
    assert (found.depth, found.merging) == (LOGGED[shape][1], Merging.RESULTS)


def test_results_are_merged_in_trees() -> None:
    # 32 results go into one ciphertext of depth 128: on the levels of 64 and of 32 they are alone;
    # then there are 16 + 8 + 4 + 2 + 1 pairs, and the last result with itself.
    assert cut(16, 128, 128).results == 32
    assert (cut(16, 128, 128).lone, cut(16, 128, 128).merges) == (64, 32)
    assert (cut(64, 128, 128).lone, cut(64, 128, 128).merges) == (0, 128)


def test_one_result_is_not_merged_and_its_depth_is_any() -> None:
    assert (cut(5, 5, 16).merging, cut(5, 5, 16).depth) == (Merging.NOTHING, 5)
    assert (cut(5, 5, 16).lone, cut(5, 5, 16).merges, cut(5, 5, 16).whole) == (0, 0, 0)


def test_large_operands_are_split() -> None:
    assert list(split(128, 768, 768)) == [(128, 768, 768)]
    assert list(split(1, 50257, 768)) == [(1, 43634, 768), (1, 6623, 768)]
    assert len(cuts(4, 768, 50257)) == 4
