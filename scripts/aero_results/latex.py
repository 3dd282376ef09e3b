"""Tables as LaTeX prints them, with the rules of the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

# "[" and "*" behind the end of a row would belong to it.
_SPECIAL = {
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",
    "*": "{*}",
    "±": r"$\pm$",
    "–": "--",
    "\n": " ",
    "\r": " ",
}


def latex_text(text: str) -> str:
    """With special characters escaped and a minus before each negative number."""
    parts = re.split(r"((?<![^\s,])-(?=[\d.]))", text)
    return "".join(
        "$-$" if index % 2 else "".join(_SPECIAL.get(character, character) for character in part)
        for index, part in enumerate(parts)
    )


def latex_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1
) -> list[str]:
    """The first columns are text, the others lean right."""
    columns = "l" * text_columns + "r" * (len(header) - text_columns)
    lines = [" & ".join(map(latex_text, cells)) + r" \\" for cells in (header, *rows)]
    return [
        r"% needs \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        lines[0],
        r"\midrule",
        *lines[1:],
        r"\bottomrule",
        r"\end{tabular}",
    ]
