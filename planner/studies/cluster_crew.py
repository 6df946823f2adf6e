"""Work on many numbers by the workers of a Dask cluster (extra ``cluster``)."""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from planner.errors import NoWorkers
from planner.studies.local_crew import Failed, Row, Rows, Work

PATIENCE_S = 30.0
"""Seconds to wait for the scheduler, and then for a first worker."""

_AHEAD = 2
"""Numbers handed out for each thread of the cluster, so that none waits for the next."""


def rows_of_cluster(
    work: Work[Row],
    numbers: Sequence[int],
    scheduler: str,
    failed: Failed[Row],
    patience_s: float = PATIENCE_S,
) -> Rows[Row]:
    """Yield rows from the workers of a Dask cluster, as they are finished.

    Parameters
    ----------
    work : callable
        Number to row; made of functions of modules that the workers have.
    numbers : sequence of int
        What is to be done.
    scheduler : str
        Address of the scheduler, such as ``tcp://127.0.0.1:8786``.
    failed : callable
        Number and sentence to the row of what cannot be done.
    patience_s : float
        Seconds to wait for the scheduler, and then for a first worker.

    Yields
    ------
    Row
        One for each number.

    Raises
    ------
    NoWorkers
        If Dask is not installed, nobody answers, or the workers lack this package.

    Notes
    -----
    When a worker dies, the scheduler hands what it had to another one; a number whose worker dies
    again and again has failed (``distributed.scheduler.allowed-failures``).  Workers with one
    thread each are best: rows are computed in Python.
    """
    distributed = _distributed()
    client = _connected(distributed, scheduler, patience_s)
    waiting, at_work = deque(numbers), dict[str, int]()
    finished = distributed.as_completed(loop=client.loop)
    try:
        while waiting or at_work:
            while waiting and len(at_work) < _AHEAD * max(1, sum(client.nthreads().values())):
                number = waiting.popleft()
                future = client.submit(work, number, pure=False)
                at_work[future.key] = number
                finished.add(future)
            future = next(finished)
            yield _row(distributed, future, at_work.pop(future.key), failed)
    finally:
        finished.clear()
        client.close()


def _row(distributed: Any, future: Any, number: int, failed: Failed[Row]) -> Row:
    """Return the row of a finished future."""
    error = future.exception()
    if error is None:
        row: Row = future.result()
        return row
    if isinstance(error, distributed.KilledWorker):
        return failed(number, "its workers died again and again")
    raise NoWorkers(
        f"the cluster's workers cannot compute ({type(error).__name__}: {error}); "
        "install this version of planner on each"
    )


def _distributed() -> Any:
    """Load what talks to a cluster."""
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise NoWorkers(
            "a cluster needs dask.distributed; install it with: pip install 'planner[cluster]'"
        ) from None


def _connected(distributed: Any, scheduler: str, patience_s: float) -> Any:
    """Connect to a scheduler that has a worker at least."""
    try:
        # A client with an address that is none takes a minute to close, and then complains.
        distributed.comm.resolve_address(scheduler)
        client = distributed.Client(scheduler, timeout=patience_s, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise NoWorkers(f"no Dask scheduler answers at '{scheduler}': {error}") from None
    try:
        client.wait_for_workers(1, timeout=patience_s)
    except TimeoutError:
        client.close()
        raise NoWorkers(f"the Dask scheduler at '{scheduler}' has no workers") from None
    return client
