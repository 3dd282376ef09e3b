"""Keeps what a terminal would obey, or cannot print, out of messages; names come from files."""

from __future__ import annotations

import unicodedata

_HIDDEN = ("Cc", "Cs")  # control characters, and surrogates without their pair


def visible(text: str) -> str:
    """Replaces each invisible character by "?"; tabs and ends of lines stay."""
    return "".join(
        "?" if unicodedata.category(character) in _HIDDEN and character not in "\t\n" else character
        for character in text
    )
