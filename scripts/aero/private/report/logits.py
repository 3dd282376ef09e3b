"""Compares the client's logits with those of the clear model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aero.checkpoint.kinds import WEIGHTS
from aero.private.program.plan import Plan
from aero.private.report.aero_program import aero_logits


def mean_loss(logits: list[np.ndarray], sequences: list[list[int]]) -> float:
    """Returns the mean cross-entropy in nats of each token but the first, given those before it."""
    losses = []
    for scores, tokens in zip(logits, sequences, strict=True):
        rows = scores[:-1].astype(np.float64)
        shifted = rows - rows.max(axis=-1, keepdims=True)
        log_sums = np.log(np.exp(shifted).sum(axis=-1))
        losses.append(log_sums - shifted[np.arange(len(rows)), tokens[1:]])
    return float(np.concatenate(losses).mean())


def most_likely(logits: np.ndarray, count: int = 5) -> list[tuple[int, float]]:
    """Returns the likeliest tokens after the last position, with their probabilities."""
    row = logits[-1].astype(np.float64)
    odds = np.exp(row - row.max())
    odds /= odds.sum()
    best = np.argsort(-odds)[:count]
    return [(int(token), float(odds[token])) for token in best]


@dataclass(frozen=True)
class Comparison:
    """Compares encrypted logits with others of the same tokens."""

    largest_error: float
    mean_error: float
    largest_logit: float
    top1_agreement: float

    @classmethod
    def of(cls, ours: list[np.ndarray], theirs: list[np.ndarray]) -> Comparison:
        a, b = np.stack(ours).astype(np.float64), np.stack(theirs).astype(np.float64)
        return cls(
            float(np.abs(a - b).max()),
            float(np.abs(a - b).mean()),
            float(np.abs(b).max()),
            float((a.argmax(-1) == b.argmax(-1)).mean()),
        )

    def line(self, name: str) -> str:
        return (
            f"against {name}: largest error {self.largest_error:.3g}, mean {self.mean_error:.3g} "
            f"(logits up to {self.largest_logit:.3g}); top-1 the same at "
            f"{100 * self.top1_agreement:.1f}% of the positions"
        )


@dataclass(frozen=True)
class LogitCheck:
    """Holds what is known of the logits.

    `against_aero` needs the program and the weights on this machine; `missing` says why it is
    absent. `against_folded` needs both parties here. A loss needs two tokens.
    """

    against_aero: Comparison | None
    against_folded: Comparison | None
    loss_encrypted: float | None
    loss_plain: float | None
    missing: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns the entries that are known."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


def check_logits(plan: Plan, logits: list[np.ndarray], aero: Path | None) -> LogitCheck:
    """Compares the logits with AERO's own and with those of a plain run of the folded model.

    Raises AeroError where the program fails.
    """
    assert plan.sequences is not None
    folded = None if plan.plain is None else Comparison.of(logits, plan.plain)
    if aero is None:
        why = "no program aero was found to compare with: build it, or name it by --aero"
        return LogitCheck(None, folded, None, None, why)
    if not (plan.checkpoint.folder / WEIGHTS).is_file():
        why = "not compared with AERO's own: the weights are not here"
        return LogitCheck(None, folded, None, None, why)
    own = aero_logits(aero, plan.checkpoint.folder, plan.sequences)
    compared = Comparison.of(logits, own)
    if len(plan.sequences[0]) < 2:
        return LogitCheck(compared, folded, None, None)
    losses = mean_loss(logits, plan.sequences), mean_loss(own, plan.sequences)
    return LogitCheck(compared, folded, *losses)
