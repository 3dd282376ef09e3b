"""The counts of SPU's matrix products: those of the program, of the scripts and of a search."""

from __future__ import annotations

import itertools
import os
import subprocess

import numpy as np
import pytest
from product_search import COUNTS, counts

from aero.private.program.products import FUNCTIONS

Shape = tuple[int, int, int]


def transformers() -> list[Shape]:
    """Contexts and prompts of every kind, narrow and wide."""
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


def drawn(number: int) -> list[Shape]:
    """At random, as many of each magnitude."""
    sizes = np.exp(np.random.default_rng(1).uniform(0, np.log(4000), (number, 3)))
    return [(int(m), int(k), int(n)) for m, k, n in sizes]


# Where SPU splits operands along k, along m and n, and along all three.
SPLIT = [(1, 50257, 768), (128, 768, 50257), (2, 3000, 20000), (6000, 6000, 6000), (7, 40000, 900)]
SHAPES = transformers() + drawn(10_000) + SPLIT


def told_by_the_program(shapes: list[Shape]) -> list[dict[str, float]]:
    lines = "".join(f"{m} {k} {n}\n" for m, k, n in shapes)
    done = subprocess.run(
        [os.environ["AERO_MATRIX_CUT"]], input=lines, capture_output=True, text=True, check=True
    )
    words = [line.split() for line in done.stdout.splitlines()]
    return [
        {name: float(value) for name, value in zip(line[::2], line[1::2], strict=True)}
        for line in words
    ]


def test_the_program_counts_as_a_search_over_all_cuts_does() -> None:
    assert len(transformers()) == 954
    found = told_by_the_program(SHAPES)
    assert len(found) == len(SHAPES)
    for shape, told in zip(SHAPES, found, strict=True):
        right = {f"spu_{name}": value for name, value in counts(*shape).items()}
        assert told == pytest.approx(right, rel=1e-12), shape


def test_the_scripts_count_as_a_search_over_all_cuts_does() -> None:
    for shape in transformers() + drawn(500) + SPLIT[:3]:
        told = {name: FUNCTIONS[f"spu_{name}"](*shape) for name in COUNTS}
        assert told == pytest.approx(counts(*shape), rel=1e-12), shape
