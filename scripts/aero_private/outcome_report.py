"""What a run prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .aero_program import Prediction
from .party import Outcome
from .profile import Traffic
from .program import Program
from .settings import CLIENT

MEGA = 1e6


@dataclass(frozen=True)
class Row:
    """One operation, in one layer or in all."""

    name: str
    layer: int | None  # None: all
    measured: float  # bytes of one pass
    predicted: float | None
    client_sent: float
    messages: int  # of both parties
    seconds: float


def rows(
    program: Program, outcome: Outcome, prediction: Prediction, passes: int, by_layer: bool
) -> list[Row]:
    """In the order of the program; stages that send nothing are left out."""
    merged: dict[tuple[str, int | None], list[float]] = {}
    for index, stage in enumerate(program.stages):
        total = outcome.stages[index].total
        key = (stage.name, stage.layer if by_layer else None)
        entry = merged.setdefault(key, [0, 0, 0, 0, 0])
        other = outcome.peer_messages[index] if outcome.peer_messages else 0
        entry[0] += total.bytes / passes
        entry[1] += (total.sent if outcome.rank == CLIENT else total.received) / passes
        entry[2] += (total.messages + other) / passes
        entry[3] += total.seconds / passes
        entry[4] += prediction.operations.get((stage.name, stage.layer), 0)
    return [
        Row(name, layer, e[0], None if prediction.missing else e[4], e[1], round(e[2]), e[3])
        for (name, layer), e in merged.items()
        if e[0] > 0 or e[4] > 0
    ]


def _difference(measured: float, predicted: float | None) -> str:
    if predicted is None:
        return f"{'':>9} {'':>7}"
    ratio = f"{100 * (predicted / measured - 1):+6.1f}%" if measured else ""
    return f"{predicted / MEGA:9.3f} {ratio:>7}"


def operation_table(table: list[Row]) -> list[str]:
    """Lines of text."""
    lines = ["operation        layer  measured predicted          client sent messages  seconds"]
    lines.append("                             MB        MB                   MB")
    for row in table:
        layer = "all" if row.layer is None else "" if row.layer < 0 else str(row.layer)
        lines.append(
            f"{row.name:16} {layer:>5} {row.measured / MEGA:9.3f} "
            f"{_difference(row.measured, row.predicted)}   {row.client_sent / MEGA:10.3f} "
            f"{row.messages:8d} {row.seconds:8.2f}"
        )
    return lines


def kernel_table(outcome: Outcome, passes: int) -> list[str]:
    """SPU's own profile: kernels of the protocol, by bytes."""
    merged: dict[str, Traffic] = {}
    for profile in outcome.stages:
        for name, traffic in profile.kernels.items():
            if not name.startswith("pphlo."):
                merged.setdefault(name, Traffic())
                merged[name] += traffic
    lines = ["SPU kernel       MB        seconds"]
    for name, traffic in sorted(merged.items(), key=lambda item: -item[1].bytes):
        if traffic.bytes > 0:
            megabytes, seconds = traffic.bytes / passes / MEGA, traffic.seconds / passes
            lines.append(f"{name:12} {megabytes:9.3f} {seconds:10.2f}")
    return lines


def mean_loss(logits: list[np.ndarray], sequences: list[list[int]]) -> float:
    """Cross-entropy in nats of each token but the first, given those before it."""
    losses = []
    for scores, tokens in zip(logits, sequences, strict=True):
        rows_ = scores[:-1].astype(np.float64)
        shifted = rows_ - rows_.max(axis=-1, keepdims=True)
        log_sums = np.log(np.exp(shifted).sum(axis=-1))
        losses.append(log_sums - shifted[np.arange(len(rows_)), tokens[1:]])
    return float(np.concatenate(losses).mean())


@dataclass(frozen=True)
class Comparison:
    """Encrypted logits against others of the same tokens."""

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


def most_likely(logits: np.ndarray, count: int = 5) -> list[tuple[int, float]]:
    """Tokens after the last position, with their probabilities."""
    row = logits[-1].astype(np.float64)
    odds = np.exp(row - row.max())
    odds /= odds.sum()
    best = np.argsort(-odds)[:count]
    return [(int(token), float(odds[token])) for token in best]


def as_json(
    program: Program, outcome: Outcome, prediction: Prediction, passes: int
) -> dict[str, Any]:
    """One pass, by operation and layer."""
    table = rows(program, outcome, prediction, passes, by_layer=True)
    total = sum(row.measured for row in table)
    return {
        "passes": passes,
        "bytes": total,
        "client_sent_bytes": sum(row.client_sent for row in table),
        "server_sent_bytes": total - sum(row.client_sent for row in table),
        "messages": sum(row.messages for row in table),
        "seconds": outcome.seconds / passes,
        "predicted_bytes": None if prediction.missing else prediction.total,
        "prediction_missing": prediction.missing,
        "setup": {
            "bytes": outcome.setup.total.bytes,
            "seconds": outcome.setup.total.seconds,
            "weight_share_bytes": outcome.weight_share_bytes,
        },
        "prompt_share_bytes": outcome.prompt_share_bytes / passes,
        "logit_share_bytes": outcome.logit_share_bytes / passes,
        "operations": [vars(row) for row in table],
    }
