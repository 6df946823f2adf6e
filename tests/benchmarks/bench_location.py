"""Facility location: prices, fixing and rows on demand against the strong formulation at once.

Run as ``python tests/benchmarks/bench_location.py``.  Files of OR-Library with known optima.  The
peer is the formulation with a row for every pair of facility and customer, built with numpy and
handed to HiGHS (highspy, one thread, presolve on), with an equal relative gap; stopped at its limit
(10 s unless ``--peer-limit`` says otherwise) it counts as its limit.  "Off" is how much our
objective differs from the known optimum.
"""

from __future__ import annotations

import argparse
import time

import highspy
import numpy as np
from measure import Figures, apart, machine, report
from or_library import LIBRARY, Instance, cap, names, pmed

from planner.optimization.location import solve
from planner.optimization.sites import sites

CAPA = ("8000", "10000", "12000", "14000")
PROVEN, NEAR, MEDIAN = 1e-6, 1e-2, 1e-3
LIMIT_S = 10.0
HEADER = (
    "| file | facilities × customers | gap asked | ours, s | MiB | gap | known optimum | off "
    "| all strong rows, s | its gap | its objective over ours | ratio |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def read(name: str) -> Instance:
    """Return an instance by its name; ``capa-8000`` is capa at that capacity."""
    if name.startswith("pmed"):
        return pmed(name)
    file, _, capacity = name.partition("-")
    return cap(file, float(capacity) if capacity else None)


def ours(instance: Instance, gap: float) -> Figures:
    """Solve with the planner."""
    started = time.perf_counter()
    found = solve(
        instance.fixed_cost,
        instance.capacity,
        instance.demand,
        instance.assignment_cost,
        open_count=instance.open_count,
        gap=gap,
        time_limit_s=180.0,
    )
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "objective": found.objective, "gap": found.gap}


def strong(instance: Instance, gap: float, limit_s: float) -> Figures:
    """Hand the whole strong formulation to HiGHS."""
    started = time.perf_counter()
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("time_limit", limit_s)
    solver.passModel(written_out(instance))
    solver.run()
    info = solver.getInfo()
    value, bound = info.objective_function_value, info.mip_dual_bound
    stopped = solver.getModelStatus() == highspy.HighsModelStatus.kTimeLimit
    return {
        "seconds": time.perf_counter() - started,
        "objective": value,
        "gap": (value - bound) / abs(value) if np.isfinite(value) else np.inf,
        "stopped": float(stopped),
    }


def written_out(instance: Instance) -> highspy.HighsLp:
    """Write all columns (openings, then facility by facility the shares) and rows by column."""
    problem = sites(
        instance.fixed_cost,
        instance.capacity,
        instance.demand,
        instance.assignment_cost,
        instance.open_count,
    )
    places, customers = problem.cost.shape
    pairs = places * customers
    # Rows: pairs (strong), then customers, capacities, and the count of open facilities.
    share = np.arange(pairs)
    at_share = np.stack([share, pairs + share % customers, pairs + customers + share // customers])
    size = np.stack([np.ones(pairs), np.ones(pairs), np.tile(problem.demand, places)])
    of_open = np.concatenate(
        [
            share.reshape(places, customers),
            (pairs + customers + np.arange(places))[:, None],
            np.full((places, 1), pairs + customers + places),
        ],
        axis=1,
    )
    open_size = np.concatenate(
        [-np.ones((places, customers)), -problem.capacity[:, None], np.ones((places, 1))], axis=1
    )
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = places + pairs, pairs + customers + places + 1
    lp.col_cost_ = np.concatenate([problem.fixed_cost, problem.cost.ravel()])
    lp.col_lower_, lp.col_upper_ = np.zeros(lp.num_col_), np.ones(lp.num_col_)
    one, none = np.ones(customers), np.full(pairs, -np.inf)
    lp.row_lower_ = np.concatenate([none, one, np.full(places, -np.inf), [problem.fewest]])
    lp.row_upper_ = np.concatenate([np.zeros(pairs), one, np.zeros(places), [problem.most]])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.concatenate(
        [np.arange(places) * (customers + 2), places * (customers + 2) + 3 * np.arange(pairs + 1)]
    )
    lp.a_matrix_.index_ = np.concatenate([of_open.ravel(), at_share.T.ravel()])
    lp.a_matrix_.value_ = np.concatenate([open_size.ravel(), size.T.ravel()])
    kinds = [highspy.HighsVarType.kInteger] * places + [highspy.HighsVarType.kContinuous] * pairs
    lp.integrality_ = kinds
    return lp


def line(name: str, gap: float, peer_limit_s: float) -> tuple[str, float]:
    """Return a line of the table and our seconds."""
    instance = read(name)
    asked = ["--gap", str(gap)]
    mine = apart(__file__, ["--side", "ours", name, *asked], 180.0)
    if mine is None:
        return f"| {instance.name} | | {gap:g} | not within the limit | | | | | | | | |", 180.0
    size = f"{instance.fixed_cost.size} × {instance.demand.size}"
    text = (
        f"| {instance.name} | {size} | {gap:g} | {mine['seconds']:.2f} | {mine['peak_mib']:.0f} "
        f"| {mine['gap']:.1e} | {instance.optimum:.3f} "
        f"| {mine['objective'] / instance.optimum - 1:+.1e} | "
    )
    if peer_limit_s <= 0:
        return text + "not run | | | |", mine["seconds"]
    limit = ["--peer-limit", str(peer_limit_s)]
    peer = apart(__file__, ["--side", "peer", name, *asked, *limit], peer_limit_s)
    if peer is None or peer["stopped"]:
        ratio, end = f"≥ {peer_limit_s / mine['seconds']:.0f}×", f"stopped at {peer_limit_s:.0f}"
    else:
        ratio, end = f"{peer['seconds'] / mine['seconds']:.1f}×", f"{peer['seconds']:.2f}"
    if peer is None or not np.isfinite(peer["gap"]):
        return text + f"{end} | | none | {ratio} |", mine["seconds"]
    over = peer["objective"] / mine["objective"] - 1
    return text + f"{end} | {peer['gap']:.1e} | {over:+.1e} | {ratio} |", mine["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-limit", type=float, default=LIMIT_S, help="seconds; 0: no peer")
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--gap", type=float, default=PROVEN, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        which, name = given.side
        instance = read(name)
        mine = which == "ours"
        figures = (
            ours(instance, given.gap) if mine else strong(instance, given.gap, given.peer_limit)
        )
        report(figures)
        return
    if not LIBRARY.is_dir():
        print("The files of OR-Library (../shared/benchmarks) are not here: nothing measured.")
        return
    small = [(name, PROVEN) for name in names("cfl") if name != "capa"]
    large = [("capa-8000", NEAR), *((f"capa-{capacity}", PROVEN) for capacity in CAPA)]
    medians = [(name, MEDIAN) for name in names("pmedian")]
    print(f"{machine()}\n\n{HEADER}")
    total = 0.0
    for name, gap in [*small, *large, *medians]:
        text, seconds = line(name, gap, given.peer_limit)
        total += seconds if (name, gap) in small else 0.0
        print(text, flush=True)
    print(f"\nAll {len(small)} small cap files together: {total:.2f} s.")


if __name__ == "__main__":
    main()
