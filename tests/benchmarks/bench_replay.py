"""Replay of 1,000 failure states against plain Python loops: loads, shedding and means.

Run as ``python tests/benchmarks/bench_replay.py``.  1,000 states × 50 regions × 500 origins × 3
services, one hour, static orders of four regions, a fifth of the origins split in two, one to three
regions down in each state, detours and cuts.  The first peer visits every cell of services ×
origins × regions (``tests/oracles/replay_cells.py``); the second knows that most cells are empty
and follows the streams of requests only (``replay_loop.py``, ``means_loop.py``).  Each runs some
of the states, its time is scaled to all of them, and "apart" is the largest difference of its
answers from ours on the sample, in parts of the largest value: what is taken, what is lost by
cause, means by origin and region.  Percentiles are timed on a sample of the states too.
"""

from __future__ import annotations

import argparse
import sys
import time
import types
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from failing import failing
from measure import apart, machine, report

from planner.problem.arrays import Problem, Solution
from planner.simulation.distribution import distribution
from planner.simulation.means import Means, means
from planner.simulation.replay import simulate
from planner.simulation.setting import Setting
from planner.simulation.steady import Steady, steady_state

SIZE = (1000, 50, 500, 3)
SAMPLE, QUANTILE_SAMPLE = 8, 20
ROUNDS = 3


def oracle(name: str) -> Any:
    """Import an oracle by its file: another distribution ships a package named ``tests``."""
    package = types.ModuleType("tests")
    package.__path__ = [str(Path(__file__).parents[1])]
    sys.modules["tests"] = package
    return import_module(f"tests.oracles.{name}")


def ours(problem: Problem, solution: Solution) -> tuple[Steady, Means]:
    """Load the regions, shed, and take means."""
    shape = (len(problem.axes.states), *solution.replicas.shape)
    replicas = np.broadcast_to(solution.replicas, shape)
    steady = steady_state(Setting(problem, replicas, True, False), solution)
    return steady, means(problem, replicas, steady.flows)


def measure_ours(problem: Problem, solution: Solution) -> None:
    """Print the best time of several rounds."""
    took = np.inf
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ours(problem, solution)
        took = min(took, time.perf_counter() - started)
    report({"seconds": took})


def sample_of(problem: Problem, size: int) -> list[int]:
    """Return some states, evenly spaced."""
    spaced = np.linspace(0, len(problem.axes.states) - 1, size)
    return [int(k) for k in spaced]


def measure_cells(problem: Problem, solution: Solution) -> None:
    """Print the time of the loop over all cells on a sample, and how far apart the answers are."""
    replay_state, sample = oracle("replay_cells").replay_state, sample_of(problem, SAMPLE)
    started = time.perf_counter()
    cells = {k: replay_state(problem, solution, k) for k in sample}
    took = time.perf_counter() - started
    steady, mean = ours(problem, solution)
    off = 0.0
    for k, plain in cells.items():
        regions = problem.region_up.shape[1]
        lost = steady.lost
        elsewhere = lost.no_region[k] + lost.cut[k] + lost.inadmissible[k]
        for mine, other in (
            (steady.flows.dense_rps(k, problem.demand_rps, regions), plain.carried_rps),
            (elsewhere, plain.lost_rps["elsewhere"]),
            (lost.capacity[k], plain.lost_rps["capacity"]),
            (lost.uplink[k], plain.lost_rps["uplink"]),
            (np.nan_to_num(mean.origin_ms[k]), np.nan_to_num(plain.origin_ms)),
            (np.nan_to_num(mean.region_ms[k]), np.nan_to_num(plain.region_ms)),
        ):
            off = max(off, _difference(mine, other))
    report({"seconds": took * len(problem.axes.states) / len(sample), "apart": off})


def measure_streams(problem: Problem, solution: Solution) -> None:
    """Print the time of the loop over streams on a sample, and how far apart the answers are."""
    replay, loop_means = oracle("replay_loop").replay, oracle("means_loop").means
    sample = sample_of(problem, SAMPLE)
    started = time.perf_counter()
    loop = replay(problem, solution, states=sample)
    by_origin, by_region = loop_means(problem, loop)
    took = time.perf_counter() - started
    steady, mean = ours(problem, solution)
    off = 0.0
    for k in sample:
        regions = problem.region_up.shape[1]
        mine = steady.flows.dense_rps(k, problem.demand_rps, regions)
        off = max(off, _apart(mine, {at[1:]: v for at, v in loop.taken.items() if at[0] == k}))
        for cause, lost in loop.lost.items():
            table = getattr(steady.lost, cause)[k]
            off = max(off, _apart(table, {at[1:]: v for at, v in lost.items() if at[0] == k}))
        for table, sums in ((mean.origin_ms, by_origin), (mean.region_ms, by_region)):
            known = {at[1:]: t / n for at, (t, n) in sums.items() if at[0] == k}
            off = max(off, _apart(np.nan_to_num(table[k]), known))
    report({"seconds": took * len(problem.axes.states) / len(sample), "apart": off})


def _apart(table: np.ndarray, found: dict[tuple[int, ...], float]) -> float:
    """Return the largest difference from values by place."""
    plain = np.zeros_like(table)
    for place, value in found.items():
        plain[place] += value
    return _difference(table, plain)


def _difference(table: np.ndarray, plain: np.ndarray) -> float:
    """Return the largest difference, in parts of the largest value."""
    return float(np.abs(table - plain).max() / max(np.abs(plain).max(), 1e-3))


def measure_percentiles(problem: Problem, solution: Solution) -> None:
    """Print the time of mean, percentiles and shares in time of a sample, by all groups."""
    assessment, sample = simulate(problem, solution), sample_of(problem, QUANTILE_SAMPLE)
    started = time.perf_counter()
    distribution(problem, assessment, states=sample)
    took = time.perf_counter() - started
    report({"seconds": took * len(problem.axes.states) / len(sample)})


RUNS = {
    "ours": measure_ours,
    "cells": measure_cells,
    "streams": measure_streams,
    "percentiles": measure_percentiles,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=RUNS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        RUNS[given.only](*failing(1, *SIZE))
        return
    found = {name: apart(__file__, ["--only", name], 600.0) for name in RUNS}
    figures = {name: x for name, x in found.items() if x is not None}
    mine = figures["ours"]["seconds"]
    print(
        f"{machine()}\n\n| | seconds | peak MiB | ratio | apart |\n|---|---|---|---|---|\n"
        f"| loads, shedding, means | {mine:.2f} | {figures['ours']['peak_mib']:.0f} | | |"
    )
    for name in ("cells", "streams"):
        took, off = figures[name]["seconds"], figures[name]["apart"]
        print(
            f"| loop over {name}, scaled from {SAMPLE} states | {took:.0f} | "
            f"| {took / mine:.0f}× | {off:.1e} |"
        )
    late = figures["percentiles"]
    print(
        "| p50, p90, p95, p99 and shares in time, by origin, region and service, scaled from "
        f"{QUANTILE_SAMPLE} states | {late['seconds']:.0f} | {late['peak_mib']:.0f} | | |"
    )


if __name__ == "__main__":
    main()
