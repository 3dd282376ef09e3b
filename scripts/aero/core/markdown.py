"""Writes tables in Markdown."""

from __future__ import annotations

from aero.core.visible import visible


def _cell(text: str) -> str:
    r"""Puts a text on one line, with "|" as "\|"."""
    return visible(" ".join(text.splitlines())).replace("\t", " ").replace("|", r"\|")


def markdown_table(header: list[str], rows: list[list[str]], text_columns: int = 1) -> list[str]:
    """Returns the lines of a table. The first columns are text, the others align right."""
    rule = [":--" if index < text_columns else "--:" for index in range(len(header))]
    return ["| " + " | ".join(map(_cell, cells)) + " |" for cells in (header, rule, *rows)]
