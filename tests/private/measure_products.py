#!/usr/bin/env python3
"""Measures the bytes of single matrix products between two parties and writes them as JSON.

    build/venv-spu/bin/python tests/private/measure_products.py --out FILE

`products` are lists [m, k, n, bytes] of [m, k] x [k, n] by a weight that the server alone has: one
oblivious evaluation, both directions summed, without the truncation. It takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from aero.commands.measure_costs_work import measured  # noqa: E402
from aero.private.measure.probes import Probe  # noqa: E402
from aero.private.program.settings import VERSION, Settings  # noqa: E402

LENGTHS = range(1, 65)
WIDTHS = (16, 32, 64)
KERNELS = ("mmul_av", "mmul_sv", "mmul_aa")


def shapes() -> list[tuple[int, int, int]]:
    """Lists for prompts of every length a head's two products, and one by a matrix of weights."""
    result: set[tuple[int, int, int]] = set()
    for length in LENGTHS:
        for width in WIDTHS:
            result |= {(length, width, length), (length, length, width)}
            result.add((length, 4 * width, 4 * width))
    # Few numbers of deep matrices are merged one by one. SPU splits the large operands.
    result |= {(1, 4096, 256), (1, 2048, 128), (2, 8192, 64)}
    result |= {(1, 50257, 768), (4, 768, 50257), (2, 3000, 20000)}
    return sorted(result)


def bytes_of(chosen: list[tuple[int, int, int]]) -> list[int]:
    """Measures one product of each shape between two processes."""
    probes = [Probe(f"{m} {k} {n}", "matmul", "aw", ((m, k), (k, n)), 1) for m, k, n in chosen]
    runs = measured(Settings(weights="colocated"), probes, "products").runs
    profiles = [runs[probe.name][0] for probe in probes]
    return [
        sum(profile.kernels[name].bytes for name in KERNELS if name in profile.kernels)
        for profile in profiles
    ]


def main() -> int:
    """Measures with both parties on this machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    arguments = parser.parse_args()
    chosen = shapes()
    rows = [[*shape, count] for shape, count in zip(chosen, bytes_of(chosen), strict=True)]
    lines = ",\n".join(f"    {json.dumps(row)}" for row in rows)
    arguments.out.write_text(
        f'{{\n  "source": "SPU {VERSION}, CHEETAH, FM64, weights colocated; '
        f'tests/private/measure_products.py",\n  "products": [\n{lines}\n  ]\n}}\n'
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
