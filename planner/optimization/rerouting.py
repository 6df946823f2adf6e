"""Adaptive steering: every state may re-route all traffic; capacity by minimum cuts.

The master holds the replicas and the normal state's routing.  Every other promised state is kept by
capacity cuts (`planner.optimization.cuts`), found at the relaxation first and at integers last,
until none is broken.  A state whose every routing is also possible in another promised state needs
none.  Where uplinks bind, cuts are necessary but not sufficient: the rest comes from the duals of
the state's own transport program (Benders).  States that are not promised price what no routing
can serve: ``unserved ≥ f(T) − Σ μ n`` for the worst set ``T``.

It is the true model where a balancer steers, and a lower bound on static steering.

References
----------
J. F. Benders, "Partitioning procedures for solving mixed-variables programming problems",
Numerische Mathematik 4, 1962, doi 10.1007/BF01386316.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from planner.optimization.columns import lost_usd_per_rps
from planner.optimization.cuts import (
    SUBSET_LIMIT,
    Groups,
    minimum_cut,
    shortfall_rps,
    violated_cuts,
)
from planner.optimization.master import (
    Master,
    add_cut,
    add_master,
    capacity_rps,
    state_groups,
)
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.optimization.uplinks import uplink_cuts
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import gbps_from_payload


@dataclass
class AdaptiveProgram:
    """The growing program of adaptive steering.

    Attributes
    ----------
    problem, master, program
        What it stands for.
    flow : ndarray of int, shape (S, O, R, H)
        Program columns of the normal state's routing; -1 where not admissible.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state.
    kept : ndarray of int
        Promised states, the normal one excepted, that no other promised state dominates.
    unserved : dict
        Program column of what is unserved in (state, service, hour), where not promised.
    known : set
        Cuts that are in the program: a point may break one by the solver's tolerance.
    grouped : dict
        Origins with the same admissible regions, of each (state, service), made once.
    """

    problem: Problem
    master: Master
    program: Milp
    flow: Ints
    one_rps: Floats
    kept: Ints
    unserved: dict[tuple[int, int, int], int] = field(default_factory=dict)
    known: set[tuple[int, bytes, float]] = field(default_factory=set)
    grouped: dict[tuple[int, int], Groups] = field(default_factory=dict)

    def groups(self, state: int, service: int) -> Groups:
        """Return the groups of origins of a state and service.

        Parameters
        ----------
        state, service : int
            Which state and service.

        Returns
        -------
        Groups
            Made at the first call.
        """
        key = (state, service)
        if key not in self.grouped:
            self.grouped[key] = state_groups(self.problem, state, service)
        return self.grouped[key]


def adaptive_program(problem: Problem, seed: int) -> AdaptiveProgram:
    """Build the master with the normal state's routing.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    seed : int
        Random seed of the solver.

    Returns
    -------
    AdaptiveProgram
        Not yet solved, and without a cut.
    """
    program = Milp(seed=seed)
    master = add_master(program, problem)
    allowed = problem.state_admissible[0] & problem.region_up[0]
    hours = problem.demand_rps.shape[2]
    open_ = np.repeat(allowed[..., None], hours, axis=3) & (problem.demand_rps > 0)[:, :, None, :]
    flow = np.full(open_.shape, -1, dtype=np.int64)
    total = max(float(problem.demand_rps.sum()), 1e-300)
    cost = problem.usd_per_ms * problem.latency_ms[..., None] * problem.demand_rps[:, :, None, :]
    flow[open_] = program.add_columns((cost / total)[open_], 0.0, 1.0)
    one = capacity_rps(problem, np.ones_like(problem.min_replicas))
    adaptive = AdaptiveProgram(problem, master, program, flow, one, _kept_states(problem))
    _add_routing_rows(adaptive)
    return adaptive


def _kept_states(problem: Problem) -> Ints:
    """Return the promised states, the normal one excepted, that no other one dominates."""
    states = np.flatnonzero(problem.must_survive)
    states = states[states > 0]
    if not states.size:
        return states
    allowed = problem.state_admissible[states] & problem.region_up[states][:, None, None, :]
    flat = allowed.reshape(states.size, -1)
    size = flat.sum(axis=1)
    kept: list[int] = []
    for i in np.argsort(size, kind="stable"):
        # Only a smaller or equal one can be within it.
        if not any((flat[j] <= flat[i]).all() for j in kept):
            kept.append(int(i))
    undominated: Ints = states[np.sort(kept)]
    return undominated


def _add_routing_rows(adaptive: AdaptiveProgram) -> None:
    """Append demand, capacity and uplink rows of the normal state."""
    problem, flow = adaptive.problem, adaptive.flow
    s, o, r, h = np.nonzero(flow >= 0)
    column = flow[s, o, r, h]
    _, row = np.unique(
        np.ravel_multi_index((s, o, h), problem.demand_rps.shape), return_inverse=True
    )
    ones = np.ones(int(row.max(initial=-1)) + 1)
    adaptive.program.add_rows(rows(ones, ones, row, column, np.ones(column.size)))
    rps = problem.demand_rps[s, o, h]
    shape = (*problem.min_replicas.shape, problem.demand_rps.shape[2])
    place = np.ravel_multi_index((s, r, h), shape)
    used, row = np.unique(place, return_inverse=True)
    at_s, at_r, _ = np.unravel_index(used, shape)
    one = adaptive.one_rps[0, at_s, at_r]
    adaptive.program.add_rows(
        rows(
            np.full(used.size, -np.inf),
            np.zeros(used.size),
            np.concatenate([row, np.arange(used.size)]),
            np.concatenate([column, adaptive.master.replicas[at_s, at_r]]),
            np.concatenate([rps / one[row], -np.ones(used.size)]),
        )
    )
    gbps = rps * gbps_from_payload(1.0, 1.0) * problem.payload_kib[s] / problem.uplink_gbps[r]
    used, row = np.unique(r * shape[2] + h, return_inverse=True)
    adaptive.program.add_rows(
        rows(np.full(used.size, -np.inf), np.ones(used.size), row, column, gbps)
    )


def add_broken_cuts(adaptive: AdaptiveProgram, replicas: Floats) -> int:
    """Add the capacity cuts that replicas break, all promised states.

    Parameters
    ----------
    adaptive : AdaptiveProgram
        The program; its rows grow.
    replicas : ndarray, shape (S, R)
        Replicas, possibly fractional.

    Returns
    -------
    int
        How many were added; with 0 every promised state can be routed.
    """
    added = sum(
        _add_state_cuts(adaptive, int(state), replicas) for state in (0, *adaptive.kept.tolist())
    )
    if not added:
        added = uplink_cuts(
            adaptive.problem, adaptive.kept, replicas, adaptive.one_rps, _row(adaptive)
        )
    return added


def _row(adaptive: AdaptiveProgram) -> Callable[[Floats, float], None]:
    """Return a function that appends ``coefficient · replicas ≥ right side`` over all services."""
    n = adaptive.master.replicas.ravel()

    def append(coefficient: Floats, right_side: float) -> None:
        flat = np.where(coefficient > 1e-9, coefficient, 0.0).ravel()
        # No replicas mend a full uplink: an empty row then, which makes the program infeasible.
        scale = float(flat.max(initial=0.0)) or 1.0
        adaptive.program.add_rows(
            rows(right_side / scale, np.inf, np.zeros(n.size), n, flat / scale)
        )

    return append


def _add_state_cuts(adaptive: AdaptiveProgram, state: int, replicas: Floats) -> int:
    """Add the cuts of one state, service by service."""
    added = 0
    for service in range(replicas.shape[0]):
        groups, rate = adaptive.groups(state, service), adaptive.one_rps[state, service]
        for cut in violated_cuts(groups, rate, replicas[service], tolerance=1e-6):
            name = (service, cut.coefficient.tobytes(), cut.right_side)
            if name in adaptive.known:
                continue
            adaptive.known.add(name)
            add_cut(adaptive.program, adaptive.master, service, cut.coefficient, cut.right_side)
            added += 1
    return added


def unpriced(
    adaptive: AdaptiveProgram, x: Floats, *, all_of_it: bool = False
) -> list[tuple[int, int, int, Bools, float, float]]:
    """Return where a point pays too little for what no routing can serve.

    Parameters
    ----------
    adaptive : AdaptiveProgram
        The program.
    x : ndarray, shape (n,)
        A point of it.
    all_of_it : bool
        Whether what the point pays already is not taken off.

    Returns
    -------
    list of (int, int, int, ndarray of bool, float, float)
        State, service, hour, the set of regions that shows it, US dollars a month too little, and
        the demand that only these regions may serve, requests per second.

    Notes
    -----
    Services are looked at one by one: what a shared uplink turns away in a state that is not
    promised is not priced.
    """
    problem = adaptive.problem
    price = lost_usd_per_rps(problem) * ~problem.must_survive / problem.demand_rps.shape[2]
    replicas = x[adaptive.master.replicas]
    found = []
    for state in np.flatnonzero(price > 0):
        for service in range(replicas.shape[0]):
            groups = adaptive.groups(int(state), service)
            rate = adaptive.one_rps[state, service]
            short, regions, within = _shortfall(groups, rate, replicas[service])
            for hour in np.flatnonzero(short > 1e-9):
                column = adaptive.unserved.get((int(state), service, int(hour)))
                paid = 0.0 if column is None or all_of_it else x[column]
                missing = short[hour] - paid
                if missing > 1e-7 * max(1.0, short[hour]):
                    usd = float(price[state] * missing)
                    found.append((int(state), service, int(hour), regions[hour], usd, within[hour]))
    return found


def _shortfall(groups: Groups, rate_rps: Floats, replicas: Floats) -> tuple[Floats, Bools, Floats]:
    """Return unserved demand [H], the set of regions that shows it [H, R], demand within it [H]."""
    count = rate_rps.size
    if count <= SUBSET_LIMIT:
        _, subset = shortfall_rps(groups, rate_rps, replicas)
        regions = (subset[:, None] >> np.arange(count) & 1).astype(bool)
    else:
        regions = np.stack(
            [
                minimum_cut(groups.allowed, demand, rate_rps * replicas)
                for demand in groups.demand_rps.T
            ]
        )
    inside = ~(groups.allowed[None] & ~regions[:, None, :]).any(axis=2)
    within = np.einsum("hg,gh->h", inside, groups.demand_rps)
    return within - regions @ (rate_rps * replicas), regions, within


def add_prices(adaptive: AdaptiveProgram, x: Floats, slack_usd: float) -> int:
    """Price what is unserved in states that are not promised, if it is more than the slack.

    Parameters
    ----------
    adaptive : AdaptiveProgram
        The program; its columns and rows grow.
    x : ndarray, shape (n,)
        A point of it.
    slack_usd : float
        US dollars a month that the point may pay too little.

    Returns
    -------
    int
        How many rows were added.
    """
    found = unpriced(adaptive, x)
    if sum(usd for *_, usd, _ in found) <= slack_usd:
        return 0
    problem = adaptive.problem
    price = lost_usd_per_rps(problem) / problem.demand_rps.shape[2]
    added = 0
    for state, service, hour, regions, _, within in found:
        key = (state, service, hour)
        rate = adaptive.one_rps[state, service] * regions
        name = (service, np.append(rate, [state, hour]).tobytes(), within)
        if name in adaptive.known:
            continue
        adaptive.known.add(name)
        added += 1
        if key not in adaptive.unserved:
            column = adaptive.program.add_columns(price[state], 0.0, np.inf)
            adaptive.unserved[key] = int(column[0])
        column = np.append(adaptive.master.replicas[service], adaptive.unserved[key])
        adaptive.program.add_rows(
            rows(within, np.inf, np.zeros(column.size), column, np.append(rate, 1.0))
        )
    return added
