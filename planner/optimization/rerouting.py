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
from planner.optimization.cuts import SUBSET_LIMIT, Groups, violated_cuts
from planner.optimization.dominance import kept_states
from planner.optimization.master import (
    Master,
    add_master,
    capacity_rps,
    cut_row,
    state_groups,
)
from planner.optimization.milp import Milp
from planner.optimization.normal_routing import Routing, add_routing
from planner.optimization.rounding import Cut
from planner.optimization.rows import Rows, rows
from planner.optimization.separation import Separation
from planner.optimization.stopping import NEVER, Stop
from planner.optimization.uplinks import uplink_cuts
from planner.optimization.worst_sets import worst_shortfall
from planner.problem.arrays import Bools, Floats, Ints, Problem

Name = tuple[int, bytes, float]
"""What tells rows apart: a service, coefficients, and a right side."""


@dataclass
class AdaptiveProgram:
    """The growing program of adaptive steering.

    Attributes
    ----------
    problem, master, program
        What it stands for.
    routing : Routing
        The normal state's routing in the program; no flows where it is only priced.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state.
    kept : ndarray of int
        Promised states, the normal one excepted, that no other promised state dominates.
    unserved : dict
        Program column of what is unserved in (state, service, hour), where not promised.
    known : dict
        Rows that were added on the way: a point may break one by the solver's tolerance.
    grouped : dict
        Origins with the same admissible regions, of each (state, service), made once.
    separations : dict
        What finds cuts of each service where subsets cannot all be looked at, made once.
    """

    problem: Problem
    master: Master
    program: Milp
    routing: Routing
    one_rps: Floats
    kept: Ints
    unserved: dict[tuple[int, int, int], int] = field(default_factory=dict)
    known: dict[Name, Rows] = field(default_factory=dict)
    grouped: dict[tuple[int, int], Groups] = field(default_factory=dict)
    separations: dict[int, Separation] = field(default_factory=dict)

    @property
    def flow(self) -> Ints:
        """Columns of the normal state's routing, shape (S, O, R, H); -1 where not admissible."""
        return self.routing.flow

    def append(self, name: Name, block: Rows) -> int:
        """Add a row unless it is known; return how many were added.

        Parameters
        ----------
        name : tuple
            What tells the row apart.
        block : Rows
            The row.

        Returns
        -------
        int
            1 or 0.
        """
        if name in self.known:
            return 0
        self.known[name] = block
        self.program.add_rows(block)
        return 1

    def separation(self, service: int) -> Separation:
        """Return what finds the cuts of a service.

        Parameters
        ----------
        service : int
            Which service.

        Returns
        -------
        Separation
            Made at the first call.
        """
        if service not in self.separations:
            states = np.concatenate([[0], self.kept])
            rate = self.one_rps[:, service]
            self.separations[service] = Separation(self.problem, service, states, rate)
        return self.separations[service]

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
    one = capacity_rps(problem, np.ones_like(problem.min_replicas))
    routing = add_routing(program, problem, master, one[0])
    return AdaptiveProgram(problem, master, program, routing, one, kept_states(problem))


def add_broken_cuts(adaptive: AdaptiveProgram, replicas: Floats, stop: Stop = NEVER) -> int:
    """Add capacity cuts that replicas break, all promised states.

    Parameters
    ----------
    adaptive : AdaptiveProgram
        The program; its rows grow.
    replicas : ndarray, shape (S, R)
        Replicas, possibly fractional.
    stop : Stop
        When to stop; nothing is proven then.

    Returns
    -------
    int
        How many were added; with 0 every promised state can be routed, unless it was stopped.
    """
    if replicas.shape[1] > SUBSET_LIMIT:
        added = _add_separated(adaptive, replicas, stop)
    else:
        states = (0, *adaptive.kept.tolist())
        added = sum(_add_state_cuts(adaptive, state, replicas) for state in states)
    if not added:
        added = uplink_cuts(
            adaptive.problem, adaptive.kept, replicas, adaptive.one_rps, _row(adaptive), stop
        )
    return added


def _row(adaptive: AdaptiveProgram) -> Callable[[Floats, float], None]:
    """Return a function that appends ``coefficient · replicas ≥ right side`` over all services."""
    n = adaptive.master.replicas.ravel()

    def append(coefficient: Floats, right_side: float) -> None:
        flat = np.where(coefficient > 1e-9, coefficient, 0.0).ravel()
        # No replicas mend a full uplink: an empty row then, which makes the program infeasible.
        scale = float(flat.max(initial=0.0)) or 1.0
        row = rows(right_side / scale, np.inf, np.zeros(n.size), n, flat / scale)
        # A dual of the solver's tolerance may leave a point just outside again and again.
        adaptive.known[(-1, flat.tobytes(), right_side)] = row
        adaptive.program.add_rows(row)

    return append


def add_known_cuts(adaptive: AdaptiveProgram, replicas: Floats) -> int:
    """Add the cuts of known sets of regions that replicas break: quick, and proof of nothing.

    Parameters
    ----------
    adaptive : AdaptiveProgram
        The program; its rows grow.
    replicas : ndarray, shape (S, R)
        Replicas, possibly fractional.

    Returns
    -------
    int
        How many were added.
    """
    return sum(
        _add_cuts(adaptive, s, adaptive.separation(s).known(replicas[s]))
        for s in range(replicas.shape[0])
    )


def _add_separated(adaptive: AdaptiveProgram, replicas: Floats, stop: Stop) -> int:
    """Add cuts of known sets; only where there are none, cuts found by flows."""
    added = add_known_cuts(adaptive, replicas)
    if added:
        return added
    for service in range(replicas.shape[0]):
        cuts, _ = adaptive.separation(service).of_any_set(replicas[service], stop)
        added += _add_cuts(adaptive, service, cuts)
    return added


def _add_state_cuts(adaptive: AdaptiveProgram, state: int, replicas: Floats) -> int:
    """Add the cuts of one state, service by service."""
    added = 0
    for service in range(replicas.shape[0]):
        groups, rate = adaptive.groups(state, service), adaptive.one_rps[state, service]
        found = violated_cuts(groups, rate, replicas[service], tolerance=1e-6)
        added += _add_cuts(adaptive, service, found)
    return added


def _add_cuts(adaptive: AdaptiveProgram, service: int, cuts: list[Cut]) -> int:
    """Add the cuts of a service that are not in the program yet."""
    added = 0
    for cut in cuts:
        name = (service, cut.coefficient.tobytes(), cut.right_side)
        row = cut_row(adaptive.master, service, cut.coefficient, cut.right_side)
        added += adaptive.append(name, row)
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
            short, regions, within = worst_shortfall(groups, rate, replicas[service])
            for hour in np.flatnonzero(short > 1e-9):
                column = adaptive.unserved.get((int(state), service, int(hour)))
                paid = 0.0 if column is None or all_of_it else x[column]
                missing = short[hour] - paid
                if missing > 1e-7 * max(1.0, short[hour]):
                    usd = float(price[state] * missing)
                    found.append((int(state), service, int(hour), regions[hour], usd, within[hour]))
    return found


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
        if key not in adaptive.unserved:
            column = adaptive.program.add_columns(price[state], 0.0, np.inf)
            adaptive.unserved[key] = int(column[0])
        column = np.append(adaptive.master.replicas[service], adaptive.unserved[key])
        added += adaptive.append(
            name, rows(within, np.inf, np.zeros(column.size), column, np.append(rate, 1.0))
        )
    return added
