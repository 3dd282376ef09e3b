"""Folds a LayerNorm of constant deviation, y = gain (x - mean(x)) + bias, into the next matrix.

fold_norms() of src/model/surgery.cpp does the same. This module is an independent check of it, as
all of aero.private.program.folding is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aero.core.errors import UsageError


@dataclass(frozen=True)
class FixedNorm:
    """Holds `gain` and `bias`, both [d]; `gain` includes 1 / sigma."""

    gain: np.ndarray
    bias: np.ndarray | None

    def into_matrix(self, weight: np.ndarray) -> np.ndarray:
        """Returns the matrix by which x is multiplied where y was multiplied by `weight` [d, out].

        Its columns sum to 0, which takes the mean away.
        """
        scaled: np.ndarray = self.gain[:, None] * weight
        centred: np.ndarray = scaled - scaled.mean(axis=0)
        return centred

    def into_bias(self, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray | None:
        """Returns the next layer's bias plus the product of the norm's bias and `weight`."""
        if self.bias is None:
            return bias
        own: np.ndarray = self.bias @ weight
        return own if bias is None else np.add(bias, own)


def fixed_norm(
    name: str, weight: np.ndarray, bias: np.ndarray | None, sigma: float, gate: float
) -> FixedNorm:
    """Makes the norm that can be folded. Raises UsageError where it is not linear yet."""
    if gate != 0:
        raise UsageError(
            f"weights: {name}.gate is {gate:g}: the norm still takes the deviation of each row and "
            f"does not fold; train to the end, or take a later checkpoint (the gate is 0 from the "
            f"share model.norm_fixed.end of the training on)"
        )
    if not sigma > 0:
        raise UsageError(f"weights: {name}.sigma is {sigma:g}, but must be above 0")
    return FixedNorm(weight / sigma, bias)
