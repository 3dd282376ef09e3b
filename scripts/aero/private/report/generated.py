"""Reports the tokens that a run generates: what each took, and how far AERO agrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aero.private.report.aero_program import Prediction
from aero.private.report.outcome_report import MEGA, difference
from aero.private.run.line import Network
from aero.private.run.party import TokenPass


@dataclass(frozen=True)
class TokenRow:
    """Holds a pass over `positions` tokens and its token, where this party knows it.

    Both measured and predicted seconds are those of computation, and over a line also of the line.
    """

    token: int | None
    text: str
    positions: int
    measured: int
    predicted: float | None
    seconds: float
    predicted_seconds: float | None


def token_rows(
    passes: list[TokenPass],
    words: list[str],
    predict: Callable[[int], Prediction],
    network: Network | None,
) -> list[TokenRow]:
    """Makes a row for each pass. `predict` returns the prediction for a number of tokens."""
    rows = []
    for one, word in zip(passes, words, strict=True):
        prediction = predict(one.length)
        rows.append(
            TokenRow(
                one.token,
                word,
                one.length,
                one.total.bytes,
                None if prediction.missing else prediction.total,
                one.total.seconds,
                prediction.seconds_over(network),
            )
        )
    return rows


def token_table(rows: list[TokenRow]) -> list[str]:
    """Returns lines of text, one for each token and one for the sum."""
    lines = [
        "token             positions  measured predicted          seconds predicted",
        "                                   MB        MB",
    ]
    for row in rows:
        text = row.text if len(row.text) <= 16 else row.text[:13] + "..."
        lines.append(_line(f"{text:16} {row.positions:10d}", row))
    if len(rows) > 1:
        known = [row.predicted for row in rows if row.predicted is not None]
        times = [row.predicted_seconds for row in rows if row.predicted_seconds is not None]
        total = TokenRow(
            None,
            "",
            0,
            sum(row.measured for row in rows),
            sum(known) if len(known) == len(rows) else None,
            sum(row.seconds for row in rows),
            sum(times) if len(times) == len(rows) else None,
        )
        lines.append(_line(f"{'all':16} {'':10}", total))
    return lines


def _line(head: str, row: TokenRow) -> str:
    return (
        f"{head} {row.measured / MEGA:9.3f} {difference(row.measured, row.predicted)} "
        f"{row.seconds:8.2f}"
        + ("" if row.predicted_seconds is None else f" {row.predicted_seconds:9.2f}")
    ).rstrip()


def agreement(ours: list[int], theirs: list[int], whose: str) -> str:
    """Says in words whether the tokens are the same, or from which one on they differ."""
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=False), 1):
        if mine != other:
            return (
                f"differ from {whose} from token {place} on, {mine} in place of {other}: their "
                f"logits are nearer to each other than the error of fixed-point numbers"
            )
    if len(ours) != len(theirs):
        return f"are {len(ours)}, and {len(theirs)} by {whose}"
    return f"the same as by {whose}"


def as_json(rows: list[TokenRow]) -> list[dict[str, Any]]:
    """Returns one entry for each token."""
    return [vars(row) for row in rows]
