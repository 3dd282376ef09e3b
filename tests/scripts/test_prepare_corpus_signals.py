"""Tests signals, closed pipes and full disks: the run ends at once and keeps nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpus_reader import SCRIPT, SMALL, code, manifest_of, write


def start(source: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(source), "--out", str(out), *options]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def members(group: int) -> list[int]:
    """Lists the processes of a process group that are not zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if entry.name.isdecimal() and int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def wait_until_signals_are_awaited(process: subprocess.Popen[str]) -> None:
    """Waits for the thread that handles signals; before it, the program has begun nothing."""
    while len(list((Path("/proc") / str(process.pid) / "task").iterdir())) < 2:
        time.sleep(0.005)


def expect_nothing_left(process: subprocess.Popen[str], out: Path) -> None:
    deadline = time.monotonic() + 10
    while members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert members(process.pid) == []
    assert not out.parent.exists() or list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "workers"),
    [
        (signal.SIGINT, "1"),
        (signal.SIGINT, "3"),
        (signal.SIGTERM, "3"),
        (signal.SIGHUP, "1"),
        pytest.param(signal.SIGTERM, "1", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, "3", marks=pytest.mark.slow),
    ],
)
def test_a_signal_at_any_moment_ends_at_once_with_nothing_kept(
    tmp_path: Path, number: signal.Signals, workers: str
) -> None:
    """The moments are imports, the start of workers, reading, training the BPE (in Rust)."""
    source = write(tmp_path / "in", [code(i, lines=300) for i in range(400)])
    for delay in (0, 0.1, 0.2, 0.35, 0.5, 0.8, 1.2):
        out = tmp_path / f"results-{delay}" / "corpus"
        options = ("--workers", workers, "--vocab-size", "30000")
        with start(source, out, *options) as process:
            wait_until_signals_are_awaited(process)
            time.sleep(delay)
            os.killpg(process.pid, number)  # as a terminal does: to all of them
            began = time.monotonic()
            _, errors = process.communicate(timeout=30)
            assert time.monotonic() - began < 5
        assert process.returncode == 128 + number, errors
        assert "interrupted; nothing was kept" in errors
        assert "Traceback" not in errors
        expect_nothing_left(process, out)


def test_what_fails_because_of_a_signal_does_not_decide_how_the_run_ends(tmp_path: Path) -> None:
    """The folder of the run is gone before it could be opened; its removal lasts a second more."""
    source = write(tmp_path / "in", [code(i) for i in range(20)])
    program = """
import os, signal, sys, threading, time
from aero.commands import prepare_corpus
from aero.corpus import stopping

remove, open_file = stopping._remove, os.open

def remove_slowly(folder):
    remove(folder)
    time.sleep(1)

def open_late(path, *rest, **named):
    if "corpus.tmp-" in str(path) and threading.current_thread() is threading.main_thread():
        os.kill(os.getpid(), signal.SIGINT)
        while path.exists():
            time.sleep(0.01)
    return open_file(path, *rest, **named)

stopping._remove, os.open = remove_slowly, open_late
sys.exit(prepare_corpus.main())
"""
    out = tmp_path / "results" / "corpus"
    command = [sys.executable, "-c", program, str(source), "--out", str(out), *SMALL]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parent)},
    )
    assert (done.returncode, "error" in done.stderr) == (128 + signal.SIGINT, False), done.stderr
    assert "interrupted; nothing was kept" in done.stderr
    assert list(out.parent.iterdir()) == []


def test_a_signal_that_was_ignored_at_the_start_stays_ignored(tmp_path: Path) -> None:
    source = write(tmp_path / "in", [code(i) for i in range(20)])
    out = tmp_path / "corpus"
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        process = start(source, out, *SMALL)
    finally:
        signal.signal(signal.SIGHUP, previous)
    with process:
        for _ in range(10):
            time.sleep(0.05)
            process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert manifest_of(out)["counts"]["train"]["documents"] == 20


def test_a_worker_that_is_killed_is_named(tmp_path: Path) -> None:
    source = write(tmp_path / "in", [code(i, lines=300) for i in range(400)])
    out = tmp_path / "results" / "corpus"
    with start(source, out, "--workers", "2", *SMALL) as process:
        deadline = time.monotonic() + 60
        while not list(out.parent.glob("corpus.tmp-*/spill/*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        spills = list(out.parent.glob("corpus.tmp-*/spill/*"))
        os.kill(int(spills[0].stem.rpartition("-")[2]), signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a worker process was killed" in errors
    expect_nothing_left(process, out)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_log_that_nobody_reads_ends_the_run_with_nothing_kept(
    tmp_path: Path, workers: str
) -> None:
    source = write(tmp_path / "in", [code(i) for i in range(50)])
    out = tmp_path / "results" / "corpus"
    with start(source, out, "--workers", workers, *SMALL) as process:
        assert process.stderr
        process.stderr.close()
        process.wait(timeout=60)
        assert process.stdout and process.stdout.read() == ""
    assert process.returncode == 128 + signal.SIGPIPE
    expect_nothing_left(process, out)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_cannot_be_printed_is_an_error(tmp_path: Path, unbuffered: str) -> None:
    source = write(tmp_path / "in", [code(i) for i in range(5)])
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}

    def call(*arguments: str, **streams: int) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), *arguments],
            stderr=streams.get("stderr", subprocess.PIPE),
            stdout=streams.get("stdout", subprocess.DEVNULL),
            text=True,
            env=environment,
            check=False,
        )
        return done.returncode, done.stderr or ""

    with Path("/dev/full").open("w") as full:
        for arguments in (("--help",), (str(source), "--out", str(tmp_path / "a"), *SMALL)):
            code_, errors = call(*arguments, stdout=full.fileno())
            assert code_ == 1
            assert "error: cannot write standard output: No space left on device" in errors
            assert "Traceback" not in errors
        assert manifest_of(tmp_path / "a")["version"] == 1
        quiet = (str(source), "--out", str(tmp_path / "b"), *SMALL, "-q")
        assert call(*quiet, stdout=full.fileno())[0] == 0
        log = (str(source), "--out", str(tmp_path / "c"), *SMALL)
        assert call(*log, stderr=full.fileno())[0] == 0
    reading, writing = os.pipe()
    os.close(reading)
    code_, errors = call("--help", stdout=writing)
    os.close(writing)
    assert (code_, errors) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_closed_output_is_reported_and_a_closed_log_is_not(tmp_path: Path, workers: str) -> None:
    source = write(tmp_path / "in", [code(i) for i in range(5)])

    def call(closed: str, *arguments: str) -> tuple[int, str, str]:
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, str(SCRIPT), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    out = tmp_path / "results" / "corpus"
    run = (str(source), "--out", str(out), "--workers", workers, *SMALL)
    reported = (1, "", "error: standard output is closed\n")
    assert call(">&-", *run) == call(">&-", "--help") == reported
    assert call("2>&-", "--help")[1].count("Example:\n  scripts/prepare_corpus.py ") == 1
    assert call(">&- 2>&-", *run) == (1, "", "")
    assert not out.parent.exists()
    assert call("2>&-", "--no-such-option") == (2, "", "")
    named = write(tmp_path / "\udcff", ["no corpus"])  # it is named in the error
    assert call("2>&-", *run, "--out", str(named)) == (2, "", "")
    code_, printed, _ = call("2>&-", *run)
    assert code_ == 0 and printed.startswith(f"{out}: stream layout")
    assert manifest_of(out)["counts"]["train"]["documents"] == 5
    assert call("2>&-", *run) == (2, "", "")  # the corpus is there
