"""Near backups: of all shares and orders that cost the same, those that fail over nearest.

The objective looks at latency with everything up; who takes over when a region is lost is free as
long as capacity allows, so the solver picks any.  A second step keeps the replicas and the cost and
minimises the demand-weighted round trip over the other promised states, each counted alike.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.candidates import Candidate, clean, judged
from planner.optimization.master import fixed_and_replica_usd
from planner.optimization.milp import MilpResult
from planner.optimization.relaxation import add_missing_rows, left_s
from planner.optimization.rows import rows
from planner.optimization.static import StaticProgram
from planner.problem.arrays import Floats

_ROUNDS = 20


def near_backups(
    static: StaticProgram, found: Candidate, limit: float, gap: float, deadline: float
) -> Candidate:
    """Return a candidate with the same replicas that fails over to nearer regions.

    Minimised is the demand-weighted round trip over the promised states other than the normal one,
    each counted alike, while shares cost no more than before.

    Parameters
    ----------
    static : StaticProgram
        The program; it is left as it was but for rows that were missing.
    found : Candidate
        The best candidate.
    limit : float
        What the result may cost at most, US dollars a month.
    gap : float
        Relative gap asked for.
    deadline : float
        Time, as `time.perf_counter`, at which to stop.

    Returns
    -------
    Candidate
        `found` where nothing nearer was proven to hold.

    Notes
    -----
    States count alike whatever their probability, and what is not promised is not looked at.  Where
    origins cannot be split nothing is done: the second step would be a search of its own.
    """
    problem, program = static.problem, static.program
    if not problem.split_origins or problem.must_survive.sum() < 2:
        return found
    n = static.master.replicas.ravel()
    low, high = program.bounds(n)
    program.bound_columns(n, found.replicas.ravel(), found.replicas.ravel())
    paid = found.objective - sum(fixed_and_replica_usd(problem, found.replicas))
    steering = np.setdiff1d(np.arange(program.columns), _master_columns(static))
    cost = program.cost
    ceiling = program.add_rows(
        rows(-np.inf, paid, np.zeros(steering.size), steering, cost[steering])
    )
    program.price_columns(np.arange(program.columns), _backup_price(static))
    result = _solve(static, gap * abs(found.objective) / 3, deadline)
    program.price_columns(np.arange(program.columns), program.cost)
    program.bound_rows(ceiling, -np.inf, np.inf)
    program.bound_columns(n, low, high)
    if result.x is None:
        return found
    nearer = judged(static, found.replicas, clean(static, result.x[static.share]))
    return nearer if nearer is not None and nearer.objective <= limit else found


def _master_columns(static: StaticProgram) -> np.ndarray:
    """Return the columns whose cost the replicas decide."""
    master = static.master
    return np.concatenate([master.active, master.runs.ravel(), master.replicas.ravel()])


def _backup_price(static: StaticProgram) -> Floats:
    """Return the mean round trip of each share over the other promised states, ms; 0 elsewhere."""
    problem, columns = static.problem, static.columns
    states = np.flatnonzero(problem.must_survive)[1:]
    serve = columns.serve[states]
    rtt = problem.state_rtt_ms[states[:, None], columns.origin, serve].mean(axis=0)
    weight = np.zeros((len(problem.axes.hosts), len(problem.axes.origins)))
    mean_rps = problem.demand_rps.mean(axis=2)
    np.add.at(weight, problem.host_of_service, mean_rps / max(mean_rps.sum(), 1e-300))
    price = np.zeros(static.program.columns)
    price[static.share] = rtt * weight[columns.host, columns.origin]
    return price


def _solve(static: StaticProgram, slack_usd: float, deadline: float) -> MilpResult:
    """Solve with the prices in place, adding rows that are missing."""
    result = static.program.relaxation(left_s(deadline))
    for _ in range(_ROUNDS):
        if result.status != "optimal" or result.x is None:
            break
        if not add_missing_rows(static, result.x, slack_usd):
            break
        result = static.program.relaxation(left_s(deadline))
    return result
