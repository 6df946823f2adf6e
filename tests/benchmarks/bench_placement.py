"""Demand placed on regions with capacities, against the full linear program in HiGHS.

Run as ``python tests/benchmarks/bench_placement.py``.  The peer is the same problem with all pairs
as columns, built with numpy and handed to the same HiGHS on one thread. The goals, at gap 1e-6: 3 s
at 85 % and 8 s at 97 % of capacity for 10,000 origins × 100 regions, at least 4 times faster than
the peer; 90 s and 2 GB for 100,000 × 200, where the peer is not run. Memory is the peak of the
whole process, drawing the instance included.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from measure import Figures, apart, machine, report

from planner.optimization.milp import Milp
from planner.optimization.rows import Floats, rows
from planner.optimization.stopping import Stop
from planner.optimization.transport import place

LIMIT_S = 120.0
CASES = [(10_000, 100, load, seed) for load in (85, 97) for seed in (1, 2, 3)]
CASES += [(100_000, 200, 85, 1), (100_000, 200, 97, 1)]
HEADER = (
    "| origins × regions, load, seed | ours, s | gap | pairs in the program | MiB | peer, s "
    "| MiB | peer's objective | ratio |\n|---|---|---|---|---|---|---|---|---|"
)


def drawn(origins: int, regions: int, load: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return demand, capacity and round trips of an instance with `load` % of its capacity used."""
    rng = np.random.default_rng(seed)
    region, origin = rng.random((regions, 2)), rng.random((origins, 2))
    across = np.subtract.outer(origin[:, 0], region[:, 0])
    rtt: Floats = 200 * np.hypot(across, np.subtract.outer(origin[:, 1], region[:, 1])) + 5
    demand, size = rng.lognormal(0, 1.5, origins), rng.lognormal(0, 0.7, regions)
    return demand, size * demand.sum() / (load / 100) / size.sum(), rtt


def ours(demand: Floats, capacity: Floats, cost: Floats) -> Figures:
    """Place the demand and return time, value, gap and size."""
    started = time.perf_counter()
    found = place(demand, capacity, cost)
    return {
        "seconds": time.perf_counter() - started,
        "objective": found.objective,
        "gap": found.gap,
        "columns": found.columns,
    }


def peer(demand: Floats, capacity: Floats, cost: Floats) -> Figures:
    """Solve the program with all pairs and return time and value."""
    started = time.perf_counter()
    origins, regions = cost.shape
    program = Milp()
    pair = program.add_columns(cost.ravel(), 0.0, np.inf)
    origin, region = np.repeat(np.arange(origins), regions), np.tile(np.arange(regions), origins)
    one = np.ones(pair.size)
    program.add_rows(rows(demand, demand, origin, pair, one))
    program.add_rows(rows(np.full(regions, -np.inf), capacity, region, pair, one))
    found = program.relaxation(Stop(LIMIT_S))
    seconds = time.perf_counter() - started
    done = found.status == "optimal"
    return {"seconds": seconds, "objective": found.objective if done else np.inf, "done": done}


def line(name: str, mine: Figures | None, other: Figures | None) -> str:
    """Return one line of the table."""
    if mine is None:
        return f"| {name} | not within the limit | | | | | | | |"
    text = (
        f"| {name} | {mine['seconds']:.2f} | {mine['gap']:.1e} | {mine['columns']:.0f} "
        f"| {mine['peak_mib']:.0f} | "
    )
    if other is None:
        return text + "not run | | | |"
    ratio = other["seconds"] / mine["seconds"]
    if not other["done"]:
        return (
            text
            + f"stopped at {other['seconds']:.0f} | {other['peak_mib']:.0f} | | ≥ {ratio:.0f}× |"
        )
    worse = other["objective"] / mine["objective"] - 1
    return text + (
        f"{other['seconds']:.1f} | {other['peak_mib']:.0f} | {worse:+.1e} | {ratio:.0f}× |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        instance = drawn(*(int(word) for word in given.only[1:]))
        report(ours(*instance) if given.only[0] == "ours" else peer(*instance))
        return
    print(f"{machine()}\n\n{HEADER}")
    for case in CASES:
        words = [str(word) for word in case]
        name = f"{case[0]:,} × {case[1]}, {case[2]} %, {case[3]}"
        mine = apart(__file__, ["--only", "ours", *words], 600.0)
        full = case[0] <= 10_000
        other = apart(__file__, ["--only", "peer", *words], 2 * LIMIT_S) if full else None
        print(line(name, mine, other), flush=True)


if __name__ == "__main__":
    main()
