"""Makes the tokenizer's tables of Unicode from Hugging Face `tokenizers`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Regex, normalizers, pre_tokenizers
from tqdm import tqdm


def code_points() -> Iterator[str]:
    """Yields all of Unicode but the surrogates."""
    return (chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def join(rows: list[tuple[int, int, Any]], c: int, value: Any) -> None:
    """Adds a code point to the ranges; extends the last one where it has that value and ends before
    it.
    """
    if rows and rows[-1][1] == c - 1 and rows[-1][2] == value:
        rows[-1] = (rows[-1][0], c, value)
    else:
        rows.append((c, c, value))


def category_additions() -> list[tuple[int, int, str]]:
    """Returns ranges of code points whose categories are newer in `tokenizers` than in Python."""
    categories = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs".split()
    rows: list[tuple[int, int, str]] = []
    for category in tqdm(categories, "categories"):
        matches = pre_tokenizers.Split(Regex(rf"\p{{{category}}}"), "removed")
        for c in code_points():
            if unicodedata.category(c) != category and not matches.pre_tokenize_str(c):
                join(rows, ord(c), category)
    return sorted(rows)


def nfc_classes() -> list[tuple[int, int, int]]:
    """Returns ranges of canonical combining classes, for the marks that `tokenizers` reorders."""
    nfc = normalizers.NFC().normalize_str
    rows: list[tuple[int, int, int]] = []
    for c in tqdm(list(code_points()), "combining classes"):
        combining = unicodedata.combining(c)
        # U+0334 has the lowest class of common marks, U+0345 the highest.
        probe = c + "\u0334" if combining > 1 else "\u0334" + c
        if combining and unicodedata.normalize("NFC", "\u0345" + probe) == nfc("\u0345" + probe):
            join(rows, ord(c), combining)
    return rows


def nfc_decompositions() -> list[tuple[int, int, int, str]]:
    """Returns the canonical decompositions of `tokenizers`, and whether they compose again."""
    nfc = normalizers.NFC().normalize_str
    rows: list[tuple[int, int, int, str]] = []
    for c in tqdm(list(code_points()), "decompositions"):
        parts = unicodedata.decomposition(c).split()
        if not parts or parts[0].startswith("<"):
            continue
        first, second, *_ = *(int(part, 16) for part in parts), 0
        pair = chr(first) + (chr(second) if second else "")
        if nfc(pair) == unicodedata.normalize("NFC", pair):
            rows.append((ord(c), first, second, "true" if nfc(pair) == c else "false"))
    return rows


MADE_BY = "// Made by scripts/make_tokenizer_golden.py unicode from Python 3.11 and `tokenizers`.\n"


def make_unicode_tables(folder: Path) -> None:
    """Writes the tables as rows of C++ arrays."""
    if unicodedata.unidata_version != "14.0.0":
        raise SystemExit(
            f"this needs the Unicode 14 tables of Python 3.11, not {unicodedata.unidata_version}"
        )

    def write(name: str, rows: list[str]) -> None:
        (folder / name).write_text(MADE_BY + "".join(f"{{{row}}},\n" for row in rows))

    rows = nfc_decompositions()
    write(
        "nfc_decompositions.inc", [f"0x{c:X}, 0x{a:X}, 0x{b:X}, {back}" for c, a, b, back in rows]
    )
    write("nfc_classes.inc", [f"0x{a:X}, 0x{b:X}, {value}" for a, b, value in nfc_classes()])
    additions = category_additions()
    write("unicode_additions.inc", [f'0x{a:X}, 0x{b:X}, "{name}"' for a, b, name in additions])
