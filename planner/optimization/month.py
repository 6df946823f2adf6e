"""The program of one month: a plan's own program with servers as columns, steered either way.

What a month costs here is the scenario's own objective (active regions, replicas, latency, lost
requests) and a price on every added server, which the horizon sets again and again; rows and cuts
that were found once stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from planner.optimization.branch import dive
from planner.optimization.candidates import Candidate, exact, rounded_up
from planner.optimization.columns import order_columns
from planner.optimization.explain import explain
from planner.optimization.master import Master, fixed_and_replica_usd, integers_of
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.relaxation import add_cut_round, add_cuts, add_missing_rows, relax
from planner.optimization.rerouting import (
    AdaptiveProgram,
    adaptive_program,
    add_broken_cuts,
    add_prices,
    unpriced,
)
from planner.optimization.room import Room, room_for, without_pools
from planner.optimization.servers import Servers, add_power_rows, add_servers
from planner.optimization.static import StaticProgram, static_program
from planner.optimization.stopping import Stop
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.offers import Offers, month_problem, with_servers
from planner.problem.packing import fits, packing_limits
from planner.problem.refusals import refuse_rules_and_packing

_CUT_ROUNDS = 2


class Steered(Protocol):
    """A program of either kind of steering: what a search needs of it."""

    @property
    def program(self) -> Milp:
        """The program."""

    @property
    def master(self) -> Master:
        """Its shared part."""

    def root(self, gap: float, stop: Stop) -> MilpResult:
        """Solve the relaxation with all cuts."""

    def relaxed(self, gap: float, stop: Stop, cutoff: float) -> MilpResult:
        """Solve the relaxation of a node; beyond `cutoff` the answer does not matter."""

    def missing(self, x: Floats) -> int:
        """Add the rows that an integral point breaks; return how many."""

    def dived(self, root: MilpResult, gap: float, stop: Stop) -> Candidate | None:
        """Return a good candidate near the root, whatever servers it takes."""

    def cap(self, root: MilpResult, cost_usd: float) -> None:
        """Cap what a plan that costs less can hold of continuous columns; inf lifts the caps."""

    def near(self, x: Floats, stop: Stop) -> Candidate | None:
        """Return a candidate near a relaxed point."""

    def at(self, x: Floats, stop: Stop) -> Candidate | None:
        """Return an integral point as a candidate."""


@dataclass(frozen=True)
class Shares:
    """Static steering."""

    static: StaticProgram

    @property
    def program(self) -> Milp:
        """The program."""
        return self.static.program

    @property
    def master(self) -> Master:
        """Its shared part."""
        return self.static.master

    def root(self, gap: float, stop: Stop) -> MilpResult:
        """Solve the relaxation with all cuts."""
        return add_cuts(self.static, stop, gap)

    def relaxed(self, gap: float, stop: Stop, cutoff: float) -> MilpResult:
        """Solve the relaxation of a node, with a few rounds of cuts while it is not hopeless."""
        result = relax(self.static, stop, gap, cutoff)
        for _ in range(_CUT_ROUNDS):
            if result.status != "optimal" or result.x is None or result.objective >= cutoff:
                break
            if not add_cut_round(self.static, result.x):
                break
            result = relax(self.static, stop, gap, cutoff)
        return result

    def missing(self, x: Floats) -> int:
        """Add the rows that an integral point breaks."""
        return add_missing_rows(self.static, x, 0.0)

    def dived(self, root: MilpResult, gap: float, stop: Stop) -> Candidate | None:
        """Decide where services run as the relaxation leans, round up and descend."""
        return dive(self.static, root, gap, stop)

    def cap(self, root: MilpResult, cost_usd: float) -> None:
        """Cap shares by their reduced cost: each costs at least that much more than the root."""
        share = self.static.share
        self.program.bound_columns(share, 0.0, 1.0)
        if root.reduced_cost is None or not np.isfinite(cost_usd):
            return
        slack = cost_usd - root.objective + 1e-9 * abs(cost_usd)
        price = root.reduced_cost[share]
        dear = price > slack
        self.program.bound_columns(share[dear], 0.0, slack / price[dear])

    def near(self, x: Floats, stop: Stop) -> Candidate | None:
        """Keep the relaxation's shares and take the replicas that they need."""
        return rounded_up(self.static, x)

    def at(self, x: Floats, stop: Stop) -> Candidate | None:
        """Return an integral point, with a replica more where it needs one."""
        return exact(self.static, x)


@dataclass(frozen=True)
class Routes:
    """Adaptive steering; its candidates have no shares."""

    adaptive: AdaptiveProgram

    @property
    def program(self) -> Milp:
        """The program."""
        return self.adaptive.program

    @property
    def master(self) -> Master:
        """Its shared part."""
        return self.adaptive.master

    def root(self, gap: float, stop: Stop) -> MilpResult:
        """Solve the relaxation with all cuts."""
        return self.relaxed(gap, stop, np.inf)

    def relaxed(self, gap: float, stop: Stop, cutoff: float) -> MilpResult:
        """Add cuts at the relaxation until none is broken or it passes the cut-off."""
        while True:
            result = self.program.relaxation(stop)
            if result.x is None or result.objective >= cutoff:
                return result
            if stop.passed():
                return replace(result, status="limit")
            added = add_broken_cuts(self.adaptive, result.x[self.master.replicas])
            if not added + add_prices(self.adaptive, result.x, gap * abs(result.objective)):
                return result

    def missing(self, x: Floats) -> int:
        """Add the cuts that an integral point breaks."""
        whole = np.rint(x[self.master.replicas])
        return add_broken_cuts(self.adaptive, whole) + add_prices(self.adaptive, x, 0.0)

    def dived(self, root: MilpResult, gap: float, stop: Stop) -> Candidate | None:
        """Round the root up."""
        return None if root.x is None else self.near(root.x, stop)

    def cap(self, root: MilpResult, cost_usd: float) -> None:
        """Routes are few beside the states' cuts: they stay as they are."""

    def near(self, x: Floats, stop: Stop) -> Candidate | None:
        """Round replicas up and route the normal state for them."""
        count = np.ceil(x[self.master.replicas] - 1e-6).astype(np.int64)
        return self._routed(count, stop)

    def at(self, x: Floats, stop: Stop) -> Candidate | None:
        """Route the normal state for the replicas of an integral point."""
        return self._routed(np.rint(x[self.master.replicas]).astype(np.int64), stop)

    def _routed(self, replicas: Ints, stop: Stop) -> Candidate | None:
        """Return replicas as a candidate if every promised state can be routed with them."""
        problem, program = self.adaptive.problem, self.program
        count = np.where(
            (replicas > 0) | problem.pinned, np.maximum(replicas, problem.min_replicas), 0
        )
        if (count > self.master.bound).any() or add_broken_cuts(self.adaptive, count.astype(float)):
            return None
        whole, fixed = self.master.integer, integers_of(count)
        with program.bounded(whole, fixed, fixed):
            result = program.relaxation(stop)
        if result.x is None:
            return None
        flow = self.adaptive.flow[self.adaptive.flow >= 0]
        steering = float(program.cost[flow] @ result.x[flow])
        x = np.array(result.x)
        x[self.master.replicas] = count
        lost = sum(usd for *_, usd, _ in unpriced(self.adaptive, x, all_of_it=True))
        objective = sum(fixed_and_replica_usd(problem, count)) + steering + lost
        return Candidate(count, np.empty(0), objective)


@dataclass(frozen=True)
class Month:
    """The program of a month.

    Attributes
    ----------
    number : int
        Month, 0 for the first.
    problem : Problem
        The month's problem, with the pools that the scenario has.
    offers : Offers
        What can be had.
    steered : Steered
        The program.
    servers : Servers
        Where its servers are.
    """

    number: int
    problem: Problem
    offers: Offers
    steered: Steered
    servers: Servers

    @property
    def integer(self) -> Ints:
        """Columns that a search decides: regions, services, measures, servers, replicas."""
        master = self.steered.master
        head = (master.active, master.runs.ravel(), self.servers.choices, self.servers.added)
        return np.concatenate([*head, master.replicas.ravel()])

    @property
    def rank(self) -> Floats:
        """How much each of them decides of what follows."""
        master, servers = self.steered.master, self.servers
        parts = (
            *((1e8, master.active), (1e4, master.runs), (1e5, servers.choices)),
            *((1e3, servers.added), (1.0, master.replicas)),
        )
        return np.repeat([weight for weight, _ in parts], [part.size for _, part in parts])

    def charge(self, price_usd: Floats) -> None:
        """Set what an added server of each pool costs, US dollars a month, shape (N,)."""
        self.steered.program.price_columns(self.servers.added, price_usd)

    def fitting(self, added: Ints, replicas: Ints) -> Bools:
        """Return whether replicas fit the pools that result, shape (R,).

        Parameters
        ----------
        added : ndarray of int, shape (N,)
            Servers added to each pool.
        replicas : ndarray of int, shape (S, R)
            Replicas.
        """
        grown = with_servers(self.problem, self.offers, added)
        return fits(grown, packing_limits(grown), replicas)

    def holds(self, added: Ints, replicas: Ints) -> bool:
        """Return whether replicas fit everywhere, within the power there is.

        Parameters
        ----------
        added : ndarray of int, shape (N,)
            Servers added to each pool.
        replicas : ndarray of int, shape (S, R)
            Replicas.
        """
        drawn = self.offers.drawn_w(self.offers.pools.servers + added)
        within = drawn <= self.offers.limit_w * (1 + 1e-9)
        return bool(within.all() and self.fitting(added, replicas).all())


def month_program(problem: Problem, offers: Offers, number: int, seed: int) -> Month:
    """Build the program of a month, with as many servers as can be there by then.

    Parameters
    ----------
    problem : Problem
        The problem of the first month.
    offers : Offers
        What can be had.
    number : int
        Month, 0 for the first.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Month
        Not yet solved; servers cost nothing.

    Raises
    ------
    Infeasible
        If an origin has no order of regions that keeps its limits.
    ValueError
        If DNS rules bind, or pods are packed at best.
    """
    refuse_rules_and_packing(problem, "the choice of servers")
    grown = month_problem(problem, offers, number)
    room = room_for(grown, offers, offers.most(number))
    steered = _steered(grown, room, seed)
    servers = add_servers(steered.program, steered.master, grown, room)
    add_power_rows(steered.program, servers, offers)
    return Month(number, grown, offers, steered, servers)


def _steered(problem: Problem, room: Room, seed: int) -> Steered:
    """Return the program of the month without its servers."""
    free = without_pools(room)
    if problem.steering == "adaptive":
        return Routes(adaptive_program(free, seed))
    columns = order_columns(free)
    if columns.missing.size:
        raise explain(problem, columns, seed)
    return Shares(static_program(free, columns, seed))
