"""Two network namespaces joined by a line of a given rate and delay. Needs root and /dev/net/tun.

Each namespace has a TUN device, and a process carries packets between the two, each after its time
on the line: the kernel's own delays (netem) are not everywhere.
"""

from __future__ import annotations

import collections
import ctypes
import fcntl
import multiprocessing
import os
import select
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import PrivateError

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_MTU = 1500
_HOSTS = ("10.213.0.1", "10.213.0.2")
_BUFFER = 16 << 20  # bytes that wait before the line drops packets: more than a TCP window


@dataclass(frozen=True)
class Line:
    """Rate in bits a second, round trip in seconds."""

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
                raise PrivateError(f"setns: {os.strerror(ctypes.get_errno())}")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PrivateError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _open_tun(name: str) -> int:
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        raise PrivateError(
            f"--network wan needs root and /dev/net/tun: {error.strerror}"
        ) from error
    return device


class _Direction:
    """Packets from one device to the other."""

    def __init__(self, source: int, target: int, rate: float, delay: float) -> None:
        self._source, self._target, self._rate, self._delay = source, target, rate, delay
        self._free = 0.0  # when the line has sent all it has
        self._waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        self._bytes = 0

    def take(self, now: float) -> None:
        while True:
            try:
                packet = os.read(self._source, _MTU + 100)
            except BlockingIOError:
                return
            if self._bytes + len(packet) > _BUFFER:
                continue
            self._free = max(self._free, now) + 8 * len(packet) / self._rate
            self._waiting.append((self._free + self._delay, packet))
            self._bytes += len(packet)

    def give(self, now: float) -> float:
        """Returns when the next packet arrives."""
        while self._waiting and self._waiting[0][0] <= now:
            _, packet = self._waiting.popleft()
            self._bytes -= len(packet)
            os.write(self._target, packet)
        return self._waiting[0][0] if self._waiting else now + 1.0


def _carry(first: int, second: int, rate: float, delay: float) -> None:
    there = _Direction(first, second, rate, delay)
    back = _Direction(second, first, rate, delay)
    while True:
        now = time.monotonic()
        wake = min(there.give(now), back.give(now))
        ready, _, _ = select.select([first, second], [], [], max(0.0, wake - now))
        now = time.monotonic()
        if first in ready:
            there.take(now)
        if second in ready:
            back.take(now)


@contextmanager
def line(megabits: float, milliseconds: float) -> Iterator[Line]:
    """The line while it lasts; everything is removed afterwards."""
    if os.geteuid() != 0:
        raise PrivateError("--network wan makes network namespaces, for which it must be root")
    pid = os.getpid()
    names = (f"aero-client-{pid}", f"aero-server-{pid}")
    joined = Line(megabits * 1e6, milliseconds / 1e3, names)
    devices: list[int] = []
    carrier = None
    try:
        for number, namespace in enumerate(names):
            _ip("netns", "add", namespace)
            device = f"aero{number}p{pid}"
            devices.append(_open_tun(device))
            _ip("link", "set", device, "netns", namespace)
            inside = ("-n", namespace)
            _ip(*inside, "addr", "add", f"{_HOSTS[number]}/24", "dev", device)
            _ip(*inside, "link", "set", device, "mtu", str(_MTU), "txqueuelen", "10000", "up")
            _ip(*inside, "link", "set", "lo", "up")
        carrier = multiprocessing.get_context("fork").Process(
            target=_carry, args=(*devices, joined.rate, joined.round_trip / 2), daemon=True
        )
        carrier.start()
        yield joined
    finally:
        if carrier is not None:
            carrier.terminate()
            carrier.join()
        for device in devices:
            os.close(device)
        for namespace in names:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
