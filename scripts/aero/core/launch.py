"""Starts a script, so that signals end it at once and a missing package is one line."""

from __future__ import annotations

from aero.core import signals

# isort: split
import importlib
import sys
from typing import NoReturn

SETUP = "run this with build/venv/bin/python, which scripts/setup.sh makes"
TORCH = "run this with a Python that has numpy and torch; check.sh takes one by AERO_PYTHON"


def launch(module: str, remedy: str = SETUP) -> NoReturn:
    """Runs main() of a module and ends with the status that it returns.

    The module is loaded here, so that a package that is not installed is reported in one line that
    ends with `remedy`, and a signal during the import ends the program without a traceback.
    """
    signals.end_at_once()
    try:
        command = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "aero":
            raise
        sys.exit(f"error: the Python package {error.name} is missing; {remedy}")
    sys.exit(command.main())


if __name__ == "__main__":  # python -m aero.core.launch MODULE ARGUMENT...
    launch(sys.argv.pop(1))
