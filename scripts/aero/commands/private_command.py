"""Starts and ends the scripts of private inference."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable

from aero.core.error_output import open_error_output
from aero.core.errors import AeroError
from aero.core.output import Output
from aero.private.run.faults import CrashError, fault_of_machine
from aero.private.run.requirements import check_spu


def run_command(module: str, parse: Callable[[], argparse.Namespace]) -> int:
    """Passes the arguments to work() of a module, which is loaded only where SPU is installed.

    Returns the exit code: that of work() or 0, 1 for what could not be done, 2 for what the user
    can correct, 128 plus the number of a signal after which the script cleaned up.
    """
    open_error_output()
    try:
        # Without a standard output (>&-), print() writes nothing.
        output = None if sys.stdout is None else Output(sys.stdout)
        with contextlib.redirect_stdout(output):
            arguments = parse()
            check_spu()
            code = importlib.import_module(module).work(arguments) or 0
            if output is not None:
                output.flush()
    except AeroError as error:
        return _end(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except Exception as error:
        return _end(fault_of_machine(error) or _crash(error))
    return int(code)


def _end(error: AeroError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return error.status


def _crash(error: Exception) -> AeroError:
    """Writes the details of an unexpected fault to a file, and returns an error that names it."""
    details = str(error) if isinstance(error, CrashError) else traceback.format_exc()
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="aero-private-crash-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(details)
        details_at = f"its details are in {file.name}"
    except OSError:
        details_at = "its details could not be written"
    return AeroError(f"a fault of this script or of SPU, which should not happen; {details_at}")
