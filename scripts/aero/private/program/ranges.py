"""Checks in a plain run, before any encryption, that a model's numbers fit into the field."""

from __future__ import annotations

from aero.core.errors import UsageError
from aero.private.program.forward_pass import Program, Stage
from aero.private.program.plain import Range
from aero.private.program.settings import FRACTION_BITS, LARGEST_NUMBER, LARGEST_PRODUCT, Settings

# A truncation errs by a multiple of the field with a probability of the number over the field.
MARGIN = 4
# SPU's reciprocal of x errs by up to one unit of the last place, 2^-18 of x in proportion. The
# terms of x err by as much, 2^-18 of 1 / x in proportion. Beyond these bounds that is above 1%.
LARGEST_SUM = 0.01 * 2.0**FRACTION_BITS
SMALLEST_SUM = 1 / LARGEST_SUM


def check_ranges(program: Program, ranges: list[Range], settings: Settings) -> None:
    """Raises UsageError at the first stage whose numbers leave the field."""
    # exp(x) = (1 + x / 2^N)^(2^N) grows below -2 * 2^N.
    floor = -1.75 * 2**settings.exp_iterations
    for stage, seen in zip(program.stages, ranges, strict=True):
        if stage.name == "softmax_2quad":
            _check_sums(stage, seen)
        if not seen.product < LARGEST_PRODUCT / MARGIN:
            raise UsageError(
                f"{stage.label} overflows the field: a product reaches {seen.product:.3g}, and 64 "
                f"bits with {FRACTION_BITS} of fraction hold {LARGEST_PRODUCT / MARGIN:.3g} before "
                f"truncation; train with smaller weights, or a norm before this layer"
            )
        if not seen.number < LARGEST_NUMBER / MARGIN:
            raise UsageError(
                f"{stage.label} overflows the field: a number reaches {seen.number:.3g}, more than "
                f"{LARGEST_NUMBER / MARGIN:.3g}"
            )
        if stage.name == "softmax" and seen.lowest_exponent < floor:
            advice = (
                "take --precision default"
                if settings.precision == "fast"
                else "the scores are too far apart; train with a temperature or smaller weights"
            )
            raise UsageError(
                f"{stage.label}: SPU's exp would meet {seen.lowest_exponent:.4g}, and below "
                f"{floor:.4g} it does not fall but grows; {advice}"
            )


def _check_sums(stage: Stage, seen: Range) -> None:
    """Checks the sums of 2Quad's rows, by which it divides."""
    if seen.smallest_divisor < SMALLEST_SUM:
        raise UsageError(
            f"{stage.label}: the squares of a row sum to {seen.smallest_divisor:.3g}, and of sums "
            f"below {SMALLEST_SUM:.3g} fixed-point numbers give weights that are off by more than "
            f"1%: all its scores lie at -model.two_quad_shift; train with a larger shift, or a "
            f"norm before this layer"
        )
    if not seen.largest_divisor <= LARGEST_SUM:
        raise UsageError(
            f"{stage.label}: the squares of a row sum to {seen.largest_divisor:.3g}, and of sums "
            f"above {LARGEST_SUM:.3g} SPU's reciprocal is off by more than 1%: its scores are too "
            f"large; train with a temperature or smaller weights"
        )


def headroom(ranges: list[Range]) -> tuple[float, float]:
    """Returns the largest product and the largest number of a run."""
    return max(r.product for r in ranges), max(r.number for r in ranges)
