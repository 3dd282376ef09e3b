"""Models how SPU multiplies matrices: how it splits a product, and how it cuts each part.

A product [m, k] x [k, n] is cut into blocks of at most `slots` multiply-adds, one polynomial each:
`down` x `deep` x `across` blocks of rows x depth x columns. One operand is sent as ciphertexts; the
other party multiplies them by its own polynomials and adds along k, which gives down x across
results. How these go back decides which depths are tried:

- Several results are merged, `depth` of them into one ciphertext (BumbleBee, Lu et al. 2023), and
  where a product has no more numbers than that, number by number (Chen et al. 2021). Depths are
  powers of two.
- Where the best cut of that kind has one result, nothing is merged: SPU tries all depths, and sends
  each result as it is, without the coefficients that the product does not need.

SPU takes the cheapest of all rows and depths: a ciphertext costs 1000, a merge 1, a product of
polynomials 0.1 (libspu/mpc/cheetah/arith/matmat_prot.cc, GetSubMatShape; cheetah_dot.cc,
doDotOLE). Operands of 256 MiB and more are split beforehand (libspu/kernel/hal/ring.cc, _mmul).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

SLOTS = 8192  # coefficients of SPU's polynomials for a field of 64 bits
_SPLIT_AT = (256 << 20) // 8  # numbers of both operands together


class Merging(Enum):
    """Says how results become the ciphertexts that are sent back."""

    NOTHING = "nothing"
    RESULTS = "results"
    NUMBERS = "numbers"


@dataclass(frozen=True)
class Cut:
    """Holds the blocks along m, k and n, a block's depth along k, and the product's m n numbers."""

    down: int
    deep: int
    across: int
    depth: int
    numbers: int
    merging: Merging = Merging.RESULTS

    @property
    def sent(self) -> int:
        """Counts the ciphertexts of the operand that goes to the other party."""
        return min(self.down, self.across) * self.deep

    @property
    def plain(self) -> int:
        """Counts the polynomials of the operand that stays."""
        return max(self.down, self.across) * self.deep

    @property
    def results(self) -> int:
        """Counts the result's ciphertexts before they are merged."""
        return self.down * self.across

    @property
    def merges(self) -> int:
        """Counts the merges, each of two results or two numbers, in a tree. The last result of all
        is merged with itself.
        """
        if self.merging is Merging.NUMBERS:
            # The tree reaches a power of two; then each doubling up to the slots is one merge.
            tree = (self.numbers - 1).bit_length()
            return (1 << tree) - 1 + SLOTS.bit_length() - 1 - tree
        return self.results if self.merging is Merging.RESULTS else 0

    @property
    def lone(self) -> float:
        """Counts the steps of a result without a partner, in a last tree of fewer than `depth`."""
        rest = self.results % self.depth
        if rest == 0 or self.merging is not Merging.RESULTS:
            return 0.0
        return rest * math.log2(self.depth / rest)

    @property
    def whole(self) -> int:
        """Counts the ciphertexts that are sent back whole."""
        return 0 if self.merging is Merging.NOTHING else math.ceil(self.results / self.depth)

    @property
    def halves(self) -> int:
        """Counts the ciphertexts of which one polynomial goes back whole, the other as `kept`."""
        return self.results if self.merging is Merging.NOTHING else 0

    @property
    def kept(self) -> int:
        """Counts the numbers for which a coefficient is sent back."""
        return self.numbers if self.merging is Merging.NOTHING else 0


def _search(m: int, k: int, n: int, merging: Merging) -> Cut:
    """Returns the cheapest cut; of cuts as cheap, the one with most rows, then the deepest."""
    merges = merging is not Merging.NOTHING
    best, least = Cut(1, 1, 1, 1, m * n, merging), math.inf
    for rows in range(1, min(SLOTS, m) + 1):
        depth = 1
        while depth <= k and rows * depth <= SLOTS:
            columns = min(n, SLOTS // rows // depth)
            down, deep, across = -(-m // rows), -(-k // depth), -(-n // columns)
            price = (
                1000.0 * (min(down, across) * deep - (-down * across // depth))
                + (-(-m * n // SLOTS) * depth if merges else 0)
                + down * deep * across / 10.0
            )
            if price <= least:
                best, least = Cut(down, deep, across, depth, m * n, merging), price
            depth = 2 * depth if merges else depth + 1
    return best


@functools.cache
def cut(m: int, k: int, n: int) -> Cut:
    """Returns the cut that SPU makes of a product that is not split."""
    merged = _search(m, k, n, Merging.RESULTS)
    if merged.results <= 1:
        return _search(m, k, n, Merging.NOTHING)
    if merged.depth >= m * n:
        return Cut(merged.down, merged.deep, merged.across, merged.depth, m * n, Merging.NUMBERS)
    return merged


def split(m: int, k: int, n: int) -> Iterator[tuple[int, int, int]]:
    """Lists the products that SPU splits one into: only itself where its operands are small."""
    if m * k + k * n < _SPLIT_AT:
        return iter([(m, k, n)])
    outer = m + n
    if k > 8 * outer:
        outer_step, k_step = outer, math.ceil(_SPLIT_AT / outer)
    elif outer > 8 * k:
        outer_step, k_step = math.ceil(_SPLIT_AT / k), k
    else:
        step = math.sqrt(_SPLIT_AT / (k / outer))
        outer_step, k_step = math.ceil(step), math.ceil(_SPLIT_AT / step)
    m_step, n_step = (max(1, outer_step * size // outer) for size in (m, n))

    def parts(size: int, step: int) -> list[int]:
        return [min(step, size - start) for start in range(0, size, step)]

    return itertools.product(parts(m, m_step), parts(k, k_step), parts(n, n_step))


def cuts(m: int, k: int, n: int) -> list[Cut]:
    """Returns the cuts of all products that one is split into."""
    return [cut(*part) for part in split(m, k, n)]


def _sum(count: str) -> Callable[[float, float, float], float]:
    def function(m: float, k: float, n: float) -> float:
        return float(sum(getattr(part, count) for part in cuts(int(m), int(k), int(n))))

    return function


# The functions that formulas of cost models can call, by name.
FUNCTIONS = {
    f"spu_{count}": _sum(count)
    for count in ("sent", "plain", "merges", "lone", "whole", "halves", "kept")
}
