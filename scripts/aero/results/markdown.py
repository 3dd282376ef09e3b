"""Writes a table of the papers beside ours, in markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aero.core.markdown import markdown_table
from aero.results.comparability import statements
from aero.results.outcome import outcome
from aero.results.sweep import Member, Sweep
from aero.results.tables import Line, Table, change_percent, match

# The letters of operations in the papers' tables.
LETTERS = {
    "softmax": "SM",
    "layernorm": "LN",
    "rmsnorm": "RMS",
    "gelu": "G",
    "relu": "R",
    "leaky_relu": "LR",
}
_NONE = "–"


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{value:+.1f}%"


def _figure(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f}"


def _papers_name(operation: str) -> str:
    """Returns "final LN" for "final_layernorm"; an operation without a letter keeps its name."""
    kind = operation.removeprefix("final_")
    if kind not in LETTERS:
        return operation
    return LETTERS[kind] if kind == operation else f"final {LETTERS[kind]}"


def operations_text(operations: dict[str, list[int]] | None) -> str:
    """Lists operations as "SM 144 x 128x128, LN 24 x 128x768"."""
    if not operations:
        return _NONE
    return ", ".join(
        f"{_papers_name(name)} {count} x {rows}x{columns}"
        for name, (count, rows, columns) in operations.items()
    )


def _name(line: Line) -> str:
    if line.member is None or line.member.name == line.row.name:
        return line.row.name
    return f"{line.row.name} ({line.member.name})"


def _decimals(table: Table) -> int:
    """Returns how many decimals the papers print: two, or three."""
    printed = (str(row.perplexity).partition(".")[2] for row in table.rows)
    return max([2, *map(len, printed)])


def _gflops(flops: int | None) -> float | None:
    return None if flops is None else flops / 1e9


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _change(member: Member | None, baseline: Member | None) -> str:
    """Returns the change of the perplexity, where the two compare."""
    if member is None or baseline is None:
        return _NONE
    if member.evaluated_otherwise(baseline):
        return "other evaluation"
    return _percent(change_percent(member.perplexity, baseline.perplexity))


def _perplexities(table: Table, lines: list[Line], rest: list[Member]) -> list[str]:
    paper_baseline = table.row(table.baseline).perplexity
    by_row = {line.row.name: line.member for line in reversed(lines)}
    baseline = by_row.get(table.baseline)
    decimals = _decimals(table)
    header = ["architecture", "papers", "change", "ours", "change"]
    rows = []
    for line in lines:
        paper = line.row.perplexity
        rows.append(
            [
                _name(line),
                "NaN" if paper is None else f"{paper:.{decimals}f}",
                _percent(change_percent(paper, paper_baseline)),
                outcome(line.member),
                _change(line.member, baseline),
            ]
        )
    for member in rest:
        rows.append([member.name, _NONE, _NONE, outcome(member), _change(member, baseline)])
    caption = f"Held-out perplexity; changes against {table.baseline}."
    return [caption, "", *markdown_table(header, rows)]


def _costs(lines: list[Line]) -> list[str]:
    header = ["architecture", "FFN GFLOPs: papers", "ours", "attention: papers", "ours"]
    header += ["communication (GB): papers", "ours", "latency (min): papers", "ours"]
    rows, operations = [], []
    for line in lines:
        row, member = line.row, line.member
        rows.append(
            [
                _name(line),
                _figure(row.ffn_gflops, 1),
                _figure(None if member is None else _gflops(member.ffn_flops), 3),
                _figure(row.attention_gflops, 1),
                _figure(None if member is None else _gflops(member.attention_flops), 3),
                _figure(row.comm_gb, 2),
                _figure(None if member is None else _scaled(member.comm_bytes, 1e9), 2),
                _figure(row.latency_min, 2),
                _figure(None if member is None else _scaled(member.latency_s, 60), 2),
            ]
        )
        own = _NONE if member is None else operations_text(member.operations)
        operations.append([_name(line), operations_text(row.operations), own])
    lists = markdown_table(["architecture", "nonlinear operations: papers", "ours"], operations, 3)
    return [
        "Costs of one forward pass over one context.",
        "",
        *markdown_table(header, rows),
        "",
        *lists,
    ]


def compare(table: Table, sweep: Sweep | None, others: Sequence[Table] = ()) -> str:
    """Returns the chapter of one table. Without a sweep, every row is "not run".

    It leaves out members that answer to a row of the other tables.
    """
    found = sweep or Sweep(Path(), table.sweep, None, [])
    lines, rest = match(table, found)
    elsewhere = {row.identity() for other in others for row in other.rows}
    rest = [member for member in rest if member.identity() not in elsewhere]
    text = [f"## {table.title}", "", f"Papers: {', '.join(table.source)}.", ""]
    text += _perplexities(table, lines, rest)
    if table.has_costs:
        text += ["", *_costs(lines)]
    text += ["", "What compares and what does not:", ""]
    text += [f"- {statement}" for statement in statements(table, found, lines)]
    return "\n".join(text) + "\n"
