"""Measures and breaks texts: names of architectures have no blanks."""

from __future__ import annotations

import re
from functools import cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from aero.core.visible import visible
from aero.results.figures.fonts import find_fonts

FONT_SIZE = 8.0
LINE_HEIGHT = 0.155  # inches
# A word that is too wide may break before an opening bracket, and after one of these.
_PIECES = re.compile(r"(?<=[+,/_=:;-])|(?=\()")


@cache
def _width(text: str) -> float:
    font = FontProperties(size=FONT_SIZE)
    return TextToPath().get_text_width_height_descent(text, font, ismath=False)[0] / 72


def text_width(text: str) -> float:
    """Measures the widest line, in inches."""
    return max(map(_width, text.split("\n")))


def lines_of(text: str) -> int:
    """Counts the lines: at least one, but none for an empty text."""
    return text.count("\n") + 1 if text else 0


def _words(text: str, inches: float) -> list[str]:
    """Returns words with the blank behind them, and the pieces of a word too wide for a line."""
    found = []
    for word in re.split(r"(?<= )", text):
        found += [word] if _width(word.strip()) <= inches else _PIECES.split(word)
    return found


def _pieces(text: str, inches: float) -> list[str]:
    """Splits a word into pieces, and cuts a piece that is too wide itself where it has to be."""
    found = []
    for piece in _words(text, inches):
        rest = piece
        while rest and _width(rest.strip()) > inches and len(rest) > 1:
            cut = max(1, int(len(rest) * inches / _width(rest)))
            while cut > 1 and _width(rest[:cut]) > inches:
                cut -= 1
            found.append(rest[:cut])
            rest = rest[cut:]
        found.append(rest)
    return found


def wrap(text: str, inches: float) -> str:
    """Breaks lines so that none is wider than `inches`; the text's own breaks stay."""
    text = visible(text).replace("\t", " ")
    find_fonts(text)
    lines: list[str] = []
    for part in text.split("\n"):
        current = ""
        for piece in _pieces(part, inches):
            if current and _width((current + piece).strip()) > inches:
                lines.append(current.strip())
                current = ""
            current += piece
        lines.append(current.strip())
    return "\n".join(lines)
