"""Tests the simulated line between the parties."""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import pytest

from aero.commands.private_options import add_network_options, network_of
from aero.core.errors import AeroError
from aero.private.program.settings import CLIENT, SERVER
from aero.private.run import line as line_module
from aero.private.run.line import Network, check_network, line
from aero.private.run.meeting import split_address
from aero.private.run.spawn import run_both

RATE, ROUND_TRIP = 20.0, 60.0
MESSAGE = 500_000  # bytes: 0.2 s at that rate


def parse(*words: str) -> Network | None:
    parser = argparse.ArgumentParser()
    add_network_options(parser)
    return network_of(parser.parse_args(words))


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the checks pass as on a machine that can simulate a line."""
    monkeypatch.setattr(line_module.os, "geteuid", lambda: 0)
    monkeypatch.setattr(line_module.shutil, "which", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(line_module.Path, "exists", lambda path: True)


def test_the_loopback_is_the_default() -> None:
    assert parse() is None


@pytest.mark.usefixtures("able")
def test_the_default_line_is_that_of_the_papers() -> None:
    assert parse("--network", "wan") == Network(100, 80)
    assert parse("--network", "wan", "--rate", "9", "--round-trip", "0") == Network(9, 0)


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rate", "9"], r"--rate 9 needs a simulated line: add --network wan"),
        (["--round-trip", "9"], r"--round-trip 9 needs a simulated line"),
        (["--network", "wan", "--rate", "0"], r"a line of 0 Mbit/s: the rate must be above 0"),
    ],
)
def test_an_impossible_line_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(AeroError, match=message):
        parse(*words)


@pytest.mark.parametrize("words", [["--rate", "nan"], ["--rate", "-1"], ["--round-trip", "-1"]])
def test_numbers_of_a_line_are_decimals_within_bounds(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse("--network", "wan", *words)
    assert f"{words[1]!r} is not a number from 0 to" in capsys.readouterr().err


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(
    ("module", "name", "lacking", "message"),
    [
        ("os", "geteuid", lambda: 1000, "which only root can make: start it with sudo"),
        ("shutil", "which", lambda name: None, "needs the command ip.*install iproute2"),
        ("Path", "exists", lambda path: False, "needs /dev/net/tun.*kernel module tun"),
    ],
)
def test_a_machine_that_cannot_simulate_a_line_says_what_it_lacks(
    module: str, name: str, lacking: Callable, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getattr(line_module, module), name, lacking)
    with pytest.raises(AeroError, match=message):
        check_network(Network(100, 80))


def _connect(address: str) -> socket.socket:
    """Connects as soon as the other side listens."""
    for _ in range(200):
        try:
            return socket.create_connection(split_address(address))
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise TimeoutError(address)


def _exchange(end: tuple[int, tuple[str, str]], progress: Callable[[str], None]) -> list[float]:
    """Returns the seconds in which the server sends back a byte, and MESSAGE bytes."""
    rank, (_, address) = end
    seconds = []
    if rank == SERVER:
        with socket.create_server(split_address(address)) as listener:
            peer, _ = listener.accept()
            with peer:
                for size in (1, MESSAGE):
                    peer.sendall(peer.recv(size, socket.MSG_WAITALL))
        return []
    with _connect(address) as server:
        for size in (1, MESSAGE):
            start = time.monotonic()
            server.sendall(bytes(size))
            assert len(server.recv(size, socket.MSG_WAITALL)) == size
            seconds.append(time.monotonic() - start)
    return seconds


@pytest.fixture
def network() -> Network:
    """Returns a line, or skips the test where this machine cannot simulate one."""
    found = Network(RATE, ROUND_TRIP)
    try:
        check_network(found)
    except AeroError as error:
        pytest.skip(str(error))
    return found


def left_of(names: tuple[str, str]) -> list[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    return [name for name in names if name in listed.stdout]


def test_a_message_takes_its_delay_and_its_bytes_time_and_nothing_is_left_behind(
    network: Network,
) -> None:
    with line(network) as joined:
        assert left_of(joined.namespaces) == list(joined.namespaces)
        short, long = run_both(_exchange, lambda *end: end, joined=joined)[CLIENT]
    assert 0.060 <= short < 0.5
    assert 0.060 + 2 * 0.2 <= long < 4
    assert left_of(joined.namespaces) == []


def test_an_interrupt_while_a_line_is_removed_leaves_nothing_behind(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ip, names = line_module._run_ip, []

    def with_break(*words: str) -> subprocess.CompletedProcess[str]:
        if words[:2] == ("netns", "del"):
            signal.raise_signal(signal.SIGINT)
        return run_ip(*words)

    def work() -> None:
        with line(network) as joined:
            names.append(joined.namespaces)
            monkeypatch.setattr(line_module, "_run_ip", with_break)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert left_of(*names) == []
