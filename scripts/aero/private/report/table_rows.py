"""Makes one row of each model's runs, and a table in markdown of the rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from aero.core.markdown import markdown_table
from aero.private.report.table_runs import Model, Record
from aero.private.run.line import Network

MEGA = 1e6
NONE = "–"
QUIET = 0.25  # cores that other programs may keep busy before a note says so


@dataclass(frozen=True)
class Row:
    """Holds means over the runs, and the largest error of all of them.

    Bytes, messages and seconds are those of one pass, without the set-up. Seconds over the line are
    None where there was no line, and `predicted...` where the cost model does not predict them.
    """

    architecture: str
    checkpoint: str
    tokens: int
    runs: int
    line_runs: int
    bytes: float
    predicted_bytes: float | None
    block_bytes: float
    predicted_block_bytes: float | None
    messages: float
    predicted_rounds: float | None
    seconds: float
    predicted_seconds: float | None
    line_seconds: float | None
    predicted_line_seconds: float | None
    rounds_of_line: float | None
    setup_bytes: float
    setup_seconds: float
    line_setup_seconds: float | None
    largest_error: float
    top1_agreement: float
    perplexity_plain: float
    perplexity_encrypted: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "deviation_percent": deviation(self.predicted_bytes, self.bytes),
            "block_deviation_percent": deviation(self.predicted_block_bytes, self.block_bytes),
            "seconds_deviation_percent": deviation(self.predicted_seconds, self.seconds),
            "line_seconds_deviation_percent": deviation(
                self.predicted_line_seconds, self.line_seconds
            ),
        }


def deviation(predicted: float | None, measured: float | None) -> float | None:
    """Returns the percent by which the prediction is off; None where either number is missing."""
    if predicted is None or measured is None:
        return None
    return 100 * (predicted / measured - 1)


def _block_bytes(record: Record) -> float:
    return float(sum(row["measured"] for row in record["operations"] if row["layer"] >= 0))


def _mean(records: Sequence[Record], value: Callable[[Record], float]) -> float:
    return fmean(map(value, records))


def _over_line(near: Sequence[Record], far: Sequence[Record], network: Network) -> dict[str, float]:
    """Returns seconds, and round trips: the time beyond the loopback's and that of the bytes."""
    seconds = _mean(far, lambda r: r["seconds"])
    here = _mean(near, lambda r: r["seconds"])
    sending = network.seconds(_mean(far, lambda r: r["bytes"]), 0)
    result = {"line_seconds": seconds}
    if network.round_trip > 0:
        result["rounds"] = (seconds - here - sending) / network.seconds(0, 1)
    return result


def row_of(
    model: Model, near: Sequence[Record], far: Sequence[Record], network: Network | None
) -> Row:
    """Makes the row of the runs over the loopback and over the line."""
    prediction, missing = model.prediction, bool(model.prediction.missing)
    line = {} if network is None or not far else _over_line(near, far, network)
    predicted = None
    if line and network and prediction.rounds is not None and prediction.seconds is not None:
        predicted = prediction.seconds + network.seconds(prediction.total, prediction.rounds)
    everything = [*near, *far]
    return Row(
        architecture=model.name,
        checkpoint=str(model.checkpoint.folder),
        tokens=len(model.windows[0].tokens),
        runs=len(near),
        line_runs=len(far),
        bytes=_mean(near, lambda r: r["bytes"]),
        predicted_bytes=None if missing else prediction.total,
        block_bytes=_mean(near, _block_bytes),
        predicted_block_bytes=None if missing else prediction.in_blocks,
        messages=_mean(near, lambda r: r["messages"]),
        predicted_rounds=prediction.rounds,
        seconds=_mean(near, lambda r: r["seconds"]),
        predicted_seconds=prediction.seconds,
        line_seconds=line.get("line_seconds"),
        predicted_line_seconds=predicted,
        rounds_of_line=line.get("rounds"),
        setup_bytes=_mean(near, lambda r: r["setup"]["bytes"]),
        setup_seconds=_mean(near, lambda r: r["setup"]["seconds"]),
        line_setup_seconds=_mean(far, lambda r: r["setup"]["seconds"]) if far else None,
        largest_error=max(r["against_aero"]["largest_error"] for r in everything),
        top1_agreement=_mean(everything, lambda r: r["against_aero"]["top1_agreement"]),
        # The windows have one length, so the mean of their losses is that of their tokens.
        perplexity_plain=math.exp(_mean(near, lambda r: r["loss_plain"])),
        perplexity_encrypted=math.exp(_mean(near, lambda r: r["loss_encrypted"])),
    )


def _figure(value: float | None, digits: int = 1) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _predicted(predicted: float | None, measured: float | None, digits: int) -> str:
    """Formats a predicted number, and in percent how far it is off."""
    off = deviation(predicted, measured)
    if off is None:
        return NONE
    return f"{predicted:.{digits}f} ({off:+.{digits}f}%)"


def _megabytes(predicted: float | None, measured: float) -> str:
    return _predicted(None if predicted is None else predicted / MEGA, measured / MEGA, 2)


def _setup(row: Row) -> str:
    line = "" if row.line_setup_seconds is None else f", line {row.line_setup_seconds:.1f} s"
    return f"{row.setup_bytes / MEGA:.1f} MB, {row.setup_seconds:.1f} s{line}"


def markdown(rows: Sequence[Row], failed: Sequence[tuple[str, str]]) -> list[str]:
    """Returns the table, and below it for each model without a row the reason."""
    over_line = any(row.line_seconds is not None for row in rows)
    header = ["architecture", "MB", "predicted", "blocks alone, MB", "predicted"]
    header += ["rounds, predicted", "seconds", "predicted"]
    header += ["rounds, line", "seconds, line", "predicted"] if over_line else []
    header += ["set-up", "largest error of a logit", "same top-1"]
    header += ["perplexity", "encrypted"]
    cells = []
    for row in rows:
        line = [_figure(row.rounds_of_line, 0), _figure(row.line_seconds)]
        line.append(_predicted(row.predicted_line_seconds, row.line_seconds, 1))
        cells.append(
            [
                row.architecture,
                f"{row.bytes / MEGA:.2f}",
                _megabytes(row.predicted_bytes, row.bytes),
                f"{row.block_bytes / MEGA:.2f}",
                _megabytes(row.predicted_block_bytes, row.block_bytes),
                _figure(row.predicted_rounds, 0),
                _figure(row.seconds),
                _predicted(row.predicted_seconds, row.seconds, 1),
                *(line if over_line else []),
                _setup(row),
                f"{row.largest_error:.3g}",
                f"{100 * row.top1_agreement:.2f}%",
                _figure(row.perplexity_plain, 3),
                _figure(row.perplexity_encrypted, 3),
            ]
        )
    lines = markdown_table(header, cells) if rows else []
    return lines + [f"- {name}: no row, for {reason}" for name, reason in failed]


def busy_note(records: Sequence[Record]) -> str:
    """Returns a warning where other programs ran while seconds were measured, else ""."""
    busy = max((record.get("busy_cores_before") or 0 for record in records), default=0)
    if busy <= QUIET:
        return ""
    return (
        f"Other programs kept up to {busy:.1f} cores busy when a run began: seconds are longer "
        f"than on a quiet machine."
    )
