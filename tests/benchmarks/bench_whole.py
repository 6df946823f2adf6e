"""Whole origins in fuller pools: exact plans against plain enumeration.

Run as ``python tests/benchmarks/bench_whole.py``.  8 regions × 60 origins × 1 service, any one
region lost, origins that cannot be split, drawn as for static steering with smaller pools, which is
ours: the mean rate needs 85 or 97 % of the survivors' cores.  (At 62.5 % they are measured with
static steering.)  The peer enumerates the order columns too, and hands everything to
``scipy.optimize.milp``; it is stopped at its limit.  "No plan" is proven.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from generators import survivable_capacity
from measure import Figures, apart, machine, ours, peers, report
from peers import solve_enumeration

from planner.errors import Infeasible, SolverStopped
from planner.problem.arrays import Problem

GAP = 1e-4
OWN_LIMIT_S, PEER_LIMIT_S = 900.0, 30.0
LOADS, SEEDS = (0.85, 0.97), (1, 2, 3)


def drawn(load: float, seed: int) -> Problem:
    """Return the problem of a load and a seed."""
    problem = survivable_capacity(seed, 8, 60, 1, 1, steering="static", load=load)
    return replace(problem, split_origins=False)


def own(problem: Problem) -> Figures:
    """Solve; infinite costs stand for a proof that there is no plan, none for no plan in time."""
    started = time.perf_counter()
    try:
        return ours(problem, GAP, limit_s=OWN_LIMIT_S)
    except Infeasible:
        usd = np.inf
    except SolverStopped:
        usd = np.nan
    return {"seconds": time.perf_counter() - started, "objective": usd, "gap": 0.0}


def one(which: str, load: float, seed: int) -> None:
    """Measure one side of one problem in this process."""
    problem = drawn(load, seed)
    report(
        own(problem) if which == "ours" else peers(solve_enumeration(problem, GAP, PEER_LIMIT_S))
    )


def line(load: float, seed: int) -> str:
    """Return one line of the table."""
    mine, peer = (
        apart(__file__, ["--only", which, str(load), str(seed)], limit)
        for which, limit in (("ours", OWN_LIMIT_S), ("peer", PEER_LIMIT_S))
    )
    text = f"| {load:.0%} | {seed} "
    if mine is None or np.isnan(mine["objective"]):
        text += "| none in time | | | "
    elif np.isinf(mine["objective"]):
        text += f"| no plan | {mine['seconds']:.0f} | {mine['peak_mib']:.0f} "
    else:
        text += f"| {mine['gap']:.1e} | {mine['seconds']:.0f} | {mine['peak_mib']:.0f} "
    if mine is None or peer is None:
        return text + "| ended | | |"
    if not np.isfinite(peer["objective"]):
        return text + f"| no point | {peer['seconds']:.0f} | |"
    more = peer["objective"] / mine["objective"] - 1
    return text + f"| {peer['gap']:.1e} | {peer['seconds']:.0f} | {more:+.1e} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        which, load, seed = given.only
        one(which, float(load), int(seed))
        return
    print(
        f"{machine()}\n\nRelative gap asked for: {GAP:g}; limits: {OWN_LIMIT_S:.0f} s, the peer "
        f"{PEER_LIMIT_S:.0f} s.\n\n| load | seed | gap | s | MiB | peer's gap | s | its objective "
        "|\n" + "|---" * 8 + "|"
    )
    for load in LOADS:
        for seed in SEEDS:
            print(line(load, seed), flush=True)


if __name__ == "__main__":
    main()
