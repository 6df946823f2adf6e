"""A sweep: many variants of a scenario, each optimised and judged, one row each."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

import pandas as pd

from planner.io.journal import Journal
from planner.model.scenario import Scenario, digest
from planner.model.variation import Variation
from planner.studies.cluster_crew import rows_of_cluster
from planner.studies.local_crew import Rows, cores, rows_here, rows_of_processes
from planner.studies.sweep_rows import (
    STATUSES,
    SweepJob,
    SweepRow,
    failed_row,
    row_of_entry,
    sweep_job,
    sweep_row,
)
from planner.studies.sweep_tables import driver_table, row_table
from planner.studies.variation import Variants, variants

JOURNAL = "rows.jsonl"
"""The file in a sweep's folder that holds every finished row."""


@dataclass(frozen=True)
class Pace:
    """How fast rows come.

    Attributes
    ----------
    rows : int
        Rows made in this run.
    wall_s : float
        Seconds from the start of the first one to the end of the last one.
    work_s : float
        Seconds that all of them took together, each on one core.
    """

    rows: int = 0
    wall_s: float = 0.0
    work_s: float = 0.0

    @property
    def rows_per_core_s(self) -> float:
        """Rows in a second of one core; 0 before the first."""
        return self.rows / self.work_s if self.work_s > 0 else 0.0

    def seconds_for(self, rows: int) -> float:
        """Return how long so many rows would take at this pace; 0 before the first.

        Examples
        --------
        >>> Pace(rows=4, wall_s=10.0, work_s=20.0).seconds_for(10_000)
        25000.0
        """
        return rows * self.wall_s / self.rows if self.rows else 0.0


@dataclass(frozen=True, eq=False)
class Sweep:
    """What came of the variants of a scenario.

    Attributes
    ----------
    scenario : Scenario
        The scenario that was varied.
    variants : Variants
        What each variant is.
    rows : tuple of SweepRow
        Those that are finished, by number.
    pace : Pace
        How fast those of this run came.
    interrupted : bool
        Whether somebody stopped it.
    """

    scenario: Scenario
    variants: Variants
    rows: tuple[SweepRow, ...]
    pace: Pace = field(default=Pace())
    interrupted: bool = False

    @property
    def table(self) -> pd.DataFrame:
        """One row a variant: values, status, figures, replicas; the same in every run."""
        return row_table(self.rows, self.variants.names)

    @property
    def timings(self) -> pd.DataFrame:
        """Seconds of each variant; never the same in two runs."""
        pairs = [(row.variant, row.seconds) for row in self.rows]
        return pd.DataFrame(pairs, columns=["variant", "seconds"])

    @property
    def drivers(self) -> pd.DataFrame:
        """Rank correlation of each varied field with the objective, and with having no plan."""
        return driver_table(self.rows, self.variants)

    @property
    def counts(self) -> dict[str, int]:
        """Number of variants by status, those that there are."""
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in STATUSES if found[status]}


def sweep_variants(
    scenario: Scenario,
    variation: Variation,
    *,
    folder: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    first: int | None = None,
    gap: float = 1e-3,
    time_limit_s: float = 60.0,
    seed: int = 0,
    start: Callable[[int], None] = lambda _: None,
    step: Callable[[Pace], None] = lambda _: None,
) -> Sweep:
    """Optimise and judge every variant of a scenario.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    variation : Variation
        What is varied, from `planner.io.variations.read_variation`.
    folder : path-like or str, optional
        Where finished rows are kept, so that another run goes on from there; nowhere without it.
    workers : int, optional
        Processes on this machine, by default one a core; 0 to compute in this process.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers compute instead.
    first : int, optional
        Only so many variants from the first on; all without it.
    gap : float
        Relative gap at which each optimisation stops.
    time_limit_s : float
        Seconds that each optimisation may take.
    seed : int
        Random seed of the solver.
    start : callable
        Told how many rows are to be made, before the first.
    step : callable
        Told the pace with every row.

    Returns
    -------
    Sweep
        Rows of all variants that are finished, of this run and of earlier ones in the folder.
        Ctrl-C ends it with what there is, marked as interrupted.

    Raises
    ------
    InvalidInput
        If the folder holds the rows of another sweep.
    NoWorkers
        If processes do not start, or the cluster cannot be used.
    BlockingIOError
        If another run writes to the folder.
    ValueError
        If the variation does not fit the scenario, or `workers` or `first` is out of range.

    Notes
    -----
    A row that is finished is on the disk before the next one begins to be written: a run that is
    killed loses what was at work and nothing else.  Rows that failed are made again by the next
    run.  Rows do not depend on who computes them, or in which order.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> grid = {"policy.survive.regions": [0, 4], "cost.preset": ["cost"]}
    >>> found = sweep_variants(read_scenario("taiwan"), Variation(grid=grid), workers=0, gap=0.1)
    >>> found.counts
    {'optimal': 1, 'invalid': 1}
    >>> found.rows[1].message
    'policy.survive.regions: 4 is outside [0, 3]'
    """
    if (workers is not None and workers < 0) or (first is not None and first < 1):
        raise ValueError("`workers` must be at least 0 and `first` at least 1")
    every = variants(scenario, variation)
    job = sweep_job(every, gap=gap, time_limit_s=time_limit_s, seed=seed)
    last = len(every) if first is None else min(first, len(every))
    with _journal(folder, scenario, variation, job) as journal:
        done = {row.variant: row for row in _finished(journal, every)}
        todo = [number for number in range(1, last + 1) if number not in done]
        start(len(todo))
        rows = _rows(job, todo, workers, scheduler)
        pace, interrupted = _collected(rows, done, journal, step)
    kept = tuple(done[number] for number in sorted(done) if number <= last)
    return Sweep(scenario, every, kept, pace, interrupted)


def _journal(
    folder: str | os.PathLike[str] | None, scenario: Scenario, variation: Variation, job: SweepJob
) -> AbstractContextManager[Journal | None]:
    """Open the journal of a folder."""
    if folder is None:
        return nullcontext()
    about = {
        "version": job.version,
        "scenario": digest(scenario),
        "variation": hashlib.sha256(job.variation.encode()).hexdigest(),
        "gap": job.gap,
        "time limit": job.time_limit_s,
        "seed": job.seed,
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Journal(Path(folder) / JOURNAL, about)


def _finished(journal: Journal | None, every: Variants) -> Iterator[SweepRow]:
    """Yield the rows that a journal holds, but those that failed or fit no variant."""
    for entry in journal.entries if journal is not None else ():
        number, key = entry.get("variant"), entry.get("key")
        if not isinstance(number, int) or not 1 <= number <= len(every):
            continue
        if key != every.key(number) or entry.get("status") == "failed":
            continue
        row = row_of_entry(entry, every.values(number))
        if row is not None:
            yield row


def _rows(
    job: SweepJob, todo: list[int], workers: int | None, scheduler: str | None
) -> Rows[SweepRow]:
    """Return who makes the rows."""
    work, failed = partial(sweep_row, job), partial(failed_row, job)
    if todo and scheduler is not None:
        return rows_of_cluster(work, todo, scheduler, failed)
    if workers == 0 or not todo:
        return rows_here(work, todo)
    return rows_of_processes(work, todo, min(workers or cores(), len(todo)), failed)


def _collected(
    rows: Rows[SweepRow],
    done: dict[int, SweepRow],
    journal: Journal | None,
    step: Callable[[Pace], None],
) -> tuple[Pace, bool]:
    """Take rows as they come, keep each, and stop where somebody wishes it."""
    pace, began = Pace(), 0.0
    try:
        with closing(rows):
            for row in rows:
                # In this order: interrupted in between, a row is not on the disk alone.
                done[row.variant] = row
                if journal is not None:
                    journal.append(row.entry())
                now = perf_counter()
                began = began or now - row.seconds
                pace = Pace(pace.rows + 1, now - began, pace.work_s + row.seconds)
                step(pace)
    except KeyboardInterrupt:
        return pace, True
    return pace, False
