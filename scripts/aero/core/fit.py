"""Fits Markdown into the width of the terminal, by the rules of `aero report`."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from aero.core.visible import visible

_NARROWEST = 3  # a rule needs three dashes


def add_wide(parser: argparse.ArgumentParser) -> None:
    """Adds --wide, the option of every command that prints tables."""
    parser.add_argument(
        "--wide", action="store_true", help="print tables whole, however narrow the terminal"
    )


def print_fitted(text: str, wide: bool) -> None:
    """Prints a text, fitted into the terminal unless `wide` is set or the output is not a terminal.

    Prints nothing where the output is closed.
    """
    text = visible(text)
    if sys.stdout is not None and sys.stdout.isatty() and not wide:
        text = fit_tables(text, shutil.get_terminal_size().columns)
    print(text.removesuffix("\n"), flush=True)


def fit_tables(text: str, columns: int) -> str:
    """Wraps text and cells between words, beginning with the widest column of a table.

    Where that is not enough, a table keeps its first column and, from left to right, each column
    that still has room. A line below the table names the columns that it leaves out.
    """
    lines: list[str] = []
    table: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.startswith("|"):
            table.append(line)
            continue
        if table:
            lines += _fitted_table(table, columns)
            table = []
        lines += _wrapped_line(line, columns)
    return "\n".join(lines[:-1])


def _width(text: str) -> int:
    """Counts the columns that a text takes on a terminal."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def _wrapped(text: str, columns: int) -> list[str]:
    """Wraps a text between words; a word that is wider than `columns` gets a line of its own."""
    lines = [""]
    for word in text.split():
        if lines[-1] and _width(lines[-1]) + 1 + _width(word) > columns:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def _wrapped_line(line: str, columns: int) -> list[str]:
    """Wraps a line; in an item of a list, what follows stays to the right of the "- "."""
    if _width(line) <= columns:
        return [line]
    text = line.lstrip(" ")
    indent = len(line) - len(text) + (2 if text.startswith("- ") else 0)
    head, *rest = _wrapped(line[indent:], max(columns - indent, 1))
    return [line[:indent] + head, *(" " * indent + part for part in rest)]


@dataclass
class _Column:
    cells: list[str]  # the title first
    leans_right: bool

    @property
    def least(self) -> int:
        """Returns the smallest width that breaks no word."""
        words = (word for cell in self.cells for word in cell.split())
        return max([_NARROWEST, *map(_width, words)])

    @property
    def whole(self) -> int:
        return max([_NARROWEST, *map(_width, self.cells)])

    def padded(self, text: str, width: int) -> str:
        space = " " * (width - _width(text))
        return space + text if self.leans_right else text + space

    def rule(self, width: int) -> str:
        return "-" * (width - 1) + ":" if self.leans_right else "-" * width


def _total(widths: list[int]) -> int:
    return sum(widths) + 3 * len(widths) + 1


def _cells(line: str) -> list[str]:
    r"""Cuts "| a | b |" into its cells; "\|" is part of a cell."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]


def _shrunk(table: list[_Column], columns: int) -> list[int]:
    """Returns the width of each column: that of its cells, the widest narrowed until all fit."""
    widths = [column.whole for column in table]
    while _total(widths) > columns:
        can_shrink = [i for i, column in enumerate(table) if widths[i] > column.least]
        if not can_shrink:
            break
        widths[max(can_shrink, key=lambda i: widths[i])] -= 1
    return widths


def _row(table: list[_Column], cells: tuple[str, ...], widths: list[int]) -> list[str]:
    """Returns the lines of a row, as many as its highest cell has."""
    wrapped = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    return [
        _line(map(_Column.padded, table, parts, widths))
        for parts in zip_longest(*wrapped, fillvalue="")
    ]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _fitted_table(lines: list[str], columns: int) -> list[str]:
    """Fits a table. Returns the lines unchanged where they are not a table: a row lacks cells."""
    cells_of_rows = [_cells(line) for line in lines]
    if len(lines) < 2 or len(set(map(len, cells_of_rows))) > 1:
        return lines
    titles, rules, *rows = cells_of_rows
    table = [
        _Column(list(cells), rule.endswith(":") and not rule.startswith(":"))
        for rule, *cells in zip(rules, titles, *rows, strict=True)
    ]
    kept, left_out = table[:1], []
    for column in table[1:]:
        if _total([one.least for one in [*kept, column]]) <= columns:
            kept.append(column)
        else:
            left_out.append(column.cells[0])
    widths = _shrunk(kept, columns)
    head, *body = zip(*(column.cells for column in kept), strict=True)
    text = [*_row(kept, head, widths), _line(map(_Column.rule, kept, widths))]
    for row in body:
        text += _row(kept, row, widths)
    if left_out:
        names = ", ".join(left_out)
        text += _wrapped_line(f"(too narrow for: {names}; --wide prints all)", columns)
    return text
