"""What a user watches: progress bars on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import shutil
import sys
from typing import Any

from tqdm import tqdm

from aero.corpus.standard_output import give_up_unwritten


class Console:
    """Messages and bars go to standard error; `quiet` leaves warnings only."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.shows_bars = not quiet and sys.stderr.isatty()

    def shows_wide_bars(self) -> bool:
        """Whether a bar that cannot become narrower has room: those of tokenizers have none in a
        window of fewer columns, where they leave a row at every step.
        """
        columns = 80
        return self.shows_bars and shutil.get_terminal_size().columns >= columns

    def say(self, text: str) -> None:
        """Tell what happens. Raises BrokenPipeError when nobody reads any more."""
        if not self.quiet:
            _print(text)

    def warn(self, text: str) -> None:
        """Tell what the user should look at. Raises as say()."""
        _print(f"warning: {text}")

    def bar(self, what: str, total_bytes: int) -> tqdm[Any]:
        """A progress bar over bytes; silent where there is no terminal."""
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
        give_up_unwritten(sys.stderr)  # a full disk, say, and nowhere left to say so
