"""SPU's cut of a matrix product, by a search over arrays: the check on AERO's own."""

from __future__ import annotations

import functools
import math

import numpy as np

SLOTS = 8192
COUNTS = ("halves", "kept", "lone", "merges", "plain", "sent", "whole")


@functools.cache
def candidates(powers: bool) -> tuple[np.ndarray, np.ndarray]:
    """All rows and depths of a block, by rows, then by depth."""
    rows, depths = [], []
    for row in range(1, SLOTS + 1):
        most = SLOTS // row
        depth = 2 ** np.arange(most.bit_length()) if powers else np.arange(1, most + 1)
        rows.append(np.full(len(depth), row))
        depths.append(depth)
    return np.concatenate(rows), np.concatenate(depths)


def ceil(a: np.ndarray | int, b: np.ndarray | int) -> np.ndarray:
    return -(-np.asarray(a) // b)


def best_blocks(m: int, k: int, n: int, merged: bool) -> tuple[int, int, int, int]:
    """Blocks along m, k and n and the depth of the last of the cheapest cuts."""
    rows, depths = candidates(merged)
    end = np.searchsorted(rows, m, side="right")
    rows, depths = rows[:end], depths[:end]
    fits = depths <= k
    rows, depths = rows[fits], depths[fits]
    down, deep = ceil(m, rows), ceil(k, depths)
    across = ceil(n, np.minimum(n, SLOTS // rows // depths))
    sent = np.minimum(down, across) * deep
    cost = (sent + ceil(down * across, depths)) * 1000.0
    cost = cost + (ceil(m * n, SLOTS) * depths if merged else 0)
    cost = cost + down * deep * across / 10.0
    last = np.flatnonzero(cost == cost.min())[-1]
    return int(down[last]), int(deep[last]), int(across[last]), int(depths[last])


def one(m: int, k: int, n: int) -> dict[str, float]:
    """Counts of a product that is not split."""
    counts = dict.fromkeys(COUNTS, 0.0)
    down, deep, across, depth = best_blocks(m, k, n, merged=True)
    alone = down * across == 1
    if alone:
        down, deep, across, depth = best_blocks(m, k, n, merged=False)
    results = down * across
    counts["sent"], counts["plain"] = min(down, across) * deep, max(down, across) * deep
    if alone:
        counts["halves"], counts["kept"] = results, m * n
        return counts
    counts["whole"] = math.ceil(results / depth)
    if depth < m * n:
        counts["merges"] = results
        rest = results % depth
        counts["lone"] = rest * math.log2(depth / rest) if rest else 0
        return counts
    leaves = 1
    while leaves < m * n:
        leaves *= 2
    while leaves > 1:  # the tree
        leaves //= 2
        counts["merges"] += leaves
    leaves = 1
    while leaves < m * n:
        leaves *= 2
    while leaves < SLOTS:  # what the tree has multiplied its numbers by
        leaves *= 2
        counts["merges"] += 1
    return counts


def tiles(m: int, k: int, n: int) -> tuple[int, int, int]:
    """Sizes of the products that SPU makes of one."""
    limit = (256 * 1024 * 1024) // 8
    if (m * k + k * n) * 8 < 256 * 1024 * 1024:
        return m, k, n
    if k > (m + n) * 8:
        outer, inner = m + n, math.ceil(limit / (m + n))
    elif (m + n) > k * 8:
        outer, inner = math.ceil(limit / k), k
    else:
        step = math.sqrt(limit / (k / (m + n)))
        outer, inner = math.ceil(step), math.ceil(limit / step)
    return max(1, outer * m // (m + n)), max(1, inner), max(1, outer * n // (m + n))


def counts(m: int, k: int, n: int) -> dict[str, float]:
    """By name, of all products that one is split into."""
    total = dict.fromkeys(COUNTS, 0.0)
    row, inner, column = tiles(m, k, n)
    for top in range(0, m, row):
        for front in range(0, k, inner):
            for left in range(0, n, column):
                part = one(min(row, m - top), min(inner, k - front), min(column, n - left))
                for name in COUNTS:
                    total[name] += part[name]
    return total
