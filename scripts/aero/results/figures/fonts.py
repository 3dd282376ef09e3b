"""Finds fonts that have the characters of names, which may be of any script."""

from __future__ import annotations

from functools import cache

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from aero.core.command import note

_BOXES = "Last Resort"  # has a box for every character there is


@cache
def _characters(file: str) -> frozenset[str]:
    return frozenset(map(chr, get_font(file).get_charmap()))


def _lacking(text: str) -> list[str]:
    """Lists the characters that no font in use has."""
    files = (findfont(FontProperties(family=[name])) for name in mpl.rcParams["font.family"])
    return sorted(set(text).difference({"\n"}, *map(_characters, files)))


def find_fonts(text: str) -> None:
    """Lets texts made from now on fall back to installed fonts that have missing characters."""
    for character in _lacking(text):
        for entry in fontManager.ttflist:
            if not entry.name.startswith(_BOXES) and character in _characters(entry.fname):
                if entry.name not in mpl.rcParams["font.family"]:
                    mpl.rcParams["font.family"] = [*mpl.rcParams["font.family"], entry.name]
                break


def note_lacking(figure: Figure) -> None:
    """Says in one note which characters are drawn as a box."""
    found = _lacking("".join(text.get_text() for text in figure.findobj(Text)))
    if found:
        note(f"no font has {' '.join(found)}: install one, or give other names (--labels)")
