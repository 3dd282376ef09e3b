"""Estimates the memory of a process that measures."""

from __future__ import annotations

from collections.abc import Iterable

from aero.private.measure.probes import Probe
from aero.private.program.memory import ELEMENT, MARGIN, OBLIVIOUS_TRANSFERS, of_product


def of_probes(probes: Iterable[Probe]) -> float:
    """Returns the peak bytes of a party's working memory."""
    sizes = [0.0]
    for probe in probes:
        if len(probe.shapes[0]) == 2:
            (m, k), (_, n) = probe.shapes
            sizes.append(of_product(m, k, n))
        else:
            sizes.append(float(ELEMENT["softmax"]) * probe.elements)
    return MARGIN * (OBLIVIOUS_TRANSFERS + max(sizes))
