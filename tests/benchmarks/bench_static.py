"""Static steering against plain enumeration: rows when they are needed against all at once.

Run as ``python tests/benchmarks/bench_static.py``.  Both sides enumerate the order columns; the
peer hands every column and every load row of every state and hour to ``scipy.optimize.milp``.
"""

from __future__ import annotations

import argparse

from generators import survivable_capacity
from measure import HEADER, apart, machine, ours, peers, report, row
from peers import solve_enumeration

from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.problem.arrays import Problem
from planner.problem.build import build_problem

GAP = 1e-4
LIMIT_S = 120.0
PROBLEMS = ("taiwan", "12 × 200 × 1, seed 1", "12 × 200 × 1, seed 2", "12 × 200 × 1, seed 3")


def drawn(name: str) -> Problem:
    """Return a problem by its name."""
    if name == "taiwan":
        scenario = read_scenario("taiwan")
        return build_problem(scenario, failure_states(scenario))
    return survivable_capacity(int(name.split()[-1]), 12, 200, 1, 1, steering="static")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-limit", type=float, default=LIMIT_S, help="seconds; 0: no peer")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        which, name = given.only
        problem = drawn(name)
        if which == "ours":
            report(ours(problem, GAP))
        else:
            report(peers(solve_enumeration(problem, GAP, given.peer_limit)))
        return
    print(
        f"{machine()}\n\ntaiwan: the shipped scenario, 4 regions × 47 origins × 3 services × 24 "
        "hours, 13 states, loss of any one region promised; the others: regions × origins × "
        f"services, one hour, loss of any one region; relative gap {GAP:g}\n\n{HEADER}"
    )
    limit = ["--peer-limit", str(given.peer_limit)]
    for name in PROBLEMS:
        mine = apart(__file__, ["--only", "ours", name, *limit], 600.0)
        run = given.peer_limit > 0
        peer = apart(__file__, ["--only", "peer", name, *limit], given.peer_limit) if run else None
        print(row(name, mine, peer, given.peer_limit), flush=True)


if __name__ == "__main__":
    main()
