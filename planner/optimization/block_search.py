r"""Plans of blocks that share room: replicas of all blocks in one program, their steering priced.

The program has the replicas alone, with the rows of the packing limit and of every cut that holds
whoever steers, and one price for each block, held up by bounds from the block's own program
(`planner.optimization.block_steering`) and by those that the prices of room gave already: at prices
``λ`` of room a block's answer ``z`` says

.. math:: V(n) + \sum_{s,r} (c_{sr} + \lambda_r u_{sr})\, n_{sr} \ge z .

Better plans are walked to from the best one (`planner.optimization.exchanges`; the first one is
rounded or looked for around the relaxation), then the tree of `planner.optimization.tree_search`
goes on to the proof.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.block_steering import BlockSteering, HeldSteering
from planner.optimization.candidates import Candidate
from planner.optimization.condensed import Condensed, priced_by_part
from planner.optimization.exchanges import Exchanges
from planner.optimization.neighbourhood import NearSearch, Point
from planner.optimization.normal_routing import RoutingBound
from planner.optimization.room_prices import BlockProgram
from planner.optimization.side_by_side import side_by_side
from planner.optimization.stopping import Stop, closed
from planner.optimization.tree_search import Priced, TreeSearch
from planner.optimization.trial import promised_only
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.packing import fits

_SMOOTHING = 0.5

_AT_FIRST = 12
"""Points that are priced before plans are looked for: prices of room have said much."""


@dataclass
class BlockSearch:
    """The search over the replicas of all blocks.

    Attributes
    ----------
    problem : Problem
        The whole problem.
    blocks : list of BlockSteering
        Its blocks; they cover all services.
    small : Condensed
        The program of replicas, one price a block.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Seed of the walks.
    plans : list of Candidate
        Plans of the blocks that belong to the best point; empty where there is none.
    """

    problem: Problem
    blocks: list[BlockSteering]
    small: Condensed
    gap: float
    stop: Stop
    seed: int = 0
    plans: list[Candidate] = field(default_factory=list)

    @classmethod
    def of(
        cls, problem: Problem, programs: list[BlockProgram], gap: float, stop: Stop, seed: int
    ) -> BlockSearch:
        """Set the search up with the bounds that the programs know.

        Parameters
        ----------
        problem : Problem
            The whole problem; its origins can be split.
        programs : list of BlockProgram
            Its blocks, at their own prices.
        gap : float
            Relative gap at which to stop.
        stop : Stop
            When to stop.
        seed : int
            Random seed of the solver and of the walks.

        Returns
        -------
        BlockSearch
            Not yet begun.
        """
        part = np.zeros(problem.min_replicas.shape[0], np.int64)
        for at, program in enumerate(programs):
            part[program.block.services] = at
        small = priced_by_part(promised_only(problem), part, seed)
        blocks = [BlockSteering(program, gap / 3) for program in programs]
        search = cls(problem, blocks, small, gap, stop, seed)
        for at, program in enumerate(programs):
            for least, room_usd in program.bounds:
                cost = program.block.problem.cost_usd_month + program.use * room_usd
                small.append(at, cost, least)
        return search

    def run(
        self, start: list[Candidate], bound: float, mixed: list[Floats]
    ) -> tuple[list[Candidate], float]:
        """Search until the gap is closed, nothing is left, or time is up.

        Parameters
        ----------
        start : list of Candidate
            A plan of each block that fit together; none where none are known.
        bound : float
            What is proven already, US dollars a month.
        mixed : list of ndarray, shape (B, R) each
            Replicas of each block that do, whether they fit together or not; fractional.  None
            where none are known.

        Returns
        -------
        list of Candidate
            The best plans; empty where none were found.
        float
            Proven lower bound, US dollars a month; inf where there is no plan.
        """
        best = self._point(start) if start else None
        root = self.small.adaptive.program.relaxation(self.stop)
        if root.status == "infeasible":
            bound = np.inf if best is None else bound
        elif root.x is not None and root.status == "optimal":
            bound = self._searched(best, root.x, max(bound, root.objective), mixed)
        for block in self.blocks:
            block.close()
        return self.plans, bound

    def _searched(self, best: Point | None, x: Floats, bound: float, mixed: list[Floats]) -> float:
        """Look near the relaxation, then in the tree; return the bound."""
        n = self.small.adaptive.master.replicas
        near = NearSearch(
            self.small, self.evaluate, x[n], self.gap, self.stop, best, bound, _SMOOTHING
        )
        near.core = self._joined(mixed) if mixed else None
        near.tighten(_AT_FIRST)
        root = self.small.adaptive.program.relaxation(self.stop)
        if root.status == "infeasible":
            return np.inf if best is None else bound
        if root.x is not None and root.status == "optimal":
            near.bound, near.centre, x = max(bound, root.objective), root.x[n], root.x
        walks = Exchanges(
            self.small, self.evaluate, self.gap, self.stop, np.random.default_rng(self.seed)
        )
        self._look(near, walks, x)
        if self.stop.passed() or closed(near.value, near.bound, self.gap):
            return near.bound
        known = near.best, near.bound

        def look(best: Point | None, x: Floats) -> Point | None:
            near.best, near.bound = best, max(near.bound, tree.bound)
            return self._look(near, walks, x)

        tree = TreeSearch(self.small, self.evaluate, self.gap, self.stop, *known, look, self.price)
        tree.run()
        return tree.bound

    def _look(self, near: NearSearch, walks: Exchanges, x: Floats) -> Point | None:
        """Look for better plans by walks, and around a point where those cannot go."""
        if near.best is None:
            near.best = walks.first(x[self.small.adaptive.master.replicas])
        if near.best is None:
            near.look_between(None, x)
        if near.best is not None:
            near.best = walks.run(near.best, near.bound)
            if not walks.possible or self._may_run_elsewhere(near.best):
                near.look_between(near.best, x)
        return near.best

    def _may_run_elsewhere(self, best: Point) -> bool:
        """Return whether services may gain by running elsewhere, which walks leave as it is."""
        problem, master = self.problem, self.small.adaptive.master
        least = (problem.min_replicas > 1).any() or (problem.surge_replicas > 0).any()
        return bool(least or ((master.bound > 0) & (best.x[master.runs] < 0.5)).any())

    def _joined(self, parts: list[Floats] | list[Ints]) -> Floats:
        """Return what blocks have of each service and region as one, shape (S, R)."""
        joined = np.zeros(self.problem.min_replicas.shape)
        for block, part in zip(self.blocks, parts, strict=True):
            joined[block.services] = part
        return joined

    def evaluate(self, replicas: Floats) -> Point | None:
        """Steer every block with given replicas and add the bounds that this gives.

        Parameters
        ----------
        replicas : ndarray, shape (S, R)
            Replicas, possibly fractional.

        Returns
        -------
        Point or None
            What they really cost; None where they do not do or do not fit, or time is up.
        """
        found = self._held(replicas)
        bound = self._learnt(found)
        if bound is None:
            return None
        self.small.add_bound(bound, replicas)
        held = [each for each in found if each is not None and each.short is None]
        if len(held) < len(self.blocks):
            return None
        usd = np.array([each.usd_month for each in held])
        if np.abs(replicas - np.rint(replicas)).max() > 0:
            return self._at(replicas, usd)
        whole = replicas.astype(np.int64)
        if not fits(self.problem, self.small.adaptive.master.limits, whole).all():
            return None
        plans = [
            block.plan(whole[block.services], each.share)
            for block, each in zip(self.blocks, held, strict=True)
        ]
        kept = [plan for plan in plans if plan is not None]
        return self._point(kept) if len(kept) == len(plans) else None

    def price(self, points: list[list[Floats]]) -> list[list[Priced]]:
        """Price the steering of some points of each lane of the tree.

        Parameters
        ----------
        points : list of list of ndarray, shape (S, R)
            Replicas.

        Returns
        -------
        list of list of Priced
            In the same places.
        """
        return [[self._priced(replicas) for replicas in lane] for lane in points]

    def _priced(self, replicas: Floats) -> Priced:
        """Price one point."""
        found = self._held(replicas)
        bound = self._learnt(found)
        if bound is None:
            return None
        return sum(each.usd_month for each in found if each is not None), bound

    def _held(self, replicas: Floats) -> list[HeldSteering | None]:
        """Steer every block, several at a time."""

        def one(block: BlockSteering) -> HeldSteering | None:
            return block.held(replicas[block.services], self.stop)

        return side_by_side(one, self.blocks)

    def _learnt(self, found: list[HeldSteering | None]) -> RoutingBound | None:
        """Add the rows that replicas break; return the bound of all blocks, None if one is open."""
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            return None
        for at, each in enumerate(known):
            if each.short is not None:
                self.small.append(at, *each.short, priced=False)
        constant = np.array([each.constant for each in known])
        return RoutingBound(constant, self._joined([each.per_replica for each in known]), 0.0)

    def _point(self, plans: list[Candidate]) -> Point:
        """Return plans as a point, and keep them if they are the best."""
        usd = [
            plan.objective - float((block.own_usd_month * plan.replicas).sum())
            for block, plan in zip(self.blocks, plans, strict=True)
        ]
        point = self._at(self._joined([plan.replicas for plan in plans]), np.array(usd))
        if not self.plans or point.objective < sum(plan.objective for plan in self.plans):
            self.plans = plans
        return point

    def _at(self, replicas: Floats, usd: Floats) -> Point:
        """Return the program's point of replicas whose steering costs so much by block."""
        master = self.small.adaptive.master
        x = np.zeros(self.small.adaptive.program.columns)
        x[master.replicas] = replicas
        x[master.runs] = replicas > 0
        x[master.active] = (replicas > 0).any(axis=0)
        x[self.small.price] = usd
        for loss in self.small.losses:
            loss.settle(x, replicas[loss.service])
        return Point(x, float((self.problem.cost_usd_month * replicas).sum() + usd.sum()))
