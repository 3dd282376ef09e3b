"""How SPU cuts matrix products: by its own log, and by the formulas of a cost model."""

from __future__ import annotations

import itertools
import math

import pytest

from aero_private.products import SLOTS, Cut, cut, helpers
from aero_results.cost_formulas import CostFormulas

# [m, k] x [k, n] => rows x depth x columns of a block, as SPU 0.9.5 logged them.
LOGGED = {
    (32, 32, 32): (32, 32, 8),
    (64, 32, 64): (64, 32, 4),
    (64, 64, 32): (64, 64, 2),
    (64, 128, 128): (64, 128, 1),
    (64, 128, 512): (64, 128, 1),
    (64, 128, 4096): (64, 64, 2),
    (128, 64, 128): (128, 64, 1),
}


@pytest.mark.parametrize("shape", LOGGED, ids=str)
def test_a_product_is_cut_as_spu_says_it_did(shape: tuple[int, int, int]) -> None:
    blocks = (math.ceil(size / part) for size, part in zip(shape, LOGGED[shape], strict=True))
    assert cut(*shape) == Cut(*blocks, depth=LOGGED[shape][1])


def test_results_are_merged_in_trees() -> None:
    # 32 results into one ciphertext of depth 128: on the levels of 64 and of 32 they are alone;
    # then 16 + 8 + 4 + 2 + 1 pairs, and the last one with itself.
    assert cut(16, 128, 128).results == 32
    assert (cut(16, 128, 128).lone, cut(16, 128, 128).merges) == (64, 32)
    assert (cut(64, 128, 128).lone, cut(64, 128, 128).merges) == (0, 128)
    assert (cut(16, 16, 16).lone, cut(16, 16, 16).merges) == (0, 0)


def shapes() -> list[tuple[int, int, int]]:
    """Of transformers: contexts and prompts of every kind, narrow and wide."""
    result = set()
    lengths = (1, 5, 16, 27, 64, 100, 128, 200, 256, 512, 1024)
    for length, width in itertools.product(lengths, (64, 128, 192, 256, 384, 512, 768, 1024)):
        for words in (512, 4096, 50257):
            result |= {(length, width, words), (length, words, width)}
        result |= {(length, width, width), (length, width, 3 * width)}
        result |= {(length, width, 4 * width), (length, 4 * width, width)}
    for length, depth in itertools.product(lengths, (16, 32, 64, 128)):
        result |= {(length, depth, length), (length, length, depth)}
        result |= {(1, depth, length), (1, length, depth)}
    return sorted(result)


# Where no cut that the formulas try is as cheap as SPU's own.
DEARER = {(200, 256, 4096), (200, 384, 4096)}


def formulas() -> CostFormulas:
    return CostFormulas(
        {
            "constants": {"slots": {"value": SLOTS, "unit": "1"}},
            "primitives": {
                name: {"arguments": arguments, "number": formula}
                for name, (arguments, formula) in helpers().items()
            },
        }
    )


def test_formulas_find_the_cheapest_cut_of_all_shapes_but_two() -> None:
    of = formulas()
    weights = [[float(i == j) for i in range(5)] for j in range(5)]
    others = set()
    for shape in shapes():
        right, best = cut(*shape), of("best_cut", *shape)
        found = [of("count", *shape, best, *weight) for weight in weights]
        sent_back: float = math.ceil(right.results / right.depth)
        if right.results == 1:
            # Of two polynomials one is sent whole, of the other m n coefficients.
            sent_back = 0.5 + shape[0] * shape[2] / (2 * SLOTS)
        if found != pytest.approx([right.sent, right.plain, right.merges, right.lone, sent_back]):
            others.add(shape)
    assert len(shapes()) == 954
    assert others == DEARER
