"""Finds text that is not UTF-8 while it is read, and guesses its encoding from its bytes."""

from __future__ import annotations

import codecs
from typing import BinaryIO

_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WIDE = ("utf-16", "utf-32")
NUL = "nul"

_CONTROLS = bytes(range(0x80, 0xA0))
_UNDEFINED_IN_1252 = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])
_HIGH = bytes(range(0x80, 0x100))


class NotTextError(Exception):
    """Reports that a stream is not UTF-8 text; `encoding` names what it seems to be."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding)
        self.encoding = encoding


class Utf8Stream:
    """Reads a stream. Raises NotTextError where it is not UTF-8 or has NULs."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read(self, size: int) -> bytes:
        """Reads `size` bytes, or fewer at the end."""
        block = self._stream.read(size)
        try:
            self._decoder.decode(block, final=not block)
        except UnicodeDecodeError:
            raise NotTextError(encoding_of(block)) from None
        if b"\0" in block:
            raise NotTextError(encoding_of(block))
        return block


def encoding_of(block: bytes) -> str:
    """Guesses what bytes are that are not UTF-8 or that have NULs.

    Returns "utf-16", "utf-32", "nul" (other bytes with NULs), "damaged utf-8", "lone surrogates",
    "latin-1", "windows-1252" or "unknown".
    """
    for mark, name in _WIDE_MARKS:
        if block.startswith(mark):
            return name
    if b"\0" in block:
        return _with_nuls(block)
    try:
        block.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return _without_nuls(block)
    return "lone surrogates"


def _with_nuls(block: bytes) -> str:
    """Guesses the encoding of bytes with NULs: a wide one has zeros as high bytes of its units."""
    zeros = [block[place::4].count(0) for place in range(4)]
    quarter = len(block) / 4
    if sum(zeros) < 0.95 * len(block):
        for place in range(4):
            if min(zeros[place], zeros[place - 1]) > 0.9 * quarter:
                return "utf-32"
    fewer, more = sorted((zeros[0] + zeros[2], zeros[1] + zeros[3]))
    # At least the blanks and line ends of a UTF-16 text have a zero byte, all on the same side.
    return "utf-16" if more > 0.02 * quarter and fewer < 0.05 * more else NUL


def _without_nuls(block: bytes) -> str:
    high = len(block) - len(block.translate(None, _HIGH))
    broken = block.decode("utf-8", "replace").count("\ufffd")
    if high > 10 * broken:
        return "damaged utf-8"
    if high > 0.3 * len(block):
        return "unknown"
    if len(block.translate(None, _CONTROLS)) == len(block):
        return "latin-1"
    if len(block.translate(None, _UNDEFINED_IN_1252)) == len(block):
        return "windows-1252"
    return "unknown"
