"""Checks that SPU is installed."""

from __future__ import annotations

import importlib
import platform
import sys

from aero.core.errors import UsageError
from aero.private.program.settings import VERSION


def check_spu() -> None:
    """Raises UsageError, which says what to do, where SPU cannot be imported."""
    try:
        importlib.import_module("spu")
    except ModuleNotFoundError as error:
        if sys.version_info[:2] != (3, 11):
            raise UsageError(
                f"no SPU {VERSION} for Python {platform.python_version()}: it and what it needs "
                f"are pinned for Python 3.11; install that and run scripts/setup_private.sh"
            ) from error
        raise UsageError(
            f"this Python has no package {error.name}; run scripts/setup_private.sh, then start "
            f"this script with build/venv-spu/bin/python"
        ) from error
    except ImportError as error:
        raise UsageError(
            "SPU is installed but does not load on this machine; its wheels are for x86_64 with "
            "AVX, and arm64, of Linux and macOS"
        ) from error
