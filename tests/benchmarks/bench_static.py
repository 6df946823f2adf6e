"""Static steering against plain enumeration: blocks and rows when needed against all at once.

Run as ``python tests/benchmarks/bench_static.py``.  The peer enumerates the order columns too and
hands every column and every load row of every state and hour to ``scipy.optimize.milp``; it is
stopped at its limit (``--peer-limit``).  Services share each region's CPU: "load" is the part of
the survivors' cores that the mean rate needs: 0.625 as the instances are described, 0.85 and 0.97
with smaller pools, which is ours.  At 0.97 the three of 20 × 500 × 5 have no plan, which the prices
of room prove in some 150 s.  Origins that cannot be split are measured at 0.625 alone.  Ratios are
of processor time, since the machine is shared; wall time stands beside the whole.  "Gap" is proven;
"first plan" says how much dearer the first plan is than the bound of the relaxation, "cuts" how
much rounding cuts raised it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from math import isnan

from generators import survivable_capacity
from measure import Figures, apart, machine, ours, peers, report
from peers import solve_enumeration
from phases import phases

from planner.errors import SolverStopped
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.problem.arrays import Problem
from planner.problem.build import build_problem

LIMIT_S = 30.0
OWN_LIMIT_S = 1500.0
"""Wall seconds that we have: the machine is shared, and processor time is what counts."""

SPLIT = (
    "taiwan",
    *(f"12 × 200 × 1, order 1, 0.625, seed {seed}" for seed in (1, 2, 3)),
    *(
        f"12 × 200 × 5, order 1, {load}, seed {seed}"
        for load in ("0.625", "0.85", "0.97")
        for seed in (1, 2, 3)
    ),
    *(f"12 × 200 × 5, order 2, 0.625, seed {seed}" for seed in (1, 2, 3)),
    *(f"12 × 200 × 5, order 2, 0.85, seed {seed}" for seed in (1, 2, 3)),
    *(f"12 × 200 × 5, order 2, 0.97, seed {seed}" for seed in (1, 2, 3)),
    *(
        f"20 × 500 × 5, order 2, {load}, seed {seed}"
        for load in ("0.625", "0.85")
        for seed in (1, 2, 3)
    ),
)
WITHOUT_PEER = ("20 ×",)
"""Sixty million entries each: the peer is not asked."""
LIMITS_S = {
    "order 1, 0.97": 60.0,
    "12 × 200 × 5, order 2": 120.0,
    "12 × 200 × 5, order 1, 0.625, seed 1, whole": 120.0,
    "8 × 60 × 2": 120.0,
    "20 ×": 300.0,
}
"""Wall seconds that we have ourselves where the gap asked for may be out of reach."""

WHOLE = (
    "8 × 60 × 1, order 1, 0.625, seed 1, whole",
    "8 × 60 × 1, order 1, 0.625, seed 2, whole",
    "8 × 60 × 1, order 1, 0.625, seed 3, whole",
    "8 × 60 × 2, order 1, 0.625, seed 1, whole",
    "12 × 200 × 5, order 1, 0.625, seed 1, whole",
)
PRICES = tuple(f"8 × 60 × 2, order 1, 0.625, seed {seed}" for seed in (1, 2, 3))
HEADER = (
    "| problem | gap asked | processor, s | wall, s | gap | MiB | peer, s on a core | its gap "
    "| MiB | its objective | ratio |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def gap_of(name: str) -> float:
    """Return the relative gap that a problem is solved to."""
    if name.startswith("20"):
        return 5e-3
    return 1e-3 if "× 5" in name else 1e-4


def drawn(name: str) -> Problem:
    """Return a problem by its name."""
    if name == "taiwan":
        scenario = read_scenario("taiwan")
        return build_problem(scenario, failure_states(scenario))
    size, order, load, seed, *whole = name.split(", ")
    regions, origins, services = (int(part) for part in size.split(" × "))
    share = 1 / 1.6 if load == "0.625" else float(load)
    depth, number = int(order.split()[-1]), int(seed.split()[-1])
    problem = survivable_capacity(
        number, regions, origins, services, depth, steering="static", load=share
    )
    return replace(problem, split_origins=not whole)


def line(name: str, mine: Figures | None, peer: Figures | None, limit_s: float) -> str:
    """Return one line of the table of both sides."""
    if mine is None or isnan(mine["seconds"]):
        return f"| {name} | {gap_of(name):g} | none within the limit | | | | | | | | |"
    text = (
        f"| {name} | {gap_of(name):g} | {mine['cpu_s']:.1f} | {mine['seconds']:.1f} "
        f"| {mine['gap']:.1e} | {mine['peak_mib']:.0f} | "
    )
    if limit_s <= 0 or peer is None:
        return text + ("not run" if limit_s <= 0 else f"ended at {limit_s:.0f}") + " | | | | |"
    stopped = peer["status"] != 0
    more = peer["objective"] / mine["objective"] - 1
    ratio = peer["cpu_s"] / mine["cpu_s"]
    return text + (
        f"{'stopped at ' if stopped else ''}{peer['cpu_s']:.0f} | {peer['gap']:.1e} "
        f"| {peer['peak_mib']:.0f} | {more:+.1e} | {'≥ ' if stopped else ''}{ratio:.1f}× |"
    )


def price_line(name: str, limit: list[str]) -> str:
    """Return what adaptive, split and whole steering cost, as intervals."""
    cells = []
    for kind in ("adaptive", "split", "whole"):
        found = apart(__file__, ["--only", kind, name, *limit], 600.0)
        cells.append(
            "none" if found is None else f"{found['bound']:,.0f} to {found['objective']:,.0f}"
        )
    return f"| {name} | " + " | ".join(cells) + " |"


def one(which: str, name: str, limit_s: float) -> None:
    """Measure one side of one problem in this process."""
    problem = drawn(name)
    try:
        _measure(which, name, problem, limit_s)
    except SolverStopped:
        none = float("nan")
        report({"seconds": none, "gap": none, "objective": none, "bound": none})


def _measure(which: str, name: str, problem: Problem, limit_s: float) -> None:
    if which == "peer":
        report(peers(solve_enumeration(problem, gap_of(name), limit_s)))
    elif which == "phases":
        report(phases(problem, gap_of(name)))
    elif which == "ours":
        limits = [limit for word, limit in LIMITS_S.items() if word in name]
        report(ours(problem, gap_of(name), limit_s=min([OWN_LIMIT_S, *limits])))
    else:
        if which == "adaptive":
            problem = replace(problem, steering="adaptive")
        problem = replace(problem, split_origins=which != "whole")
        report(ours(problem, 1e-4, limit_s=30.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-limit", type=float, default=LIMIT_S, help="seconds; 0: no peer")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        which, name = given.only
        one(which, name, given.peer_limit)
        return
    limit = ["--peer-limit", str(given.peer_limit)]
    print(
        f"{machine()}\n\ntaiwan: the shipped scenario, 4 regions × 47 origins × 3 services × 24 "
        "hours, 13 states; the others: regions × origins × services, one hour, loss of any regions "
        f'to the order; "whole": origins that cannot be split\n\n{HEADER}'
    )
    for name in (*SPLIT, *WHOLE):
        mine = apart(__file__, ["--only", "ours", name, *limit], OWN_LIMIT_S)
        run = given.peer_limit > 0 and not any(word in name for word in WITHOUT_PEER)
        peer = apart(__file__, ["--only", "peer", name, *limit], given.peer_limit) if run else None
        print(line(name, mine, peer, given.peer_limit if run else 0.0), flush=True)
    print(
        "\n| one service of | columns | with merged origins | load rows | columns, s | build, s "
        "| relaxation, s | cuts, s | cuts | first plan, s | first plan | branch, s | gap |\n|"
        + "---|"
        * 13
    )
    for name in (
        "12 × 200 × 1, order 1, 0.625, seed 1",
        "12 × 200 × 1, order 2, 0.625, seed 1",
        "20 × 500 × 1, order 2, 0.625, seed 1",
    ):
        f = apart(__file__, ["--only", "phases", name, *limit], 600.0) or {}
        print(
            f"| {name} | " + " | ".join(f"{value:.3g}" for value in list(f.values())[:12]) + " |",
            flush=True,
        )
    print(
        "\n| USD a month between bound and plan | adaptive | static, split | static, whole |\n"
        "|---|---|---|---|"
    )
    for name in PRICES:
        print(price_line(name, limit), flush=True)


if __name__ == "__main__":
    main()
