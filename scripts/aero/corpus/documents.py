"""Streams documents out of one file of text or JSON lines, which may be compressed."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

try:
    import zstandard
except ImportError:  # only files of zstd need it
    zstandard = None  # type: ignore[assignment]  # None stands for the missing module

from aero.corpus.encodings import WIDE, NotTextError, Utf8Stream, encoding_of
from aero.corpus.errors import CorpusError
from aero.corpus.parallel import advance
from aero.corpus.settings import Settings
from aero.corpus.sources import SourceFile

_LONGEST_RECORD = 1 << 28
_HEAD = 1 << 12
_BLOCK = 1 << 20
_ZSTD_BLOCK = 1 << 14
_BOM = b"\xef\xbb\xbf"
_DEFAULT_KEYS = ("text", "content")
_CODE_KEY = "content"


@dataclass(frozen=True)
class Part:
    """Names a file, or the lines of a JSONL file that start in [begin, end)."""

    file: SourceFile
    begin: int
    end: int


@dataclass(frozen=True)
class Document:
    """Holds a document's bytes as found. Those of a JSONL record may not be UTF-8."""

    data: bytes
    is_code: bool


@dataclass(frozen=True)
class BadRecord:
    """Reports a JSONL record without text; `fault` says where it is, and what is wrong."""

    fault: str


class _RecordError(Exception):
    """Says what is wrong with a record; the file and the line are put before its text."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _ZstdReader(io.RawIOBase):
    """Reads a zstd stream and, unlike the library's own reader, notices a truncated file."""

    def __init__(self, raw: BinaryIO, name: str) -> None:
        if zstandard is None:
            raise CorpusError(f"{name}: zstd needs the package zstandard: pip install zstandard")
        self._raw = raw
        self._error = zstandard.ZstdError
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        self._frame = self._decompressor.decompressobj()
        self._frame_begun = False
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any, /) -> int:
        while not self._output:
            data = self._input or self._raw.read(_ZSTD_BLOCK)
            self._input = b""
            if not data:
                if self._frame_begun:
                    raise EOFError("the file ends within a frame")
                return 0
            self._frame_begun = True
            try:
                self._output = memoryview(self._frame.decompress(data))
            except self._error as error:
                raise OSError(str(error)) from None
            if self._frame.eof:
                self._input = self._frame.unused_data
                self._frame = self._decompressor.decompressobj()
                self._frame_begun = False
        count = min(len(target), len(self._output))
        target[:count] = self._output[:count]
        self._output = self._output[count:]
        return count


@contextmanager
def _open(file: SourceFile) -> Iterator[tuple[io.BufferedReader[Any], BinaryIO]]:
    """Opens a file's content, and the raw file below it, whose position measures the progress."""
    with io.BufferedReader(io.FileIO(file.path), _BLOCK) as raw:
        try:
            if file.compression == ".gz":
                with gzip.open(raw) as content:
                    yield io.BufferedReader(content, _BLOCK), raw
            elif file.compression == ".zst":
                yield io.BufferedReader(_ZstdReader(raw, file.path), _BLOCK), raw
            else:
                yield raw, raw
        except (EOFError, zlib.error, OSError) as error:
            if not file.compression:
                raise
            kind = "gzip" if file.compression == ".gz" else "zstd"
            raise CorpusError(
                f"{file.path}: damaged {kind} file ({error}); fetch it again or leave it out"
            ) from None


def parts_of(file: SourceFile, part_bytes: int) -> list[Part]:
    """Lists the parts of a file that can be read apart; only plain JSONL has more than one."""
    if not file.is_jsonl or file.compression or file.size <= part_bytes:
        return [Part(file, 0, file.size)]
    begins = range(0, file.size, part_bytes)
    return [Part(file, begin, min(begin + part_bytes, file.size)) for begin in begins]


def read_documents(part: Part, settings: Settings) -> Iterator[Document | BadRecord]:
    """Yields the documents of a part, in order.

    Raises CorpusError for a damaged file and, without --skip-bad, for a bad record. Raises
    NotTextError, perhaps after some documents, for a file that is not UTF-8 text.
    """
    with _open(part.file) as (content, raw):
        position = part.begin
        try:
            for document in _found(content, part, settings):
                yield document
                if raw.tell() > position:
                    advance(raw.tell() - position)
                    position = raw.tell()
        finally:
            if part.end > position:
                advance(part.end - position)


def _found(
    content: io.BufferedReader[Any], part: Part, settings: Settings
) -> Iterator[Document | BadRecord]:
    if part.file.is_jsonl:
        return _records(content, part, settings)
    separator = (settings.separator or "").encode()
    pieces = split_text(Utf8Stream(content), separator, settings.max_document_bytes)
    return (Document(piece, part.file.is_code) for piece in pieces)


def split_text(stream: _Readable, separator: bytes, longest: int) -> Iterator[bytes]:
    """Cuts a stream at the separator (if any), and what is longer than `longest` at a line end.

    A leading byte order mark is dropped. Where no line ends within `longest` bytes, the cut falls
    between two UTF-8 characters.
    """
    buffer = stream.read(longest + 1).removeprefix(_BOM)
    begin = searched = 0
    while True:
        at = buffer.find(separator, searched) if separator else -1
        if at >= 0 and at - begin <= longest:
            yield buffer[begin:at]
            begin = searched = at + len(separator)
        elif len(buffer) - begin > longest:
            cut = _cut_point(buffer, begin, longest)
            yield buffer[begin:cut]
            begin = searched = cut
        else:
            buffer = buffer[begin:]
            searched = max(0, len(buffer) - len(separator) + 1)
            begin = 0
            more = stream.read(max(_BLOCK, longest + 1 - len(buffer)))
            if not more:
                yield buffer
                return
            buffer += more


def _cut_point(data: bytes, begin: int, longest: int) -> int:
    """Finds where to end a piece of at most `longest` bytes that starts at `begin`."""
    line_end = data.rfind(b"\n", begin, begin + longest) + 1
    if line_end:
        return line_end
    cut = begin + longest
    while cut > max(begin + 1, begin + longest - 3) and data[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut


def _records(
    content: io.BufferedReader[Any], part: Part, settings: Settings
) -> Iterator[Document | BadRecord]:
    if _is_wide(content.peek(_HEAD)[:_HEAD]):
        if part.begin == 0:
            raise NotTextError(encoding_of(content.peek(_HEAD)[:_HEAD]))
        return
    offset = 0
    if part.begin:
        content.seek(part.begin - 1)
        offset = part.begin - 1 + len(content.readline())
    number = 0
    while part.file.compression or offset < part.end:
        line = content.readline(_LONGEST_RECORD)
        if not line:
            return
        start, offset, number = offset, offset + len(line), number + 1
        try:
            if len(line) == _LONGEST_RECORD and not line.endswith(b"\n"):
                offset += _skip_line(content)
                raise _RecordError(f"the record is longer than {_LONGEST_RECORD >> 20} MiB")
            if start == 0:
                line = line.removeprefix(_BOM)
            yield from _documents_of(line, settings)
        except _RecordError as error:
            fault = f"{part.file.path}:{_line_number(part, start, number)}: {error}"
            if not settings.skip_bad:
                raise CorpusError(
                    f"{fault}; correct it, or leave out bad records by --skip-bad"
                ) from None
            yield BadRecord(fault)


def _is_wide(head: bytes) -> bool:
    """Returns whether JSON lines are in UTF-16 or UTF-32, whose line ends are not single bytes."""
    return (b"\0" in head or head[:1] in (b"\xff", b"\xfe")) and encoding_of(head) in WIDE


def _skip_line(content: BinaryIO) -> int:
    """Reads to the end of a line, and returns how many bytes it has read."""
    skipped = 0
    while block := content.readline(_BLOCK):
        skipped += len(block)
        if block.endswith(b"\n"):
            break
    return skipped


def _documents_of(line: bytes, settings: Settings) -> Iterator[Document]:
    """Yields the documents of one record. Raises _RecordError."""
    if line.isspace() or not line:
        return
    try:
        record = json.loads(line.decode())
    except UnicodeDecodeError:
        yield Document(line, False)
        return
    except (ValueError, RecursionError) as error:
        raise _RecordError(f"not valid JSON ({error})") from None
    text, key = _text_of(record, settings)
    data = text.encode("utf-8", "surrogatepass")
    for piece in split_text(io.BytesIO(data), b"", settings.max_document_bytes):
        yield Document(piece, key == _CODE_KEY)


def _text_of(record: object, settings: Settings) -> tuple[str, str]:
    if not isinstance(record, dict):
        raise _RecordError('a record must be an object such as {"text": "..."}')
    keys = (settings.jsonl_key,) if settings.jsonl_key else _DEFAULT_KEYS
    key = next((key for key in keys if key in record), None)
    if key is None:
        wanted = " or ".join(f'"{key}"' for key in keys)
        has = ", ".join(f'"{key}"' for key in list(record)[:8]) or "none"
        raise _RecordError(f"no key {wanted}; set --jsonl-key to one of its keys: {has}")
    text = record[key]
    if not isinstance(text, str):
        kind = type(text).__name__
        raise _RecordError(f'key "{key}" holds {kind}, not a string; set --jsonl-key')
    return text, key


def _line_number(part: Part, start: int, number: int) -> int:
    """Returns the number that a part's line `number`, which begins at `start`, has in the file."""
    if not part.begin:
        return number
    with Path(part.file.path).open("rb") as file:
        number, left = 1, start
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            number += block.count(b"\n")
            left -= len(block)
    return number
