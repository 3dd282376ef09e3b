"""Names come from files: what a terminal would obey, or cannot write, is not printed."""

from __future__ import annotations

import unicodedata

_HIDDEN = ("Cc", "Cs")  # control characters, and halves of a pair without the other


def visible(text: str) -> str:
    """Puts "?" for each character that is none; tabs and ends of lines stay."""
    return "".join(
        "?" if unicodedata.category(character) in _HIDDEN and character not in "\t\n" else character
        for character in text
    )
