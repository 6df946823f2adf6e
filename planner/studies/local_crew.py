"""Work on many numbers by processes on this machine, or by this one: it knows no sweep."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, TypeVar

from planner.errors import NoWorkers

Row = TypeVar("Row")
Rows = Generator[Row, None, None]
Work = Callable[[int], Row]
Failed = Callable[[int, str], Row]

DEATHS = 3
"""A number whose process dies so many times with nothing else running has failed."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

_work: Work[Any]


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def rows_here(work: Work[Row], numbers: Sequence[int]) -> Rows[Row]:
    """Yield rows from this process, one after the other.

    Parameters
    ----------
    work : callable
        Number to row.
    numbers : sequence of int
        What is to be done.

    Yields
    ------
    Row
        In order.
    """
    for number in numbers:
        with _broken_off_by_interrupts():
            row = work(number)
        yield row


def rows_of_processes(
    work: Work[Row], numbers: Sequence[int], workers: int, failed: Failed[Row]
) -> Rows[Row]:
    """Yield rows from processes of their own, as they are finished.

    Parameters
    ----------
    work : callable
        Number to row; one that can be pickled.
    numbers : sequence of int
        What is to be done.
    workers : int
        How many processes, each with one thread.
    failed : callable
        Number and sentence to the row of what cannot be done.

    Yields
    ------
    Row
        One for each number.

    Raises
    ------
    NoWorkers
        If processes do not even start.

    Notes
    -----
    When a process dies, what was at work is done again, one number at a time, so that the one that
    kills its process is known; after `DEATHS` it has failed.  When this process ends, by whatever
    means, so do the others.
    """
    waiting, suspects, deaths = deque(numbers), deque[int](), Counter[int]()
    while waiting or suspects:
        alone = bool(suspects)
        queue = suspects if alone else waiting
        lost = yield from _until_one_dies(work, queue, 1 if alone else workers)
        if alone:
            deaths.update(lost)
        elif lost and not _starts():
            raise NoWorkers(
                "worker processes do not start; in a script, call this below "
                "'if __name__ == \"__main__\":', or give workers=0"
            )
        for number in lost:
            if deaths[number] >= DEATHS:
                yield failed(number, f"its process died {DEATHS} times")
            else:
                suspects.append(number)


def _until_one_dies(
    work: Work[Row], queue: deque[int], workers: int
) -> Generator[Row, None, list[int]]:
    """Yield rows until the queue is empty or a process dies; return what was at work then."""
    with _pool(work, workers) as pool:
        at_work: dict[Future[Row], int] = {}
        broken = False
        while (queue and not broken) or at_work:
            try:
                while queue and len(at_work) < workers and not broken:
                    at_work[_submitted(pool, queue[0])] = queue[0]
                    queue.popleft()
            except BrokenProcessPool:
                broken = True
            done, _ = wait(at_work, return_when=FIRST_COMPLETED)
            if any(map(_died, done)):
                broken = True
                done, _ = wait(at_work)
            for future in [future for future in at_work if future in done and not _died(future)]:
                del at_work[future]
                yield future.result()
            if broken:
                return [*at_work.values()]
    return []


def _died(future: Future[Any]) -> bool:
    """Return whether a process died before the row was finished."""
    return isinstance(future.exception(), BrokenProcessPool)


def _starts() -> bool:
    """Return whether a process can be started at all."""
    with _pool(_ready, 1) as pool:
        try:
            return pool.submit(_row, 0).result() is True
        except BrokenProcessPool:
            return False


@contextmanager
def _pool(work: Work[Any], workers: int) -> Iterator[ProcessPoolExecutor]:
    """Keep a pool; whoever leaves early, Ctrl-C among them, does not wait for what is at work."""
    context = multiprocessing.get_context("spawn")
    end, line = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(end, work))
    finished = False
    try:
        with _one_thread_each():
            yield pool
        finished = True
    finally:
        if not finished:
            line.close()
        pool.shutdown(wait=True, cancel_futures=True)
        line.close()
        end.close()


def _submitted(pool: ProcessPoolExecutor, number: int) -> Future[Any]:
    """Hand out a number; a process that is started meanwhile does not hear Ctrl-C."""
    if not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_row, number)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_row, number)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(end: Connection, work: Work[Any]) -> None:
    """Make a process ready: it ends when nobody holds the other end of the line any more."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=partial(_end_with, end), daemon=True).start()


def _end_with(end: Connection) -> None:
    """End this process when the line is cut, whatever it does just then."""
    try:
        end.recv()
    except (EOFError, OSError):
        os._exit(1)


def _row(number: int) -> Any:
    """Make a row in a process that is ready."""
    return _work(number)


def _ready(number: int) -> bool:
    """Say that a process has started."""
    return True


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that are started meanwhile compute on one thread each."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _broken_off_by_interrupts() -> Iterator[None]:
    """Let Ctrl-C break a number off, where the optimiser alone would end it early."""
    usual = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or usual is not signal.default_int_handler:
        yield
        return

    def break_off(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, break_off)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
