"""How SPU cuts a matrix product into polynomials, and the formulas of a cost model that say so.

A product [m, k] x [k, n] is cut into blocks of at most `slots` multiply-adds, one polynomial each:
`down` x `deep` x `across` blocks of rows x depth x columns. One operand is sent as ciphertexts; the
other party multiplies them by its own polynomials and adds along k, which gives down x across
results; it merges `depth` of these into one ciphertext (BumbleBee, Lu et al. 2023) and sends
that back. SPU tries all rows and all depths that are powers of two and takes the cheapest, a
ciphertext for 1000, a merge for 1, a product of polynomials for 0.1
(libspu/mpc/cheetah/arith/matmat_prot.cc, GetSubMatShape).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SLOTS = 8192  # coefficients of SPU's polynomials for a field of 64 bits
SOURCE = "SPU's choice of a cut, libspu/mpc/cheetah/arith/matmat_prot.cc: GetSubMatShape"

Formulas = dict[str, tuple[list[str], str]]


@dataclass(frozen=True)
class Cut:
    """Blocks along m, k and n, and the depth of a block along k."""

    down: int
    deep: int
    across: int
    depth: int

    @property
    def sent(self) -> int:
        """Ciphertexts of the operand that goes to the other party."""
        return min(self.down, self.across) * self.deep

    @property
    def plain(self) -> int:
        """Polynomials of the operand that stays."""
        return max(self.down, self.across) * self.deep

    @property
    def results(self) -> int:
        """Ciphertexts before they are merged."""
        return self.down * self.across

    @property
    def merges(self) -> int:
        """Of two results each, in a tree, the last of all with itself; one alone is not merged."""
        return self.results if self.results > 1 else 0

    @property
    def lone(self) -> float:
        """Steps of a result without another, where the last tree has fewer than `depth` leaves."""
        rest = self.results % self.depth
        return rest * math.log2(self.depth / rest) if rest and self.results > 1 else 0.0


def cut(m: int, k: int, n: int) -> Cut:
    """SPU's own, by trying everything."""
    best, least = Cut(1, 1, 1, 1), math.inf
    for rows in range(1, min(SLOTS, m) + 1):
        depth = 1
        while depth <= k and rows * depth <= SLOTS:
            columns = min(n, SLOTS // rows // depth)
            tried = Cut(math.ceil(m / rows), math.ceil(k / depth), math.ceil(n / columns), depth)
            price = (
                1000 * (tried.sent + math.ceil(tried.results / depth))
                + math.ceil(m * n / SLOTS) * depth
                + tried.results * tried.deep / 10
            )
            if price <= least:
                best, least = tried, price
            depth *= 2
    return best


# Of all cuts, formulas try these: m (or, with the product turned over, n) in so many parts, and the
# depth that fills a polynomial divided by so much. Of 950 shapes of transformers, they have SPU's
# own cut or one as cheap in all but two (tests/private/test_products.py).
_TRIED = ((1, 1), (1, 2), (1, 4), (1, 8), (3, 1), (5, 1), (7, 1), (13, 1), (25, 1))

_WAY = "(cut - 2 * floor(cut / 2))"
_PARTS = "floor(cut / 32)"
_SHALLOWER = "(floor(cut / 2) - 16 * floor(cut / 32))"
_WEIGHTS = ["sent", "plain", "merged", "alone", "packed"]
_REST = "results - depth * floor(results / depth)"


def _best() -> str:
    """The cheapest cut, told as 32 parts + 2 shallower + turned, in the last ten bits."""
    options = [
        f"option({shape}, {parts}, {shallower}, {turned})"
        for turned, shape in ((0, "m, k, n"), (1, "n, k, m"))
        for parts, shallower in _TRIED
    ]
    return f"last_bits(min({', '.join(options)}))"


def helpers() -> Formulas:
    """Plain numbers that formulas of products call: best_cut, and count, which adds up a cut's
    sent ciphertexts, plain polynomials, merges, lone steps and ciphertexts sent back, each by a
    weight.
    """
    weights = ", ".join(_WEIGHTS)
    return {
        "best_cut": (["m", "k", "n"], _best()),
        "last_bits": (["x"], "x - 1024 * floor(x / 1024)"),
        "option": (
            ["m", "k", "n", "parts", "shallower", "turned"],
            "1024 * floor(10 * price(m, k, n, ceil(m / parts), "
            "depth_of(ceil(m / parts), k, shallower)) + 0.5) + 32 * parts + 2 * shallower + turned",
        ),
        "price": (
            ["m", "k", "n", "rows", "depth"],
            "blocks_price(ceil(m / rows), ceil(k / depth), across(rows, depth, n), depth)"
            # More rows than a polynomial has coefficients are no cut.
            " + ceil(m * n / slots) * depth + 10 ^ 9 * min(1, floor((rows - 1) / slots))",
        ),
        "blocks_price": (
            ["down", "deep", "across", "depth"],
            "1000 * (min(down, across) * deep + ceil(down * across / depth))"
            " + down * deep * across / 10",
        ),
        "depth_of": (
            ["rows", "k", "shallower"],
            "max(1, 2 ^ floor(log2(min(k, slots / rows))) / shallower)",
        ),
        "across": (
            ["rows", "depth", "n"],
            "ceil(n / max(1, min(n, floor(slots / (rows * depth)))))",
        ),
        "count": (
            ["m", "k", "n", "cut", *_WEIGHTS],
            f"count_parts(m + (n - m) * {_WAY}, k, n + (m - n) * {_WAY}, {_PARTS}, {_SHALLOWER},"
            f" {weights})",
        ),
        "count_parts": (
            ["m", "k", "n", "parts", "shallower", *_WEIGHTS],
            f"count_cut(m, k, n, ceil(m / parts), depth_of(ceil(m / parts), k, shallower),"
            f" {weights})",
        ),
        "count_cut": (
            ["m", "k", "n", "rows", "depth", *_WEIGHTS],
            f"count_blocks(m * n, ceil(m / rows), ceil(k / depth), across(rows, depth, n), depth,"
            f" {weights})",
        ),
        "count_blocks": (
            ["numbers", "down", "deep", "across", "depth", *_WEIGHTS],
            "deep * (sent * min(down, across) + plain * max(down, across))"
            " + merged * merges(down * across) + alone * lone(down * across, depth)"
            " + packed * sent_back(numbers, down * across, depth)",
        ),
        "merges": (["results"], "min(1, results - 1) * results"),
        "lone": (["results", "depth"], f"min(1, results - 1) * tree({_REST}, depth)"),
        "tree": (["rest", "depth"], "rest * log2(depth / max(1, rest))"),
        # One result alone is sent as it is: one of its two polynomials, and of the other the
        # coefficients that the product needs.
        "sent_back": (
            ["numbers", "results", "depth"],
            "ceil(results / depth) - (1 - min(1, results - 1)) * (1 - (1 + numbers / slots) / 2)",
        ),
    }
