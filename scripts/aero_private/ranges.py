"""Whether a model's numbers fit into the field, told from a plain run before any encryption."""

from __future__ import annotations

from .errors import PrivateError
from .plain import Range
from .program import Program
from .settings import FRACTION_BITS, LARGEST_NUMBER, LARGEST_PRODUCT, Settings

# A truncation errs by a multiple of the field with a probability of the number over the field.
MARGIN = 4


def check_ranges(program: Program, ranges: list[Range], settings: Settings) -> None:
    """Raises PrivateError at the first stage that overflows."""
    # exp(x) = (1 + x / 2^N)^(2^N) grows below -2 * 2^N.
    floor = -1.75 * 2**settings.exp_iterations
    for stage, seen in zip(program.stages, ranges, strict=True):
        if not seen.product < LARGEST_PRODUCT / MARGIN:
            raise PrivateError(
                f"{stage.label} overflows the field: a product reaches {seen.product:.3g}, and 64 "
                f"bits with {FRACTION_BITS} of fraction hold {LARGEST_PRODUCT / MARGIN:.3g} before "
                f"truncation; train with smaller weights, or a norm before this layer"
            )
        if not seen.number < LARGEST_NUMBER / MARGIN:
            raise PrivateError(
                f"{stage.label} overflows the field: a number reaches {seen.number:.3g}, more than "
                f"{LARGEST_NUMBER / MARGIN:.3g}"
            )
        if stage.name == "softmax" and seen.lowest_exponent < floor:
            advice = (
                "take --precision default"
                if settings.precision == "fast"
                else "the scores are too far apart; train with a temperature or smaller weights"
            )
            raise PrivateError(
                f"{stage.label}: SPU's exp would meet {seen.lowest_exponent:.4g}, and below "
                f"{floor:.4g} it does not fall but grows; {advice}"
            )


def headroom(ranges: list[Range]) -> tuple[float, float]:
    """The largest product and the largest number of a run."""
    return max(r.product for r in ranges), max(r.number for r in ranges)
