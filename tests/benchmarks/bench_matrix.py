"""Order columns and rows of 50 regions × 500 origins × 51 states against plain enumeration.

Run as ``python tests/benchmarks/bench_matrix.py``.  One service, one hour, every single region
lost; an origin may use its 6 nearest regions, or all 50.  Built are all order columns, who serves
each in every state, and the program with every load row in the solver.  The peer enumerates too and
holds every share in every load row (``tests/benchmarks/peers.py``), on its way to the same solver;
with all regions that would be 62 million entries, and it is not run.  Load rows over the flows of
equal orders need fewer.  The goal is 1.5 s and 0.6 GB.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from generators import survivable_capacity
from measure import Figures, apart, machine, report
from peers import solve_enumeration

from planner.optimization.columns import order_columns
from planner.optimization.static import static_program
from planner.problem.arrays import Problem

LIMIT_S = 120.0
SIZES = ("6 nearest", "all regions")


def drawn(size: str, seed: int = 1) -> Problem:
    """Return the problem, each origin with its 6 nearest regions or with all of them."""
    problem = survivable_capacity(seed, 50, 500, 1, 1, steering="static")
    if size == "6 nearest":
        return problem
    allowed = problem.region_up[:, None, None, :]
    return replace(
        problem,
        admissible=np.ones_like(problem.admissible),
        state_admissible=np.broadcast_to(allowed, problem.state_admissible.shape).copy(),
    )


def built(problem: Problem) -> Figures:
    """Build columns and program; the best of three, since others may use the machine."""
    return min(
        (_built_once(problem) for _ in range(3)), key=lambda f: f["columns_s"] + f["program_s"]
    )


def _built_once(problem: Problem) -> Figures:
    started = time.perf_counter()
    columns = order_columns(problem)
    listed = time.perf_counter()
    static = static_program(problem, columns, 0)
    return {
        "columns": columns.host.size,
        "rows": static.program.row_count,
        "columns_s": listed - started,
        "program_s": time.perf_counter() - listed,
    }


def line(size: str, mine: Figures | None, peer: Figures | None) -> str:
    """Return one line of the table."""
    if mine is None:
        return f"| {size} | did not end | | | | | | | |"
    total = mine["columns_s"] + mine["program_s"]
    text = (
        f"| {size} | {mine['columns']:,.0f} | {mine['rows']:,.0f} | {mine['columns_s']:.2f} "
        f"| {mine['program_s']:.2f} | {mine['peak_mib']:.0f} | "
    )
    if peer is None:
        return text + "not run | | |"
    return (
        text + f"{peer['build_s']:.2f} | {peer['peak_mib']:.0f} | {peer['build_s'] / total:.1f}× |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        which, size = given.only
        if which == "ours":
            report(built(drawn(size)))
        else:
            report({"build_s": solve_enumeration(drawn(size), 1.0, 1.0).build_s})
        return
    print(
        f"{machine()}\n\n| an origin may use | columns | rows | columns, s | program, s | MiB "
        "| peer builds, s | MiB, with a second of solving | ratio |\n|" + "---|" * 9
    )
    for size in SIZES:
        mine = apart(__file__, ["--only", "ours", size], LIMIT_S)
        peer = apart(__file__, ["--only", "peer", size], LIMIT_S) if size == SIZES[0] else None
        print(line(size, mine, peer), flush=True)


if __name__ == "__main__":
    main()
