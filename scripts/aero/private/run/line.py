"""Joins two network namespaces by a line of a given rate and delay. Needs root and /dev/net/tun.

Each namespace has a TUN device, and a process (carrier.py) takes packets from one to the other,
because not every kernel has delays of its own (netem).
"""

from __future__ import annotations

import ctypes
import fcntl
import math
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aero.core.errors import UsageError
from aero.core.signals import Tidying, Undisturbed
from aero.private.run.carrier import MTU

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_HOSTS = ("10.213.0.1", "10.213.0.2")
_NAMES = ("aero-client", "aero-server")


@dataclass(frozen=True)
class Network:
    """Holds the line that a user asks for: Mbit/s each way, and a round trip in milliseconds."""

    rate: float
    round_trip: float

    def seconds(self, sent: float, rounds: float) -> float:
        """Returns the seconds that bytes, both directions summed, and rounds take on the line.

        A party mostly answers the other, so the bytes of both directions go one after the other.
        """
        return 8 * sent / (1e6 * self.rate) + rounds * self.round_trip / 1e3

    def as_json(self) -> dict[str, float]:
        return {"rate_mbit": self.rate, "round_trip_ms": self.round_trip}

    def __str__(self) -> str:
        return f"a line of {self.rate:g} Mbit/s and {self.round_trip:g} ms a round trip"


def check_network(network: Network) -> None:
    """Raises UsageError where no line has these numbers, or this machine cannot simulate it."""
    if not (math.isfinite(network.rate) and network.rate > 0):
        raise UsageError(f"a line of {network.rate:g} Mbit/s: the rate must be above 0")
    if not 0 <= network.round_trip < 10_000:
        raise UsageError(
            f"a line of {network.round_trip:g} ms a round trip: it must be between 0 and 10000"
        )
    if os.geteuid() != 0:
        raise UsageError(
            "a simulated line is made of network namespaces, which only root can make: start "
            "it with sudo, or leave the line out"
        )
    if shutil.which("ip") is None:
        raise UsageError(
            "a simulated line needs the command ip, which was not found; on Debian: apt-get "
            "install iproute2"
        )
    if not Path("/dev/net/tun").exists():
        raise UsageError(
            "a simulated line needs /dev/net/tun, which does not exist; load the kernel module "
            "tun, or give the container this device"
        )


@dataclass(frozen=True)
class Line:
    """Holds a line's rate in bits a second and its round trip in seconds."""

    rate: float
    round_trip: float
    namespaces: tuple[str, str]

    @property
    def addresses(self) -> tuple[str, str]:
        return f"{_HOSTS[0]}:9100", f"{_HOSTS[1]}:9100"

    def enter(self, rank: int) -> None:
        """Moves this process into the namespace of a party; it must have one thread."""
        with Path(f"/var/run/netns/{self.namespaces[rank]}").open("rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise UsageError(f"setns: {os.strerror(ctypes.get_errno())}")


def _run_ip(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs ip in a session of its own.

    A Ctrl-C, which all processes of a terminal get, then does not interrupt it.
    """
    command = ["ip", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, start_new_session=True
    )


def _ip(*words: str) -> None:
    done = _run_ip(*words)
    if done.returncode != 0:
        raise UsageError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _open_tun(name: str) -> int:
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        raise UsageError(f"/dev/net/tun: {error.strerror}; a simulated line needs it") from error
    return device


def _remove_leftovers() -> None:
    """Removes the namespaces of processes that were killed."""
    listed = _run_ip("netns", "list").stdout
    for name, pid in re.findall(rf"^((?:{'|'.join(_NAMES)})-(\d+))\b", listed, re.MULTILINE):
        if not Path(f"/proc/{pid}").exists():
            _run_ip("netns", "del", name)


@contextmanager
def line(network: Network) -> Iterator[Line]:
    """Makes the line for a with block, and removes it afterwards, whatever signal ends it."""
    with Tidying(), _line(network) as joined:
        yield joined


@contextmanager
def _line(network: Network) -> Iterator[Line]:
    check_network(network)
    _remove_leftovers()
    pid = os.getpid()
    client, server = (f"{name}-{pid}" for name in _NAMES)
    joined = Line(network.rate * 1e6, network.round_trip / 1e3, (client, server))
    devices: list[int] = []
    carrier = None
    try:
        for number, namespace in enumerate(joined.namespaces):
            _ip("netns", "add", namespace)
            device = f"aero{number}p{pid}"
            devices.append(_open_tun(device))
            _ip("link", "set", device, "netns", namespace)
            inside = ("-n", namespace)
            _ip(*inside, "addr", "add", f"{_HOSTS[number]}/24", "dev", device)
            _ip(*inside, "link", "set", device, "mtu", str(MTU), "txqueuelen", "10000", "up")
            _ip(*inside, "link", "set", "lo", "up")
        # The carrier is a new process, not a fork, because JAX may have threads here.
        numbers = (*devices, joined.rate, joined.round_trip / 2, pid)
        carrier = subprocess.Popen(
            [sys.executable, "-I", Path(__file__).with_name("carrier.py"), *map(str, numbers)],
            pass_fds=devices,
            start_new_session=True,  # Ctrl-C reaches this process alone, which ends the carrier
        )
        yield joined
    finally:
        with Undisturbed():
            if carrier is not None:
                carrier.terminate()
                carrier.wait()
            for opened in devices:
                os.close(opened)
            for namespace in joined.namespaces:
                _run_ip("netns", "del", namespace)
