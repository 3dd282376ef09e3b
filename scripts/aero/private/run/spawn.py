"""Runs both parties as processes of this machine, joined by the loopback or a simulated line."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, cast

from aero.core.errors import AeroError
from aero.core.signals import Undisturbed
from aero.private.program.settings import CLIENT, SERVER
from aero.private.run.allocator import keep_memory
from aero.private.run.faults import CrashError, fault_of_machine
from aero.private.run.line import Line

_ENDING_SECONDS = 10.0
Progress = Callable[[str], None]
# A task takes its argument and a function that reports progress.
Task = Callable[[Any, Progress], Any]
Enter = Callable[[int], None]  # a function that the process of a rank calls first


def free_addresses(host: str = "127.0.0.1") -> tuple[str, str]:
    """Returns two addresses at which nobody listens now."""
    with socket.socket() as first, socket.socket() as second:
        first.bind((host, 0))
        second.bind((host, 0))
        return f"{host}:{first.getsockname()[1]}", f"{host}:{second.getsockname()[1]}"


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, because a killed parent cannot end it."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _signals_of_the_parent() -> Iterator[None]:
    """Keeps signals from the processes that start inside, from their first moment on.

    They inherit the signals that are blocked here. The parent ends its children itself.
    """
    resource_tracker.ensure_running()  # a process that starts it later would unblock signals
    numbers = (signal.SIGINT, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def _wait_for_other(pipe: Connection) -> None:
    """Waits until the parent has both results and closes its end of the pipe.

    A party that ends before that leaves the other's last message without an answer, and SPU then
    ends the other's process with 255.
    """
    end = select.poll()
    end.register(pipe.fileno(), 0)  # poll() always reports that nobody reads any more
    end.poll(1000 * _ENDING_SECONDS)


def _child(rank: int, order: bytes, enter: Enter | None, pipe: Connection) -> None:
    """Runs the pickled task in `order`. It is unpickled late, because its modules start threads."""
    # The file takes what libraries write as they fail. The parent reports what happened.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    keep_memory()
    try:
        if enter is not None:
            enter(rank)
        threading.Thread(target=_end_with_parent, daemon=True).start()
        task, argument = pickle.loads(order)
        result = task(argument, lambda text: pipe.send(("progress", text)))
        pipe.send(("result", result))
        _wait_for_other(pipe)
    except AeroError as error:
        pipe.send(("error", error))
    except BaseException as error:
        fault = fault_of_machine(error)
        pipe.send(("crash", traceback.format_exc()) if fault is None else ("error", fault))
    pipe.close()
    if sys.stderr is not None:
        sys.stderr.flush()
    os._exit(0)  # a normal exit could wait for SPU's threads, which wait for a party that is gone


def _death(rank: int, code: int | None) -> str:
    who = ("client", "server")[rank]
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; was memory short?" if name in ("SIGKILL", "SIGABRT") else ""
        return f"the {who}'s process was ended by {name}{hint}"
    return f"the {who}'s process ended with exit code {code}"


def _end(processes: Sequence[SpawnProcess], are_done: bool) -> None:
    """Terminates the processes that are not done, and kills all that live on."""
    if not are_done:
        for process in processes:
            process.terminate()
    for process in processes:
        process.join(_ENDING_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def run_both(
    task: Task,
    argument_of: Callable[[int, tuple[str, str]], Any],
    progress: Progress = lambda text: None,
    joined: Line | None = None,
) -> list[Any]:
    """Runs the client's and the server's process, and returns their results.

    `argument_of` makes the task's argument from a rank and both parties' addresses. `progress` gets
    the client's progress. Without a line, the loopback joins the parties.
    """
    addresses = free_addresses() if joined is None else joined.addresses
    enter = None if joined is None else joined.enter
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    processes: list[SpawnProcess] = []
    results: dict[int, Any] = {}
    try:
        with _signals_of_the_parent():
            for rank in (CLIENT, SERVER):
                order = pickle.dumps((task, argument_of(rank, addresses)))
                mine, theirs = context.Pipe(duplex=False)
                process = context.Process(
                    target=_child, args=(rank, order, enter, theirs), daemon=True
                )
                process.start()
                theirs.close()
                pipes.append(mine)
                processes.append(process)
        while len(results) < len(pipes):
            open_pipes = [pipe for rank, pipe in enumerate(pipes) if rank not in results]
            for ready in wait(open_pipes):
                pipe = cast(Connection, ready)
                rank = pipes.index(pipe)
                try:
                    kind, value = pipe.recv()
                except EOFError:
                    processes[rank].join()
                    raise AeroError(_death(rank, processes[rank].exitcode)) from None
                if kind == "progress" and rank == 0:
                    progress(value)
                elif kind == "result":
                    results[rank] = value
                elif kind == "error":
                    raise value
                elif kind == "crash":
                    raise CrashError(f"the {('client', 'server')[rank]} failed:\n{value}")
    finally:
        with Undisturbed():
            for pipe in pipes:
                pipe.close()
            _end(processes, are_done=len(results) == 2)
    return [results[rank] for rank in range(len(pipes))]
