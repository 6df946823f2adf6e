"""What the judge replays a solution under: the problem, what runs in each state, and two rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.simulation.lost import CAUSES

NO_REGION, CUT, SERVICE, INADMISSIBLE = (
    CAUSES.index(cause) for cause in ("no_region", "cut", "service", "inadmissible")
)


@dataclass(frozen=True)
class Setting:
    """What holds while a solution is replayed.

    Attributes
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray of int, shape (K, S, R)
        What runs in each state.
    late_counts : bool
        Whether a region that may not keep the promise loses its requests, as in the optimiser's
        price, where a broken promise counts as lost.  If not, it serves them late, as it would.
    spill_over : bool
        Whether what a region turns away goes on to the next of its order.
    """

    problem: Problem
    replicas: Ints
    late_counts: bool
    spill_over: bool

    @property
    def demand_factor(self) -> Floats | None:
        """Factor on demand in each state, shape (K, S, O); None for 1 everywhere."""
        conditions = self.problem.conditions
        return None if conditions is None else conditions.demand_factor

    @property
    def cut_share(self) -> Floats | None:
        """Part of an origin's users that is cut off by itself, shape (K, O, R); None for nobody.

        Notes
        -----
        A promise counts them as late, so where a broken promise is lost they are in it already.
        """
        conditions = self.problem.conditions
        return None if conditions is None or self.late_counts else conditions.cut_share

    def rps(self, state: Ints, service: Ints, origin: Ints, hour: int) -> Floats:
        """Return demand, requests per second, element by element.

        Parameters
        ----------
        state, service, origin : ndarray of int, shape (F,)
            Whose.
        hour : int
            When.

        Returns
        -------
        ndarray, shape (F,)
            Requests per second.
        """
        demand = self.problem.demand_rps
        at = service * demand.shape[1] + origin
        rps: Floats = np.ascontiguousarray(demand[:, :, hour]).ravel().take(at)
        if self.demand_factor is not None:
            rps = rps * self.demand_factor[state, service, origin]
        return rps

    def state_demand_rps(self, state: int) -> Floats:
        """Return the demand of a state, requests per second, shape (S, O, H).

        Parameters
        ----------
        state : int
            The state.

        Returns
        -------
        ndarray, shape (S, O, H)
            Requests per second.
        """
        factor = self.demand_factor
        if factor is None:
            return self.problem.demand_rps
        demand: Floats = self.problem.demand_rps * factor[state][:, :, None]
        return demand

    @cached_property
    def may_serve(self) -> Bools:
        """Whether a region serves an origin in each state, shape (K, S, O, R).

        Notes
        -----
        Without conditions it is known only from the promises: a pair that keeps it in no state at
        all counts as not allowed.
        """
        problem = self.problem
        if self.late_counts and problem.conditions is None:
            return problem.state_admissible
        if self.late_counts and problem.conditions is not None:
            return problem.state_admissible & problem.conditions.reachable
        if problem.conditions is not None:
            return problem.conditions.reachable
        known = problem.admissible | problem.state_admissible.any(axis=0)
        may: Bools = known & problem.region_up[:, None, None, :]
        return may

    @cached_property
    def service_up(self) -> Bools:
        """Whether anybody can reach the service at all, shape (K, S)."""
        states, services = self.problem.home_region.shape
        if self.problem.conditions is None:
            return np.ones((states, services), dtype=bool)
        reachable = self.problem.conditions.reachable
        up: Bools = np.any(reachable.reshape(states, services, -1), axis=2)
        return up

    def stops(self, state: Ints, service: Ints, origin: Ints, region: Ints) -> Ints:
        """Return why regions do not serve what is sent to them, element by element.

        Parameters
        ----------
        state, service, origin, region : ndarray of int, shape (F,)
            What is sent where; region R stands for none.

        Returns
        -------
        ndarray of int, shape (F,)
            Index of the cause in `CAUSES`, -1 where it is served.
        """
        problem, (services, origins) = self.problem, self.problem.demand_rps.shape[:2]
        regions = problem.region_up.shape[1]
        nowhere = region == regions
        at = np.where(nowhere, 0, region)
        pair = (state * origins + origin) * regions + at
        path = np.isfinite(problem.state_rtt_ms.reshape(-1).take(pair))
        place = ((state * services + service) * origins + origin) * regions + at
        served = self.may_serve.reshape(-1).take(place) & path & ~nowhere
        cause = np.full(state.size, -1, dtype=np.int64)
        bad = np.flatnonzero(~served)
        if bad.size:
            up = self.service_up[state[bad], service[bad]]
            kinds = [nowhere[bad], ~up, ~path[bad]]
            cause[bad] = np.select(kinds, [NO_REGION, SERVICE, CUT], INADMISSIBLE)
        return cause
