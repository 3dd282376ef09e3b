"""Makes the parties meet before SPU links them, because SPU would not say what is wrong."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from aero.core.errors import UsageError


def split_address(address: str) -> tuple[str, int]:
    """Returns the host and the port of an address."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def _answers(address: str, timeout: float) -> bool:
    try:
        socket.create_connection(split_address(address), timeout=timeout).close()
    except OSError:
        return False
    return True


def meet(addresses: Sequence[str], rank: int, patience: float) -> None:
    """Listens at this party's address until the other one's answers, for `patience` seconds.

    A party that finds the other starts SPU's own server at the same address, which answers, too.
    """
    own, peer = addresses[rank], addresses[1 - rank]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(split_address(own))
        except OSError as error:
            raise UsageError(
                f"cannot listen at {own}: {error.strerror}; it must be a free port of this machine"
            ) from error
        listener.listen()
        deadline = time.monotonic() + patience
        while not _answers(peer, min(patience, 5.0)):
            if time.monotonic() > deadline:
                raise UsageError(
                    f"the other party did not answer at {peer} for {patience:.0f} s; "
                    f"start both with the same --peers, and check that no firewall is between them"
                )
            time.sleep(0.2)
