"""Reads the papers' tables, and finds the members of a sweep that answer to their rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aero.core.jsonc import load_object
from aero.results.sweep import FORMS, Member, Sweep

PAPER_TABLES = Path(__file__).with_name("paper_tables.json")


@dataclass(frozen=True)
class Row:
    """Holds a row as published."""

    name: str
    architecture: str
    family: str  # "simplified", or empty for that of the table
    forms: dict[str, str]
    perplexity: float | None  # None: NaN
    operations: dict[str, list[int]] | None
    ffn_gflops: float | None
    attention_gflops: float | None
    comm_gb: float | None
    latency_min: float | None

    def identity(self) -> tuple[str, ...]:
        """Returns values that compare with Member.identity()."""
        return (self.family, self.architecture, *(self.forms.get(key, "plain") for key in FORMS))


@dataclass(frozen=True)
class Table:
    """Holds one of the papers' tables, or one column of its perplexities."""

    name: str
    title: str
    source: list[str]
    sweep: str  # the name of its file under configs/tables
    model: dict[str, Any]
    corpus: str
    tokens: int
    baseline: str
    rows: list[Row]

    def row(self, name: str) -> Row:
        """Finds a row by name. Raises StopIteration where there is none."""
        return next(row for row in self.rows if row.name == name)

    @property
    def has_costs(self) -> bool:
        return any(row.comm_gb is not None for row in self.rows)


def _row(record: dict[str, Any]) -> Row:
    return Row(
        name=record["name"],
        architecture=record["architecture"],
        family=record.get("family", ""),
        forms=record.get("forms", {}),
        perplexity=record["perplexity"],
        operations=record.get("operations"),
        ffn_gflops=record.get("ffn_gflops"),
        attention_gflops=record.get("attention_gflops"),
        comm_gb=record.get("comm_gb"),
        latency_min=record.get("latency_min"),
    )


def paper_tables() -> dict[str, Table]:
    """Reads the tables by name, in the file's order."""
    records = load_object(PAPER_TABLES)["tables"]
    tables = [Table(**(record | {"rows": list(map(_row, record["rows"]))})) for record in records]
    return {table.name: table for table in tables}


@dataclass(frozen=True)
class Line:
    """Holds a row beside the member that answers to it, if any."""

    row: Row
    member: Member | None


def match(table: Table, sweep: Sweep) -> tuple[list[Line], list[Member]]:
    """Finds the members that answer to each row, and returns the sweep's other members apart.

    A row takes the member of its name, else all members of its architecture and forms.
    """
    lines: list[Line] = []
    taken: set[str] = set()
    for row in table.rows:
        same = [member for member in sweep.members if member.identity() == row.identity()]
        named = [member for member in same if member.name == row.name]
        chosen = named or same
        taken.update(member.name for member in chosen)
        lines += [Line(row, member) for member in chosen] or [Line(row, None)]
    return lines, [member for member in sweep.members if member.name not in taken]


def change_percent(value: float | None, baseline: float | None) -> float | None:
    """Returns a change in percent; None where one of the two is NaN or was not run."""
    if value is None or baseline is None:
        return None
    return 100 * (value / baseline - 1)
