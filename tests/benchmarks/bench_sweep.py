"""Many variants of the Taiwan scenario: rows a second and core, and two processes against one.

Run as ``python tests/benchmarks/bench_sweep.py``; ``--many 0`` leaves the long run at the end out,
which takes more than twenty minutes on two cores. The variants are the first of
``datasets/taiwan/sweep.yaml``: demand, growth, round trips, prices and failure rates drawn at once,
each optimised to a relative gap of 1e-3 and judged. Wall time counts from the start of the first
row to the end of the last one, so without the second or two in which processes start; processor
time is that of all processes. "Scaling" is the wall time of one process over that of so many, on
the same variants; the goal of two is 1.7. On a machine that is busy otherwise wall time says
little. What would be left of it on a free one is the product of two figures that other work does
not touch: the part of the wall time in which processes are at work, and the processor time of a row
of one process over that of many.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from resource import RUSAGE_CHILDREN, getrusage

from measure import machine

import planner.studies.sweep_rows as rows
from planner.cli.sweep_text import duration
from planner.io.scenarios import beside, read_scenario
from planner.io.variations import read_variation
from planner.model.scenario import Scenario
from planner.model.variation import Variation
from planner.studies.sweep import Pace, sweep_variants
from planner.studies.variation import variants

MANY = 10_000


def taiwan() -> tuple[Scenario, Variation]:
    """Return the scenario and what is varied."""
    scenario = read_scenario("taiwan")
    return scenario, read_variation(beside("taiwan", "sweep.yaml"), scenario)


def swept(count: int, workers: int) -> Run:
    """Sweep over the first variants."""
    before = getrusage(RUSAGE_CHILDREN)
    found = sweep_variants(*taiwan(), first=count, workers=workers)
    after = getrusage(RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(workers, found.pace, found.counts, cpu_s)


@dataclass(frozen=True)
class Run:
    """A sweep by some processes."""

    workers: int
    pace: Pace
    counts: dict[str, int]
    cpu_s: float

    @property
    def busy_share(self) -> float:
        """Part of the wall time in which a process is at work."""
        return self.pace.work_s / self.pace.wall_s / self.workers

    def free_scaling(self, one: Run) -> float:
        """Scaling that is left when nobody else works on the machine, at most that many."""
        dearer = max(1.0, self.cpu_s / one.cpu_s)
        return self.workers * min(1.0, self.busy_share / one.busy_share) / dearer


HEAD = (
    "| processes | variants | outcomes | wall, s | processor, s a row | rows a second "
    "| a second and process | at work | scaling | on a free machine | 10,000 would take |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def line(run: Run, one: Run | None) -> str:
    """Return one line of the table; no scaling without a run of one process on the same."""
    scaling = " | | | " if one is None else f" | {scaled(run, one)} | "
    pace, rate = run.pace, run.pace.rows / run.pace.wall_s
    outcomes = ", ".join(f"{count} {status}" for status, count in run.counts.items())
    return (
        f"| {run.workers} | {pace.rows:,} | {outcomes} | {pace.wall_s:.1f} "
        f"| {run.cpu_s / pace.rows:.2f} | {rate:.2f} | {rate / run.workers:.2f} "
        f"| {run.busy_share:.1%}{scaling}{duration(pace.seconds_for(MANY))} |"
    )


def scaled(run: Run, one: Run) -> str:
    """Return how much faster some processes are than one, as measured and on a free machine."""
    return f"{one.pace.wall_s / run.pace.wall_s:.2f}× | {run.free_scaling(one):.2f}×"


class Stopwatch:
    """Processor time by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def running(self, step: str) -> Iterator[None]:
        began = time.process_time()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + time.process_time() - began

    def around(self, step: str, function: Callable[..., object]) -> Callable[..., object]:
        def timed(*arguments: object, **settings: object) -> object:
            with self.running(step):
                return function(*arguments, **settings)

        return timed


STEPS = ("checked_variant", "failure_states", "build_problem", "solve", "judge")


def steps(count: int) -> dict[str, float]:
    """Return processor seconds a row by step, in this process, after a first row has warmed up."""
    scenario, variation = taiwan()
    job = rows.sweep_job(variants(scenario, variation), gap=1e-3, time_limit_s=60.0, seed=0)
    rows.sweep_row(job, 1)
    watch = Stopwatch()
    for step in STEPS:
        setattr(rows, step, watch.around(step, getattr(rows, step)))
    with watch.running("all"):
        for number in range(1, count + 1):
            rows.sweep_row(job, number)
    return {step: seconds / count for step, seconds in watch.seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60, help="variants with each number of them")
    parser.add_argument("--many", type=int, default=1000, help="variants with most of them at last")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes")
    given = parser.parse_args()
    print(f"{machine()}\n\n{HEAD}")
    one = None
    for workers in given.workers:
        run = swept(given.count, workers)
        one = one or run
        print(line(run, one), flush=True)
    if given.many:
        print(line(swept(given.many, max(given.workers)), None), flush=True)
    few = min(given.count, 20)
    spent = steps(few)
    print(f"\nProcessor time of a row, mean over the first {few}:\n")
    print("| step | s a row | share |\n|---|---|---|")
    for step in (*STEPS, "all"):
        print(f"| {step} | {spent[step]:.3f} | {spent[step] / spent['all']:.0%} |")


if __name__ == "__main__":
    main()
