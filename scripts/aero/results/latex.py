"""Writes tables in LaTeX, with the rules of the package booktabs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# LaTeX would read "[" and "*" behind the end of a row as part of it.
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
    "–": "--",
    "\n": " ",
    "\r": " ",
}

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
).split()
_SIGNS = {"±": "pm", "×": "times", "÷": "div", "·": "cdot", "−": "-", "µ": "mu", "∞": "infty"}
_SIGNS |= {"≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "→": "to", "√": "surd", "∈": "in"}


def _greek(name: str) -> str:
    """Returns the Greek letter of a LaTeX name, by its name in Unicode."""
    case = "CAPITAL" if name[0].isupper() else "SMALL"
    return unicodedata.lookup(f"GREEK {case} LETTER {name.replace('ambda', 'amda').upper()}")


_SPECIAL |= {_greek(name): rf"$\{name}$" for name in _GREEK}
_SPECIAL |= {sign: "$-$" if name == "-" else rf"$\{name}$" for sign, name in _SIGNS.items()}


def _beyond_pdflatex(text: str) -> str:
    """Returns the characters that pdflatex lacks: all but Latin letters with one accent."""
    left = sorted(each for each in set(text) - _SPECIAL.keys() if not each.isascii())
    accented = (unicodedata.normalize("NFD", each) for each in left)
    return "".join(c for c, parts in zip(left, accented, strict=True) if not parts[0].isascii())


def latex_text(text: str) -> str:
    """Escapes special characters and puts a minus before each negative number."""
    parts = re.split(r"((?<![^\s,])-(?=[\d.]))", text)
    return "".join(
        "$-$" if index % 2 else "".join(_SPECIAL.get(character, character) for character in part)
        for index, part in enumerate(parts)
    )


def latex_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1
) -> list[str]:
    """Returns a table's lines. The first columns are text, the others are aligned right."""
    columns = "l" * text_columns + "r" * (len(header) - text_columns)
    beyond = _beyond_pdflatex("".join(map("".join, (header, *rows))))
    engines = [f"% compile with xelatex or lualatex, and a font that has {beyond}"]
    lines = [" & ".join(map(latex_text, cells)) + r" \\" for cells in (header, *rows)]
    return [
        *(engines if beyond else []),
        r"% needs \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        lines[0],
        r"\midrule",
        *lines[1:],
        r"\bottomrule",
        r"\end{tabular}",
    ]
