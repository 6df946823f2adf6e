"""Thirty regions: columns priced in against plain enumeration.

Run as ``python tests/benchmarks/bench_priced.py``.  The shipped scenario `thirty-regions` (60
origins, 4 hours, every region admissible for most origins), promised for the loss of any one or any
two regions.  The peer enumerates every order column and hands all load rows of all states and hours
to ``scipy.optimize.milp`` with the same limit; for two lost regions that would be two billion
entries, and it is not run.  Both relaxations are ours: once with all orders listed, once priced in;
they must agree.  The plans are stopped at their limits: the gap is what is reported.
"""

from __future__ import annotations

import argparse
import time
from math import inf, isnan

import numpy as np
from measure import Figures, apart, machine, ours, peers, report
from peers import solve_enumeration

from planner.errors import SolverStopped
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.optimization.columns import order_columns
from planner.optimization.merged_program import steering_program
from planner.optimization.order_counts import order_counts, promised_depth
from planner.optimization.order_growth import priced_program
from planner.optimization.order_pool import OrderPool
from planner.optimization.relaxation import relax
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem
from planner.problem.build import build_problem

PLANS = (("N-1", 60.0, True), ("N-2", 60.0, False), ("N-2", 300.0, False))
"""Level, wall seconds, and whether the peer is asked."""

RELAXATION_S = 600.0


def drawn(level: str) -> Problem:
    """Return the problem in which any one or two regions may be lost."""
    scenario = read_scenario("thirty-regions")
    survive = scenario.policy.survive.model_copy(update={"regions": int(level[-1])})
    policy = scenario.policy.model_copy(update={"survive": survive})
    scenario = scenario.model_copy(update={"policy": policy})
    return build_problem(scenario, failure_states(scenario))


def relaxed(problem: Problem, *, priced: bool) -> Figures:
    """Solve the relaxation with columns priced in, or with all of them."""
    started = time.perf_counter()
    if priced:
        static = priced_program(problem, OrderPool.of(problem), 0)
    else:
        static = steering_program(problem, order_columns(problem), 0)
    result = relax(static, Stop(RELAXATION_S), 1e-6)
    return {
        "seconds": time.perf_counter() - started,
        "value": result.bound if result.status == "optimal" else inf,
        "columns": static.columns.host.size,
        "orders": float(order_counts(problem, promised_depth(problem) + 1).sum()),
    }


def one(which: str, level: str, limit_s: float) -> None:
    """Measure one thing in this process."""
    problem = drawn(level)
    if which in ("priced", "listed"):
        report(relaxed(problem, priced=which == "priced"))
    elif which == "peer":
        report(peers(solve_enumeration(problem, 1e-4, limit_s)))
    else:
        try:
            report(ours(problem, 1e-4, limit_s=limit_s))
        except SolverStopped:
            report({"seconds": np.nan, "gap": np.nan, "objective": np.nan, "bound": np.nan})


def relaxation_line(level: str, *, listed: bool) -> str:
    """Return one line of the table of relaxations."""
    priced = apart(__file__, ["--only", "priced", level, "0"], RELAXATION_S)
    every = apart(__file__, ["--only", "listed", level, "0"], RELAXATION_S) if listed else None
    if priced is None:
        return f"| {level} | none within the limit | | | | | | | |"
    text = (
        f"| {level} | {priced['orders']:,.0f} | {priced['value']:,.2f} | {priced['columns']:,.0f} "
        f"| {priced['seconds']:.1f} | {priced['peak_mib']:.0f} | "
    )
    if every is None:
        return text + "too many to list | | |"
    return text + f"{every['value']:,.2f} | {every['seconds']:.1f} | {every['peak_mib']:.0f} |"


def plan_line(level: str, limit_s: float, *, asked: bool) -> str:
    """Return one line of the table of plans."""
    mine = apart(__file__, ["--only", "ours", level, str(limit_s)], 2 * limit_s)
    peer = apart(__file__, ["--only", "peer", level, str(limit_s)], limit_s) if asked else None
    if mine is None or isnan(mine["objective"]):
        return f"| {level} | {limit_s:.0f} | none | | | | | | | |"
    text = (
        f"| {level} | {limit_s:.0f} | {mine['objective']:,.2f} | {mine['gap']:.1e} "
        f"| {mine['seconds']:.0f} | {mine['peak_mib']:.0f} | "
    )
    if not asked:
        return text + "not run | | | |"
    if peer is None:
        return text + "ended | | | |"
    more = peer["objective"] / mine["objective"] - 1
    return (
        text + f"{peer['gap']:.1e} | {more:+.1e} | {peer['seconds']:.0f} | {peer['peak_mib']:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        which, level, limit = given.only
        one(which, level, float(limit))
        return
    print(
        f"{machine()}\n\n| relaxation | orders at most | value priced in | columns | s | MiB "
        "| value of all listed | s | MiB |\n" + "|---" * 9 + "|"
    )
    for level, listed in (("N-1", True), ("N-2", False)):
        print(relaxation_line(level, listed=listed), flush=True)
    print(
        "\n| plan | limit, s | USD a month | gap | s | MiB | peer's gap | its objective | s | MiB "
        "|\n" + "|---" * 10 + "|"
    )
    for level, limit_s, asked in PLANS:
        print(plan_line(level, limit_s, asked=asked), flush=True)


if __name__ == "__main__":
    main()
