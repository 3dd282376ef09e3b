"""Maps tasks over worker processes in order, a bounded number ahead, with progress within a task.

Each worker has its own pipe and one task at a time. No queue, lock or thread is shared, so no
process waits for a worker that has died or was killed with the whole run.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Self, TypeVar, cast

from aero.corpus.errors import CorpusError
from aero.corpus.stopping import Undo

Task = TypeVar("Task")
Result = TypeVar("Result")
OnProgress = Callable[[int], object]

_PROGRESS_SECONDS = 0.1
_TASKS_AHEAD = 3

_on_progress: OnProgress | None = None


def advance(amount: int) -> None:
    """Reports work done inside a task."""
    if _on_progress is not None:
        _on_progress(amount)


class _Meter:
    """Sends what advance() reports through a worker's pipe, a few times a second."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._amount = 0
        self._sent = time.monotonic()

    def add(self, amount: int) -> None:
        self._amount += amount
        if time.monotonic() - self._sent >= _PROGRESS_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._amount:
            self._pipe.send(("progress", self._amount))
        self._amount = 0
        self._sent = time.monotonic()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _work_until_closed(pipe: Connection) -> None:
    """Runs in a worker process: receives tasks through the pipe, and sends results back."""
    global _on_progress
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    meter = _Meter(pipe)
    _on_progress = meter.add
    with contextlib.suppress(EOFError, ConnectionError):  # the main process is gone
        while True:
            work, task = pipe.recv()
            try:
                answer = ("result", work(task))
            except Exception as error:
                answer = ("error", error)
            meter.flush()
            pipe.send(answer)


class _Worker:
    """Holds one worker process, and the main process's end of its pipe."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.task: int | None = None  # the number of the task that it works on
        self._process: SpawnProcess = context.Process(
            target=_work_until_closed, args=(theirs,), daemon=True
        )
        self._process.start()
        theirs.close()

    def start(self, number: int, work: Callable[[Any], Any], task: object) -> None:
        self.task = number
        with _named_loss():
            self.pipe.send((work, task))

    def receive(self) -> tuple[str, Any]:
        """Returns what the process sent: "progress", "result" or "error", and the content."""
        with _named_loss():
            kind, content = self.pipe.recv()
        return kind, content

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()


@contextlib.contextmanager
def _named_loss() -> Iterator[None]:
    try:
        yield
    except (EOFError, ConnectionError):
        raise CorpusError(
            "a worker process was killed, most likely because memory ran out; "
            "use fewer --workers or a smaller --max-document-bytes"
        ) from None


class Crew:
    """Runs the worker processes of one run; one worker means this process itself."""

    def __init__(self, workers: int, undo: Undo) -> None:
        self._count = workers
        self._undo = undo
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()

    def map(
        self,
        work: Callable[[Task], Result],
        tasks: Iterable[Task],
        on_progress: OnProgress,
    ) -> Iterator[Result]:
        """Yields work(task) in the order of the tasks, a few tasks ahead of the consumer.

        `on_progress` receives what tasks pass to advance(). Raises what a task raised.
        """
        if self._count == 1:
            return _map_here(work, tasks, on_progress)
        return self._map_there(work, tasks, on_progress)

    def _map_there(
        self,
        work: Callable[[Task], Result],
        tasks: Iterable[Task],
        on_progress: OnProgress,
    ) -> Iterator[Result]:
        numbered = enumerate(tasks)
        more = True
        finished: dict[int, Result] = {}
        begun = yielded = 0
        while True:
            while more and begun < yielded + self._count * _TASKS_AHEAD and self._has_room():
                entry = next(numbered, None)
                if entry is None:
                    more = False
                else:
                    self._free_worker().start(entry[0], work, entry[1])
                    begun += 1
            if yielded in finished:
                yield finished.pop(yielded)
                yielded += 1
            elif yielded < begun:
                self._receive(finished, on_progress)
            else:
                return

    def _has_room(self) -> bool:
        """Returns whether a worker is free, or one more may be started."""
        return len(self._workers) < self._count or any(w.task is None for w in self._workers)

    def _free_worker(self) -> _Worker:
        for worker in self._workers:
            if worker.task is None:
                return worker
        with self._undo.undivided():
            worker = _Worker()
        self._workers.append(worker)
        return worker

    def _receive(self, finished: dict[int, Any], on_progress: OnProgress) -> None:
        """Waits for workers, and takes what they have sent."""
        busy = {worker.pipe: worker for worker in self._workers if worker.task is not None}
        for pipe in multiprocessing.connection.wait(list(busy)):
            worker = busy[cast(Connection, pipe)]
            kind, content = worker.receive()
            if kind == "progress":
                on_progress(content)
            elif kind == "error":
                raise content
            else:
                finished[worker.task or 0] = content
                worker.task = None


def _map_here(
    work: Callable[[Task], Result], tasks: Iterable[Task], on_progress: OnProgress
) -> Iterator[Result]:
    global _on_progress
    for task in tasks:
        _on_progress = on_progress
        try:
            result = work(task)
        finally:
            _on_progress = None
        yield result
