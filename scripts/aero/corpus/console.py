"""Shows progress: bars on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import shutil
import sys
from typing import Any

from tqdm import tqdm

from aero.corpus.standard_output import give_up_unwritten


class Console:
    """Prints messages and bars on standard error; `quiet` leaves warnings only."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.shows_bars = not quiet and sys.stderr.isatty()

    def shows_wide_bars(self) -> bool:
        """Returns whether the window has room for the bars of tokenizers, which have a fixed width.

        In a narrower window they would leave a row at every step.
        """
        columns = 80
        return self.shows_bars and shutil.get_terminal_size().columns >= columns

    def say(self, text: str) -> None:
        """Prints what happens. Raises BrokenPipeError where the reader has closed."""
        if not self.quiet:
            _print(text)

    def warn(self, text: str) -> None:
        """Prints what the user should look at. Raises what say() raises."""
        _print(f"warning: {text}")

    def bar(self, what: str, total_bytes: int) -> tqdm[Any]:
        """Makes a progress bar over bytes, which shows nothing without a terminal."""
        return tqdm(
            total=total_bytes,
            desc=what,
            unit="B",
            unit_scale=True,
            disable=not self.shows_bars,
            smoothing=0.1,
        )


def _print(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        give_up_unwritten(sys.stderr)  # the disk may be full: the failure cannot be reported
