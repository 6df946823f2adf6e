"""Adaptive steering against the extensive form: minimum cuts against one flow copy a state.

Run as ``python tests/benchmarks/bench_adaptive.py``.  The peer is the same problem written out with
numpy and handed to ``scipy.optimize.milp`` with an equal relative gap; stopped at its limit it
counts as its limit.  The largest sizes have no peer: their extensive forms have millions of flows;
they are stopped at 120 s, the longest of their goals.
Phases of ours: until the relaxation breaks no cut, until the first plan, until the proof.  "Load"
is the part of the survivors' cores that the mean rate needs; by the hour the peaks lie up to 1.6
times higher, so the size with 24 hours is measured at 62.5 % alone.  Risk groups are ours: 3
regions each, drawn without replacement after all other draws.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from generators import survivable_capacity
from measure import HEADER, Figures, apart, machine, ours, peers, report, row
from peers import solve_extensive_form

from planner.errors import Infeasible, SolverStopped
from planner.optimization.optimize import solve
from planner.optimization.stopping import Standing
from planner.problem.arrays import Problem

GAP = 1e-4
LIMIT_S = 600.0
LARGE_LIMIT_S = 120.0
"""Seconds of the sizes without a peer: the longest of their goals."""


@dataclass(frozen=True)
class Size:
    """One size without a peer."""

    regions: int
    origins: int
    services: int
    order: int
    hours: int
    risk_groups: int
    latency: bool
    gap: float
    loads: tuple[float, ...]


SIZES = {
    "20 × 500 × 5, order 2": Size(20, 500, 5, 2, 1, 0, True, 1e-4, (1 / 1.6, 0.85, 0.97)),
    "50 × 2,000 × 3 × 24 h, N-1 and 15 risk groups": Size(
        50, 2000, 3, 1, 24, 15, False, 5e-3, (1 / 1.6,)
    ),
}
"""Regions × origins × services (× hours); capacity cost only where latency has no price."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--sizes", nargs="*", default=list(SIZES), help="of those without a peer")
    parser.add_argument(
        "--peer-limit",
        type=float,
        nargs="+",
        default=[LIMIT_S],
        help="seconds, one for each seed (the last one counts for the rest); 0 leaves the peer out",
    )
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--load", type=float, default=1 / 1.6, help=argparse.SUPPRESS)
    return parser.parse_args()


def small(seed: int) -> Problem:
    """Return the size that is measured against the peer."""
    return survivable_capacity(seed, 12, 200, 5, 2)


def large(size: Size, seed: int, load: float) -> Figures:
    """Solve one of the sizes without a peer, and when each phase ended."""
    problem = survivable_capacity(
        seed,
        size.regions,
        size.origins,
        size.services,
        size.order,
        size.hours,
        latency=size.latency,
        load=load,
        risk_groups=size.risk_groups,
    )
    started, cpu = time.perf_counter(), time.process_time()
    told: dict[str, float] = {}

    def watch(standing: Standing) -> None:
        told.setdefault("root_s", time.perf_counter() - started)
        if standing.objective is not None:
            told.setdefault("plan_s", time.perf_counter() - started)

    try:
        found = solve(problem, gap=size.gap, time_limit_s=LARGE_LIMIT_S, watch=watch)
    except Infeasible:
        return {"infeasible": 1.0, "seconds": time.perf_counter() - started}
    except SolverStopped:
        return {"no_plan": 1.0, "seconds": time.perf_counter() - started}
    return {
        **told,
        "seconds": time.perf_counter() - started,
        "own_cpu_s": time.process_time() - cpu,
        "objective": found.objective,
        "gap": found.gap,
    }


def one(given: argparse.Namespace) -> None:
    """Measure one side of one seed in this process."""
    seed = given.seeds[0]
    if given.only == "ours":
        report(ours(small(seed), GAP))
    elif given.only == "peer":
        report(peers(solve_extensive_form(small(seed), GAP, given.peer_limit[0])))
    else:
        report(large(SIZES[given.only], seed, given.load))


def side(which: str, seed: int, limit_s: float, load: float = 1 / 1.6) -> Figures | None:
    """Measure one side of one seed in a process of its own."""
    words = ["--only", which, "--seeds", str(seed), "--peer-limit", str(limit_s)]
    return apart(__file__, [*words, "--load", repr(load)], limit_s)


def line(name: str, load: float, asked: float, mine: Figures | None) -> str:
    """Return one line of the table of sizes without a peer."""
    start = f"| {name} | {load:.1%} | {asked:g} |"
    if mine is None or "gap" not in mine:
        what = "not within the limit" if mine is None else f"no plan, {mine['seconds']:.1f} s"
        if mine is not None and "infeasible" in mine:
            what = f"infeasible, {mine['seconds']:.1f} s"
        return f"{start} {what} | | | | | |"
    phases = " | ".join(f"{mine[name]:.1f}" for name in ("root_s", "plan_s", "seconds"))
    return (
        f"{start} {phases} | {mine['own_cpu_s']:.1f} | {mine['gap']:.1e} | {mine['peak_mib']:.0f} |"
    )


def main() -> None:
    given = arguments()
    if given.only:
        one(given)
        return
    limits = given.peer_limit + given.peer_limit[-1:] * len(given.seeds)
    print(
        f"{machine()}\n\n12 regions × 200 origins × 5 services, one hour, all states to order 2, "
        f"relative gap {GAP:g}\n\n{HEADER}"
    )
    for seed, limit_s in zip(given.seeds, limits, strict=False):
        mine = side("ours", seed, LIMIT_S)
        peer = side("peer", seed, limit_s) if limit_s > 0 else None
        print(row(f"seed {seed}", mine, peer, limit_s), flush=True)
    print(
        "\n| size | load | gap asked | relaxation, s | first plan, s | proof, s "
        "| of it on a core, s | gap | MiB |\n|---|---|---|---|---|---|---|---|---|"
    )
    for name in given.sizes:
        for load in SIZES[name].loads:
            for seed in given.seeds:
                found = side(name, seed, 2 * LARGE_LIMIT_S, load)
                print(line(f"{name}, seed {seed}", load, SIZES[name].gap, found), flush=True)


if __name__ == "__main__":
    main()
