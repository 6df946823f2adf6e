r"""What one count must be while all others are held and every state is routed anew.

Under adaptive steering each (state, hour) stands alone.  Where no uplink can be full, demand can be
routed exactly if every set ``T`` of regions holds what may go nowhere else
(`planner.optimization.cuts`), so with all other counts held

.. math:: g_{kh} = \max_{T \ni r}\; \frac{f_{kh}(T) - \sum_{q \in T,\, q \ne r} \mu_q n_q}{\mu_r}

and a transport program over all services says the same where an uplink may be full, or where there
are too many regions to look at every set.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.cuts import SUBSET_LIMIT, Groups, subset_demand, subset_sums
from planner.optimization.held import SLACK, Least
from planner.optimization.master import capacity_rps, state_groups
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.optimization.stopping import Stop
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import gbps_from_payload


@dataclass
class HeldRouting:
    """Held counts under adaptive steering.

    Attributes
    ----------
    problem : Problem
        The problem.
    replicas : ndarray of int, shape (S, R)
        The counts.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state.
    asked : dict
        What each (state, hour) asks for, shape (K, H), and whether all is proven, by (service,
        region); worked out once.
    grouped : dict
        Origins with the same admissible regions, of each state; made once.
    """

    problem: Problem
    replicas: Ints
    one_rps: Floats
    asked: dict[tuple[int, int], tuple[Floats, bool]] = field(default_factory=dict)
    grouped: dict[int, list[Groups]] = field(default_factory=dict)

    def least(
        self, service: int, region: int, kept: Bools, stop: Stop, enough: float = np.inf
    ) -> Least:
        """Return the least count of a service in a region that keeps the rows of the service.

        Parameters
        ----------
        service, region : int
            Whose count.
        kept : ndarray of bool, shape (K, H)
            The (state, hour) that stay; only promised states matter.
        stop : Stop
            When to stop.
        enough : float
            Not looked at: all (state, hour) are worked out at the first call.

        Returns
        -------
        Least
            Its support is the one (state, hour) that asks for most; of equal ones the first.

        Notes
        -----
        A transport program that a limit ends counts as asking for nothing, and the answer is then
        not proven.
        """
        if (service, region) not in self.asked:
            self.asked[service, region] = self._asked(service, region, stop)
        each, proven = self.asked[service, region]
        of_kept = np.where(kept & self.problem.must_survive[:, None], each, 0.0)
        support = np.zeros_like(kept)
        at = np.unravel_index(of_kept.argmax(), of_kept.shape)
        support[at] = of_kept[at] > 0
        return Least(float(of_kept[at]), support, proven)

    def _asked(self, service: int, region: int, stop: Stop) -> tuple[Floats, bool]:
        """Return the count that each promised (state, hour) asks for, shape (K, H)."""
        problem = self.problem
        asked = np.zeros((problem.region_up.shape[0], problem.demand_rps.shape[2]))
        proven = True
        for state in np.flatnonzero(problem.must_survive).tolist():
            one = self.one_rps[state, service]
            if one[region] <= 0:
                continue
            groups, full = self._groups(state), self._may_be_full(state)
            if one.size <= SUBSET_LIMIT:
                asked[state] = _by_sets(groups[service], one, self.replicas[service], region)
            else:
                full = np.ones_like(full)
            for hour in np.flatnonzero(full).tolist():
                value = self._by_program(groups, state, hour, service, region, stop)
                proven &= value is not None
                asked[state, hour] = max(asked[state, hour], value or 0.0)
        return asked, proven

    def _groups(self, state: int) -> list[Groups]:
        """Return the groups of origins of each service in a state."""
        if state not in self.grouped:
            services = range(self.replicas.shape[0])
            self.grouped[state] = [state_groups(self.problem, state, s) for s in services]
        return self.grouped[state]

    def _may_be_full(self, state: int) -> Bools:
        """Return the hours in which some uplink could be full, shape (H,)."""
        problem = self.problem
        gbps = np.zeros((problem.uplink_gbps.size, problem.demand_rps.shape[2]))
        for group, payload in zip(self._groups(state), problem.payload_kib, strict=True):
            rate = gbps_from_payload(1.0, float(payload))
            gbps += rate * (group.allowed.T @ group.demand_rps)
        full: Bools = np.any(gbps > problem.uplink_gbps[:, None], axis=0)
        return full

    def _by_program(
        self,
        groups: list[Groups],
        state: int,
        hour: int,
        service: int,
        region: int,
        stop: Stop,
    ) -> float | None:
        """Return the least count by a transport program over all services; None at a limit."""
        program, regions = Milp(), self.replicas.shape[1]
        owner = np.repeat(np.arange(len(groups)), [g.demand_rps.shape[0] for g in groups])
        demand = np.concatenate([g.demand_rps[:, hour] for g in groups])
        group, to = np.nonzero(np.concatenate([g.allowed for g in groups]) & (demand > 0)[:, None])
        flow = program.add_columns(np.zeros(group.size), 0.0, 1.0)
        low = self.replicas.astype(float)
        cost, high = np.zeros_like(low), low.copy()
        low[service, region], cost[service, region] = 0.0, 1.0
        count = program.add_columns(cost.ravel(), low.ravel(), high.ravel())
        called, row = np.unique(group, return_inverse=True)
        if called.size < int((demand > 0).sum()):
            return float("inf")
        ones = np.ones(called.size)
        program.add_rows(rows(ones, ones, row, flow, np.ones(flow.size)))
        place = owner[group] * regions + to
        each = demand[group] / self.one_rps[state].ravel()[place]
        program.add_rows(
            rows(
                np.full(count.size, -np.inf),
                np.full(count.size, SLACK),
                np.concatenate([place, np.arange(count.size)]),
                np.concatenate([flow, count]),
                np.concatenate([each, -np.ones(count.size)]),
            )
        )
        gbps = gbps_from_payload(1.0, 1.0) * self.problem.payload_kib[owner[group]]
        used = gbps * demand[group] / self.problem.uplink_gbps[to]
        top = np.full(regions, 1 + SLACK)
        program.add_rows(rows(-np.inf * top, top, to, flow, used))
        result = program.relaxation(stop)
        return None if result.status == "limit" else result.objective


def _by_sets(groups: Groups, one_rps: Floats, replicas: Ints, region: int) -> Floats:
    """Return the count that each hour asks for, by every set of regions with the region in it.

    >>> groups = Groups(np.array([[True, False], [True, True]]), np.array([[4.0], [5.0]]))
    >>> _by_sets(groups, np.array([2.0, 3.0]), np.array([9, 1]), 0)
    array([3.])
    """
    others = one_rps * replicas
    others[region] = 0.0
    inside = (np.arange(1 << one_rps.size) >> region & 1).astype(bool)
    short = subset_demand(groups)[inside] - subset_sums(others)[inside, None]
    asked: Floats = np.maximum(short.max(axis=0), 0.0) / one_rps[region]
    return asked


def held_routing(problem: Problem, replicas: Ints) -> HeldRouting:
    """Hold the counts of a plan that a balancer steers.

    Parameters
    ----------
    problem : Problem
        The problem.
    replicas : ndarray of int, shape (S, R)
        The plan's counts.

    Returns
    -------
    HeldRouting
        Nothing is worked out yet.
    """
    return HeldRouting(problem, replicas, capacity_rps(problem, np.ones(replicas.shape)))
