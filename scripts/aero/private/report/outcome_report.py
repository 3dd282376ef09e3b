"""Makes the tables of a run's operations and kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aero.private.program.forward_pass import Program
from aero.private.program.settings import CLIENT
from aero.private.report.aero_program import Prediction
from aero.private.run.party import Outcome
from aero.private.run.profile import Traffic

MEGA = 1e6


@dataclass(frozen=True)
class Row:
    """Holds one operation, in one layer or in all."""

    name: str
    layer: int | None  # None: all
    measured: float  # bytes of one pass
    predicted: float | None
    client_sent: float
    messages: int  # of both parties
    seconds: float
    predicted_seconds: float | None


def rows(
    program: Program, outcome: Outcome, prediction: Prediction, passes: int, by_layer: bool
) -> list[Row]:
    """Lists the stages in the order of the program, without those that send nothing."""
    # Each sum is: bytes, the client's bytes, messages, seconds; then predicted bytes and seconds.
    merged: dict[tuple[str, int | None], list[float]] = {}
    knows_seconds = bool(prediction.operation_seconds)
    for index, stage in enumerate(program.stages):
        total = outcome.stages[index].total
        key = (stage.name, stage.layer if by_layer else None)
        entry = merged.setdefault(key, [0, 0, 0, 0, 0, 0])
        other = outcome.peer_messages[index] if outcome.peer_messages else 0
        entry[0] += total.bytes / passes
        entry[1] += (total.sent if outcome.rank == CLIENT else total.received) / passes
        entry[2] += (total.messages + other) / passes
        entry[3] += total.seconds / passes
        entry[4] += prediction.operations.get((stage.name, stage.layer), 0)
        entry[5] += prediction.operation_seconds.get((stage.name, stage.layer), 0)
    return [
        Row(
            name,
            layer,
            measured=e[0],
            predicted=None if prediction.missing else e[4],
            client_sent=e[1],
            messages=round(e[2]),
            seconds=e[3],
            predicted_seconds=e[5] if knows_seconds else None,
        )
        for (name, layer), e in merged.items()
        if e[0] > 0 or e[4] > 0
    ]


def difference(measured: float, predicted: float | None) -> str:
    """Returns predicted megabytes and their error in percent, in columns."""
    if predicted is None:
        return f"{'':>9} {'':>7}"
    ratio = f"{100 * (predicted / measured - 1):+6.1f}%" if measured else ""
    return f"{predicted / MEGA:9.3f} {ratio:>7}"


def operation_table(table: list[Row]) -> list[str]:
    """Returns the table as lines of text."""
    lines = [
        "operation        layer  measured predicted          client sent messages  seconds"
        " predicted",
        "                             MB        MB                   MB",
    ]
    for row in table:
        layer = "all" if row.layer is None else "" if row.layer < 0 else str(row.layer)
        lines.append(
            f"{row.name:16} {layer:>5} {row.measured / MEGA:9.3f} "
            f"{difference(row.measured, row.predicted)}   {row.client_sent / MEGA:10.3f} "
            f"{row.messages:8d} {row.seconds:8.2f}"
            + ("" if row.predicted_seconds is None else f" {row.predicted_seconds:9.2f}")
        )
    return lines


def kernel_table(outcome: Outcome, passes: int) -> list[str]:
    """Returns SPU's own profile as lines of text: the protocol's kernels, ordered by bytes."""
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


def as_json(
    program: Program, outcome: Outcome, prediction: Prediction, passes: int
) -> dict[str, Any]:
    """Returns one pass by operation and layer."""
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
        "predicted_rounds": prediction.rounds,
        "predicted_seconds": prediction.seconds,
        "prediction_missing": prediction.missing,
        "setup": {
            "bytes": outcome.setup.total.bytes,
            "seconds": outcome.setup.total.seconds,
            "weight_share_bytes": outcome.weight_share_bytes,
            "memory_bytes": outcome.memory_bytes,
            "memory_seconds": outcome.memory_seconds,
        },
        "prompt_share_bytes": outcome.prompt_share_bytes / passes,
        "logit_share_bytes": outcome.logit_share_bytes / passes,
        "operations": [vars(row) for row in table],
    }
