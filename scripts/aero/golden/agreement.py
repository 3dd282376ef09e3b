"""Measures how far one computation is from another."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from aero.config.model import ModelConfig
from aero.core.errors import AeroError
from aero.golden.case import Case
from aero.golden.traces import (
    Trace,
)

# Kernels add in different orders on different processors: errors up to 3e-6 and 9e-12 were seen.
CHECK_TOLERANCE = {"float32": 5e-6, "float64": 5e-11}
AGREEMENT = {"float32": 1e-5, "float64": 1e-10}
LOGITS_AGREEMENT = {"float32": 1e-5, "float64": 1e-12}


def error(reference: Trace, other: Trace) -> dict[str, float]:
    """Returns each tensor's largest difference over its largest entry.

    The scale is at least a hundredth of the largest entry of the tensor's group (the gradients, the
    weights afterwards), for gradients that are zero but for rounding.
    """
    group_scale: dict[str, float] = {}
    for name, tensor in reference.items():
        group = name.split("/")[0]
        group_scale[group] = max(group_scale.get(group, 0.0), float(tensor.abs().max()))
    errors = {}
    for name, tensor in reference.items():
        scale = max(float(tensor.abs().max()), 1e-2 * group_scale[name.split("/")[0]])
        difference = float((tensor.double() - other[name].double()).abs().max())
        errors[name] = difference / scale if scale > 0 else difference
    return errors


def agree(case: Case, dtype: str, what: str, reference: Trace, other: Trace) -> float:
    """Returns the largest error. Raises AeroError where a second computation does not confirm the
    first.
    """
    errors = error(reference, other)
    for name, value in errors.items():
        limit = (LOGITS_AGREEMENT if name == "logits" else AGREEMENT)[dtype]
        if not value <= limit:
            raise AeroError(
                f"{case.name}.{dtype}: {name} differs by {value:.1e} from {what} ({limit})"
            )
    return max(errors.values())


def margin_matters(model: ModelConfig, entropy: Tensor, init: Mapping[str, Tensor]) -> bool:
    """Returns whether some heads (or rows) are beyond the penalty's margin, and some within."""
    thresholds = init["thresholds"][:, None, :, None]
    if model.ereg.reduction == "mean":
        entropy = entropy.mean(dim=(1, 3), keepdim=True)
    beyond = (entropy / math.log(model.context) - thresholds).abs() > model.ereg.gamma
    return bool(beyond.any()) and not bool(beyond.all())
