"""How the scripts of private inference start and end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from .errors import USAGE, PrivateError


def run_command(work: Callable[[], int | None], both_parties: bool = True) -> int:
    """The exit code: that of `work` or 0, 2 for what the user can put right.

    Where both parties run here, SIGTERM ends this process in Python's way, so that the parties'
    processes and network namespaces go with it. One party alone is ended at once.
    """
    if both_parties:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        from .requirements import check_spu

        check_spu()
        return work() or 0
    except PrivateError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130
