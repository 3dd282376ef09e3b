"""Reports the rows' perplexities beside the papers', with the tokens that each has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aero.benchmark.training_rows import (
    BASELINE,
    ROWS,
    WARMUP,
    Size,
    published,
    published_tokens,
)
from aero.core.markdown import markdown_table
from aero.results.tables import change_percent

_NONE = "–"


def _outcome(record: Mapping[str, Any]) -> str:
    """Returns a perplexity, or why there is none."""
    outcome = record.get("outcome")
    if outcome == "finished":
        return f"{record['perplexity']:.2f}"
    if outcome == "nonfinite":
        layer = "" if record.get("layer") is None else f", layer {record['layer']}"
        return f"NaN (step {record['steps']:,}{layer})"
    if outcome == "unfinished" and record.get("steps"):
        return f"unfinished (step {record['steps']:,})"
    return "failed" if outcome == "failed" else "not run"


def _change(value: float | None, baseline: float | None) -> str:
    change = change_percent(value, baseline)
    return _NONE if change is None else f"{change:+.1f}%"


def _of_papers(row: str) -> str:
    value = published(row)
    return "NaN" if value is None else f"{value:.2f}"


def markdown(
    measured: Mapping[str, Any], corpus: Mapping[str, Any], size: Size, steps: int, warmup: str
) -> list[str]:
    """Returns a paragraph on what was trained, and the table."""
    made = f", made in {measured['corpus']['seconds']:.0f} s" if measured.get("corpus") else ""
    tokens = steps * size.tokens_per_step
    baseline = measured.get(BASELINE) or {}
    rows = []
    for row in ROWS:
        record = measured.get(row) or {}
        speed = record.get("tokens_per_second")
        rows.append(
            [
                row,
                _of_papers(row),
                _change(published(row), published(BASELINE)),
                _outcome(record),
                _change(record.get("perplexity"), baseline.get("perplexity")),
                f"{record['tokens']:,}" if record.get("tokens") else _NONE,
                _NONE if speed is None else f"{speed:,.0f}",
            ]
        )
    too_steep = ", since 5% is too steep for models without norms" if warmup == WARMUP else ""
    header = ["row", "papers' perplexity", "change", "perplexity here", "change"]
    header += ["tokens here", "tokens/s"]
    return [
        f"Each row trains on the same {tokens:,} tokens in the same order, in {steps:,} steps of "
        f"{size.batch_size} x {size.context} tokens, by the papers' recipe, in bfloat16, but "
        f"without their accumulation of 4, and with a warm-up of {warmup} (theirs: 1,600 steps)"
        f"{too_steep}. "
        f"Corpus: {corpus['files']:,} Python files of this machine, {corpus['bytes'] / 1e6:,.1f} "
        f"MB, V = {corpus['vocabulary']:,}, {corpus['training_tokens']:,} tokens to train on and "
        f"{corpus['held_out_tokens']:,} of other files held out{made}.",
        "",
        *markdown_table(header, rows),
        "",
        f"The papers' perplexities are of CodeParrot after {published_tokens():,} tokens. Those of "
        "another corpus and vocabulary cannot be compared with them; the order of the rows can, as "
        "far as so few tokens show it.",
    ]
