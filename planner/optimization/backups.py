"""Near backups: of all shares and orders that cost the same, those with most to spare and nearest.

The objective looks at latency with everything up; who takes over when a region is lost is free as
long as capacity allows, so the solver picks any.  A second step keeps the replicas and the cost,
leaves as much of every promised state's capacity free as that allows, and then minimises the
demand-weighted round trip over the other promised states, each counted alike.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.candidates import Candidate, clean, judged, leave_spare
from planner.optimization.loads import loads_rps
from planner.optimization.master import capacity_rps, fixed_and_replica_usd
from planner.optimization.milp import MilpResult
from planner.optimization.relaxation import add_missing_rows
from planner.optimization.rows import rows
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints

_ROUNDS = 20

_LEAST_GAIN = 2e-3
"""Share of the capacity below which freeing more is not worth another program."""


def near_backups(
    static: StaticProgram, found: Candidate, limit: float, gap: float, stop: Stop
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
    stop : Stop
        When to stop.

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
    with program.bounded(n, found.replicas.ravel(), found.replicas.ravel()):
        ceiling = _cap_cost(static, found)
        program.price_columns(np.arange(program.columns), _backup_price(static))
        slack_usd = gap * abs(found.objective) / 3
        best = _most_spare(static, found, limit, slack_usd, stop)
        leave_spare(static, np.zeros(found.replicas.shape))
        program.price_columns(np.arange(program.columns), program.cost)
        program.bound_rows(ceiling, -np.inf, np.inf)
    return best


def _cap_cost(static: StaticProgram, found: Candidate) -> Ints:
    """Append the row that shares and excesses cost no more than now; return its index."""
    program = static.program
    paid = found.objective - sum(fixed_and_replica_usd(static.problem, found.replicas))
    steering = np.setdiff1d(np.arange(program.columns), static.master.integer)
    cost = program.cost[steering]
    return program.add_rows(rows(-np.inf, paid, np.zeros(steering.size), steering, cost))


def _most_spare(
    static: StaticProgram, found: Candidate, limit: float, slack_usd: float, stop: Stop
) -> Candidate:
    """Halve the interval of what may stay free, from what is free now; each answer is nearest."""
    low = spare_share(static, found)
    best = _nearest(static, found, low, limit, slack_usd, stop)
    if best is None:
        return found
    high, trial = 1.0, low + _LEAST_GAIN
    while high - low > _LEAST_GAIN and not stop.passed():
        better = _nearest(static, found, trial, limit, slack_usd, stop)
        low, high, best = (low, trial, best) if better is None else (trial, high, better)
        trial = (low + high) / 2
    return best


def spare_share(static: StaticProgram, found: Candidate) -> float:
    """Return the least share of capacity that is free in promised states.

    Parameters
    ----------
    static : StaticProgram
        The program.
    found : Candidate
        A candidate that keeps every promise.

    Returns
    -------
    float
        0 where some service's replicas are full in some region, state and hour.
    """
    promised = static.problem.must_survive
    load = loads_rps(static.problem, static.columns, found.share)[promised].max(axis=3)
    capacity = capacity_rps(static.problem, found.replicas)[promised]
    used = np.divide(load, capacity, out=np.zeros_like(load), where=capacity > 0).max(initial=0.0)
    spare = 1.0 - float(used) - 1e-9
    return spare if spare > 1e-6 else 0.0


def _nearest(
    static: StaticProgram,
    found: Candidate,
    spare: float,
    limit: float,
    slack_usd: float,
    stop: Stop,
) -> Candidate | None:
    """Return the nearest backups with a share of all capacity free, None where there are none."""
    result = _solve(static, found.replicas.astype(float) * spare, slack_usd, stop)
    if result.x is None:
        return None
    nearer = judged(static, found.replicas, clean(static, result.x[static.share]))
    if nearer is None or nearer.objective > limit:
        return None
    return nearer if spare_share(static, nearer) >= spare - 1e-6 else None


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


def _solve(static: StaticProgram, spare: Floats, slack_usd: float, stop: Stop) -> MilpResult:
    """Solve with the prices in place and `spare` replicas free, adding rows that are missing."""
    leave_spare(static, spare)
    result = static.program.relaxation(stop)
    for _ in range(_ROUNDS):
        if result.status != "optimal" or result.x is None:
            break
        if not add_missing_rows(static, result.x, slack_usd):
            break
        leave_spare(static, spare)
        result = static.program.relaxation(stop)
    return result
