"""An ordered, bounded map over worker processes, with progress from inside a task."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized
from types import TracebackType
from typing import Self, TypeVar

from .errors import CorpusError

Task = TypeVar("Task")
Result = TypeVar("Result")

_POLL_SECONDS = 0.2
_TASKS_AHEAD = 3


class StoppedError(Exception):
    """Raised inside a task once the run has been given up."""


class _Meter:
    """Work done and the order to stop, shared by the main process and its workers."""

    def __init__(self, done: Synchronized[int], stop: Synchronized[int]) -> None:
        self.done = done
        self.stop = stop


_meter: _Meter | None = None


def advance(amount: int) -> None:
    """Report work done inside a task; raises StoppedError when nobody waits for it any more."""
    if _meter is None:
        return
    with _meter.done.get_lock():
        _meter.done.value += amount
    if _meter.stop.value:
        raise StoppedError


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _start_worker(done: Synchronized[int], stop: Synchronized[int]) -> None:
    global _meter
    _meter = _Meter(done, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


class Crew:
    """Worker processes for one run; one worker means this process itself."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executor: ProcessPoolExecutor | None = None
        context = multiprocessing.get_context("spawn")
        self._done: Synchronized[int] = context.Value("Q", 0)
        self._stop: Synchronized[int] = context.Value("b", 0)
        if workers > 1:
            self._executor = ProcessPoolExecutor(
                workers, context, initializer=_start_worker, initargs=(self._done, self._stop)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.value = 1
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def map(
        self,
        work: Callable[[Task], Result],
        tasks: Iterable[Task],
        on_progress: Callable[[int], None],
    ) -> Iterator[Result]:
        """Yield work(task) in the order of the tasks, a few tasks ahead of the consumer.

        on_progress receives what tasks passed to advance() since the last call.
        """
        if self._executor is None:
            yield from self._map_here(work, tasks, on_progress)
            return
        try:
            yield from self._map_there(self._executor, work, tasks, on_progress)
        except BrokenProcessPool:
            raise CorpusError(
                "a worker process was killed, most likely for want of memory; "
                "use fewer --workers or a smaller --max-document-bytes"
            ) from None

    def _map_here(
        self,
        work: Callable[[Task], Result],
        tasks: Iterable[Task],
        on_progress: Callable[[int], None],
    ) -> Iterator[Result]:
        global _meter
        for task in tasks:
            _meter = _Meter(self._done, self._stop)
            try:
                result = work(task)
            finally:
                _meter = None
            self._report(on_progress)
            yield result

    def _map_there(
        self,
        executor: ProcessPoolExecutor,
        work: Callable[[Task], Result],
        tasks: Iterable[Task],
        on_progress: Callable[[int], None],
    ) -> Iterator[Result]:
        waiting: deque[Future[Result]] = deque()
        for task in tasks:
            waiting.append(executor.submit(work, task))
            if len(waiting) >= self.workers * _TASKS_AHEAD:
                yield self._wait(waiting.popleft(), on_progress)
        while waiting:
            yield self._wait(waiting.popleft(), on_progress)

    def _wait(self, future: Future[Result], on_progress: Callable[[int], None]) -> Result:
        while True:
            self._report(on_progress)
            try:
                result = future.result(timeout=_POLL_SECONDS)
            except FutureTimeout:
                continue
            self._report(on_progress)
            return result

    def _report(self, on_progress: Callable[[int], None]) -> None:
        with self._done.get_lock():
            amount = self._done.value
            self._done.value = 0
        if amount:
            on_progress(amount)
