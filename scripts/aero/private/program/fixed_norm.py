"""A LayerNorm of constant deviation, y = gain (x - mean(x)) + bias, as part of the next matrix.

fold_norms() of src/model/surgery.cpp does the same; this is its independent check, as all of
aero.private.program.folding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aero.core.errors import UsageError


@dataclass(frozen=True)
class FixedNorm:
    """`gain` and `bias` are [d]; gain has 1 / sigma in it."""

    gain: np.ndarray
    bias: np.ndarray | None

    def into_matrix(self, weight: np.ndarray) -> np.ndarray:
        """Returns what x takes instead of y of a weight [d, out]. Its columns sum to 0, for the
        mean.
        """
        scaled: np.ndarray = self.gain[:, None] * weight
        centred: np.ndarray = scaled - scaled.mean(axis=0)
        return centred

    def into_bias(self, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray | None:
        """Adds the norm's bias by the weight as it was."""
        if self.bias is None:
            return bias
        own: np.ndarray = self.bias @ weight
        return own if bias is None else np.add(bias, own)


def fixed_norm(
    name: str, weight: np.ndarray, bias: np.ndarray | None, sigma: float, gate: float
) -> FixedNorm:
    """Raises AeroError where the norm is not linear yet."""
    if gate != 0:
        raise UsageError(
            f"weights: {name}.gate is {gate:g}: the norm still takes the deviation of each row and "
            f"does not fold; train to the end, or take a later checkpoint (the gate is 0 from the "
            f"share model.norm_fixed.end of the training on)"
        )
    if not sigma > 0:
        raise UsageError(f"weights: {name}.sigma is {sigma:g}, which is no standard deviation")
    return FixedNorm(weight / sigma, bias)
