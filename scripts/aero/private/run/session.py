"""Holds one party's end of a computation on shares: the link, the runtime and its values."""

from __future__ import annotations

import contextlib
import json
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spu
import spu.api
from spu import libspu
from spu.utils import frontend

from aero.core.errors import AeroError, UsageError
from aero.private.program.settings import CLIENT, SERVER, Settings
from aero.private.run.profile import Profile, parse_profile

CHUNK = 64 << 20  # the most bytes of a message that carries shares


def _pack(parts: Sequence[bytes]) -> bytes:
    lengths = struct.pack(f"<{len(parts) + 1}Q", len(parts), *map(len, parts))
    return lengths + b"".join(parts)


def _unpack(payload: bytes) -> list[bytes]:
    (count,) = struct.unpack_from("<Q", payload)
    start, parts = 8 * (count + 1), []
    for length in struct.unpack_from(f"<{count}Q", payload, 8):
        parts.append(payload[start : start + length])
        start += length
    return parts


class Session:
    """Computes with the other party. Both parties make the same calls in the same order.

    `addresses` are host:port of client and server, which have met. The session waits `timeout`
    seconds for each message.
    """

    def __init__(
        self,
        rank: int,
        addresses: Sequence[str],
        settings: Settings,
        log: Path,
        timeout: float = 1800,
    ) -> None:
        self.rank, self.settings, self._log = rank, settings, log
        self._peer = addresses[1 - rank]
        self._read = 0
        self._compiled: dict[Any, bytes] = {}
        self.moved_outside = 0  # bytes of shares, both directions, which SPU does not count
        options = libspu.logging.LogOptions()
        options.enable_console_logger = False
        options.system_log_path = str(log)
        libspu.logging.setup_logging(options)

        description = libspu.link.Desc()
        for party, address in enumerate(addresses):
            description.add_party(str(party), address)
        description.recv_timeout_ms = round(timeout * 1000)
        description.http_timeout_ms = round(timeout * 1000)
        try:
            self._link = libspu.link.create_brpc(description, rank)
        except RuntimeError as error:
            raise UsageError(
                f"the parties at {addresses[rank]} and {self._peer} did not connect, though they "
                f"had met; start both again, on other ports if need be"
            ) from error
        config = spu.RuntimeConfig()
        config.ParseFromJsonString(settings.to_json())
        with self._peer_present():
            self._runtime = spu.api.Runtime(self._link, config)
        self._io = spu.api.Io(2, config)

    @contextlib.contextmanager
    def _peer_present(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, IndexError) as error:
            text = str(error)
            if any(word in text for word in ("recv", "send", "link", "brpc", "peer", "timeout")):
                raise UsageError(
                    f"the other party at {self._peer} closed the connection or stopped answering; "
                    f"see its own messages, then start both again"
                ) from error
            raise

    def _send(self, payload: bytes) -> None:
        self.moved_outside += len(payload)
        self._link.send(1 - self.rank, payload)

    def _receive(self) -> bytes:
        payload: bytes = self._link.recv(1 - self.rank)
        self.moved_outside += len(payload)
        return payload

    def exchange(self, value: object) -> Any:
        """Sends a JSON object to the other party and returns the other's."""
        with self._peer_present():
            self._send(json.dumps(value).encode())
            return json.loads(self._receive())

    def _transfer(self, share: Any, sender: int) -> Any:
        """Sends a share from one party to the other, to which it is returned."""
        if self.rank == sender:
            payload = _pack([share.meta, *share.share_chunks])
            parts = range(0, len(payload), CHUNK)
            self._send(str(len(parts)).encode())
            for start in parts:
                self._send(payload[start : start + CHUNK])
            return None
        count = int(self._receive())
        payload = b"".join(self._receive() for _ in range(count))
        share = libspu.Share()
        share.meta, *share.share_chunks = _unpack(payload)
        return share

    def put(self, name: str, owner: int, array: np.ndarray | None) -> None:
        """Gives both parties shares of the owner's array; the other party passes None.

        Colocated, the other party gets the array's shape alone.
        """
        private = owner if self.settings.colocated else -1
        with self._peer_present():
            if self.rank == owner:
                shares = self._io.make_shares(
                    np.ascontiguousarray(array), spu.Visibility.VIS_SECRET, private
                )
                self._transfer(shares[1 - owner], owner)
                self._runtime.set_var(name, shares[owner])
            else:
                self._runtime.set_var(name, self._transfer(None, owner))

    def reveal(self, name: str, owner: int) -> np.ndarray | None:
        """Returns the value itself to its new owner alone, and None to the other party."""
        with self._peer_present():
            share = self._runtime.get_var(name)
            other = self._transfer(share, 1 - owner)
        if self.rank != owner:
            return None
        both = [share, other] if owner == 0 else [other, share]
        return np.asarray(self._io.reconstruct(both))

    def delete(self, name: str) -> None:
        self._runtime.del_var(name)

    def compile(
        self, key: Any, function: Callable[..., Any], shapes: Sequence[np.ndarray | Any]
    ) -> bytes:
        """Returns SPU's code for a function of secret values. It compiles once for each key."""
        if key not in self._compiled:
            options = libspu.CompilerOptions()
            # Softmax then takes one reciprocal for each row, not a division for each element.
            options.enable_optimize_denominator_with_broadcast = True
            names = [f"i{index}" for index in range(len(shapes))]
            executable, _ = frontend.compile(
                frontend.Kind.JAX,
                function,
                list(shapes),
                {},
                names,
                [spu.Visibility.VIS_SECRET] * len(shapes),
                lambda outputs: [f"o{index}" for index in range(len(outputs))],
                copts=options,
            )
            self._compiled[key] = executable.code
        return self._compiled[key]

    def run(self, code: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> Profile:
        """Runs compiled code on named values and returns what it took."""
        executable = libspu.Executable("stage", list(inputs), list(outputs), code)
        start = time.perf_counter()
        with self._peer_present():
            self._runtime.run(executable)
        seconds = time.perf_counter() - start
        profile = self._new_profile()
        profile.total.seconds = seconds
        return profile

    def _new_profile(self) -> Profile:
        """Reads the profile of the run that just ended, whose last line may come a moment later."""
        text = b""
        for _ in range(200):
            with self._log.open("rb") as log:
                log.seek(self._read)
                text = log.read()
            profile = parse_profile(text.decode(errors="replace").splitlines())
            if profile.runs > 0 and text.endswith(b"\n"):
                self._read += len(text)
                return profile
            time.sleep(0.01)
        raise AeroError(
            f"{self._log}: SPU wrote nothing of its last run there; is the disk full? TMPDIR names "
            f"another place"
        )

    def close(self) -> None:
        """Waits for the other party."""
        with self._peer_present():
            self._link.barrier()
        # SPU ends a process that misses the answer to a background message, such as a barrier's. So
        # the parties exchange two more messages behind those answers, and wait for them. A party
        # that misses the answer to the very last one already has everything.
        with contextlib.suppress(RuntimeError):
            if self.rank == CLIENT:
                self._link.send(SERVER, b"end")
                self._link.recv(SERVER)
            else:
                self._link.recv(CLIENT)
                self._link.send(CLIENT, b"end")
