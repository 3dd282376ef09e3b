"""Runs a program under a pty and emulates what its terminal shows."""

from __future__ import annotations

import codecs
import fcntl
import itertools
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

ESCAPE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")


def width_of(character: str) -> int:
    """Returns the columns of a character by Unicode's own tables."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@dataclass
class Line:
    """Holds the text up to a line's end, which the terminal breaks into rows of its width."""

    cells: list[str] = field(default_factory=list)  # "" beside a wide character


@dataclass
class Terminal:
    """Emulates a terminal such as VTE or kitty.

    Lines keep their text, and a window that becomes narrower breaks them into more rows. The cursor
    stands on a cell of a line.
    """

    columns: int
    lines: list[Line] = field(default_factory=lambda: [Line()])
    line: int = 0
    cell: int = 0

    def rows(self) -> list[str]:
        rows = []
        for line in self.lines:
            text = line.cells
            for start in range(0, max(len(text), 1), self.columns):
                rows.append("".join(text[start : start + self.columns]).rstrip())
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            escape = ESCAPE.match(text, at)
            if escape:
                self._obey(escape.group(2))
                at = escape.end()
                continue
            self._put(text[at])
            at += 1

    def _row_start(self) -> int:
        return self.cell - self.cell % self.columns

    def _obey(self, code: str) -> None:
        cells = self.lines[self.line].cells
        if code == "K":  # to the end of the row
            end = self._row_start() + self.columns
            cells[self.cell : end] = [" "] * (min(len(cells), end) - self.cell)
        elif code == "J":  # to the end of the screen
            del cells[self.cell :]
            del self.lines[self.line + 1 :]

    def _put(self, character: str) -> None:
        if character == "\r":
            # In a broken line the cursor goes to the start of its row, not of the line.
            self.cell = self._row_start()
        elif character == "\n":
            self.line += 1
            self.cell = 0
            if self.line == len(self.lines):
                self.lines.append(Line())
        else:
            width = width_of(character)
            cells = self.lines[self.line].cells
            cells.extend([" "] * (self.cell + width - len(cells)))
            cells[self.cell : self.cell + width] = [character, *[""] * (width - 1)]
            self.cell += width


@dataclass
class Session:
    """Holds how a program ended, and what it showed."""

    code: int
    rows: list[str]
    raw: str
    # These are the screens after each read.
    screens: list[list[str]]


def run_in_terminal(
    *command: str | os.PathLike[str],
    columns: int,
    resize: Mapping[int, int] = MappingProxyType({}),
    environment: Mapping[str, str | None] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float = 120,
) -> Session:
    """Runs a command; `resize` has new widths by the number of the read, each of which must come.

    The program is stopped while the width changes, and everything that it wrote for the old width
    is read first, because the program cannot control how a line appears that is read too late.
    """
    child, parent_end = pty.fork()
    if child == 0:
        if cwd is not None:
            os.chdir(cwd)
        os.environ["TERM"] = "xterm-256color"
        os.environ.pop("COLUMNS", None)
        for name, value in (environment or {}).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        # The window gets its size before the program asks for it.
        set_size(0, columns)
        # readline, which pytest loads, sets COLUMNS behind os.environ.
        os.execvpe(os.fspath(command[0]), [os.fspath(word) for word in command], os.environ)
    has_ended = False
    try:
        session = watch(child, parent_end, columns, resize, time.monotonic() + timeout)
        _, status = os.waitpid(child, 0)
        has_ended = True
    finally:
        if not has_ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(parent_end)
    session.code = os.waitstatus_to_exitcode(status)
    return session


def watch(
    child: int, screen: int, columns: int, resize: Mapping[int, int], deadline: float
) -> Session:
    """Records what a program shows until its end."""
    terminal = Terminal(columns or 80)
    raw = ""
    screens = []
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for reads in itertools.count():
        ready, _, _ = select.select([screen], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError(raw[-500:])
        wanted = resize.get(reads)
        if wanted is not None:
            stop(child)
        data = read_all(screen)
        text = decoder.decode(data)
        raw += text
        terminal.feed(text)
        screens.append(terminal.rows())
        if wanted is not None:
            terminal.columns = wanted
            set_size(screen, wanted)
            os.kill(child, signal.SIGCONT)
        if not data:
            break
    assert all(number < reads for number in resize), f"only {reads} reads: {raw[-500:]}"
    return Session(0, terminal.rows(), raw, screens)


def stop(child: int) -> None:
    """Stops a process, and returns once it writes no more."""
    os.kill(child, signal.SIGSTOP)
    os.waitid(os.P_PID, child, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def read_all(descriptor: int) -> bytes:
    """Returns all output so far, at least one byte; nothing once the program has ended."""
    data = b""
    while not data or select.select([descriptor], [], [], 0.01)[0]:
        try:
            more = os.read(descriptor, 65536)
        except OSError:
            break
        if not more:
            break
        data += more
    return data


def set_size(descriptor: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
