r"""What the steering of a block costs at given replicas, and how that bounds it elsewhere.

The program of a block with its replicas held at ``n`` has the value ``V(n)``, convex in ``n``; the
reduced costs ``d`` of the held columns give a bound that is tight there (Benders),

.. math:: V(m) \ge V(n) + d\,(m - n) .

Replicas beyond those that are held may be bought at a price that no order is worth: so there is an
answer where ``n`` does not do, and the least that must be bought, ``F(n)``, gives the row

.. math:: F(n) + e\,(m - n) \le 0

that replicas which do must keep (``e`` the reduced costs where nothing else has a price).

References
----------
J. F. Benders, "Partitioning procedures for solving mixed-variables programming problems",
Numerische Mathematik 4, 1962, doi 10.1007/BF01386316.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.candidates import Candidate, clean, judged
from planner.optimization.columns import lost_usd_per_rps
from planner.optimization.milp import MilpResult
from planner.optimization.relaxation import relax
from planner.optimization.room_prices import BlockProgram
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints

_DEAR = 100.0
"""What a replica costs beyond those that are held, in times what it could be worth to one order."""

_DEARER = 10.0
"""By so much the price rises where replicas are bought that need not be."""

_MOST_DEAR = 1e6
"""Times the worth at which it rises no more."""

_ANY = 1e30

_REMEMBERED, _ENTRIES = 30, 4_000_000
"""Answers that are kept at most, and shares of all of them together: plans close to each other
often differ in a block or two."""

_BOUGHT = 1e-7
"""Replicas that only the solver's tolerance buys."""


@dataclass(frozen=True)
class HeldSteering:
    """The steering of a block with its replicas held.

    Attributes
    ----------
    usd_month : float
        What it costs, US dollars a month.
    constant : float
        What it costs at least whatever the replicas, those that are held counted in.
    per_replica : ndarray, shape (B, R)
        What one replica more takes off at most.
    share : ndarray, shape (C,)
        Shares of the order columns.
    short : (ndarray of shape (B, R), float) or None
        Coefficients and right side of a row ``coefficient · replicas ≥ right side`` that the
        replicas break; None where they do.
    """

    usd_month: float
    constant: float
    per_replica: Floats
    share: Floats
    short: tuple[Floats, float] | None


@dataclass
class BlockSteering:
    """The program of a block, for asking again and again with other replicas.

    Attributes
    ----------
    block : BlockProgram
        The block at its own prices.
    gap : float
        Part of what the block costs that lost requests may be priced too low.
    """

    block: BlockProgram
    gap: float
    _dear: float = field(init=False)
    _known: dict[bytes, HeldSteering] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._dear = _DEAR * _worth(self.static)
        self._restore()

    @property
    def static(self) -> StaticProgram:
        """The program."""
        return self.block.static

    @property
    def services(self) -> Ints:
        """Which services, shape (B,)."""
        return self.block.block.services

    @property
    def own_usd_month(self) -> Floats:
        """What a replica costs by itself, US dollars a month, shape (B, R)."""
        return self.static.problem.cost_usd_month

    @property
    def _replicas(self) -> Ints:
        """Columns of the replicas in a row."""
        return self.static.master.replicas.ravel()

    def close(self) -> None:
        """Give the program its own prices back."""
        self.static.program.price_columns(self._replicas, self.own_usd_month.ravel())

    def _restore(self) -> None:
        """Price everything as it is, and replicas beyond those that are held dearly."""
        cost = self.static.program.cost
        cost[self._replicas] = self._dear
        self.static.program.price_columns(np.arange(cost.size), cost)

    def held(self, replicas: Floats, stop: Stop) -> HeldSteering | None:
        """Steer with the replicas held.

        Parameters
        ----------
        replicas : ndarray, shape (B, R)
            Replicas, possibly fractional, at most those that the block may have.
        stop : Stop
            When to stop.

        Returns
        -------
        HeldSteering or None
            None where time is up or more replicas than the block may have do not do.
        """
        key = replicas.tobytes()
        found = self._known.pop(key, None) or self._asked(replicas, stop)
        if found is not None:
            self._known[key] = found
            if len(self._known) > min(_REMEMBERED, max(1, _ENTRIES // max(1, found.share.size))):
                del self._known[next(iter(self._known))]
        return found

    def _asked(self, replicas: Floats, stop: Stop) -> HeldSteering | None:
        """Ask the solver, at ever dearer replicas until it buys none that need not be."""
        while True:
            # The price of what is held is part of the objective: it must not loosen the slack.
            own, held = (self.own_usd_month * replicas).sum(), self._dear * replicas.sum()
            result = self._solved(replicas, stop, self.gap * float(own / max(own + held, 1e-9)))
            if result is None or result.x is None:
                return None
            bought = result.x[self.static.master.replicas] - replicas
            short = self._short(replicas, stop) if bought.max(initial=0.0) > _BOUGHT else None
            dearest = self._dear > _MOST_DEAR * _worth(self.static)
            if short is not None or bought.max(initial=0.0) <= _BOUGHT or dearest:
                return self._read(replicas, result, short)
            if stop.passed():
                return None
            self._dear *= _DEARER
            self._restore()

    def plan(self, replicas: Ints, share: Floats) -> Candidate | None:
        """Return whole replicas and shares as a plan of the block, where they keep its promises.

        Parameters
        ----------
        replicas : ndarray of int, shape (B, R)
            Replicas.
        share : ndarray, shape (C,)
            Shares as the solver returns them.

        Returns
        -------
        Candidate or None
            In the block's own prices.
        """
        return judged(self.static, replicas, clean(self.static, share))

    def _solved(self, replicas: Floats, stop: Stop, gap: float) -> MilpResult | None:
        """Solve with the replicas as least ones; None where there is no answer."""
        program, n = self.static.program, self._replicas
        high = program.bounds(n)[1]
        with program.bounded(n, np.minimum(replicas.ravel(), high), high):
            result = relax(self.static, stop, gap)
        done = result.status == "optimal" and result.reduced_cost is not None
        return result if done else None

    def _read(
        self, replicas: Floats, result: MilpResult, short: tuple[Floats, float] | None
    ) -> HeldSteering:
        """Read cost and bound from an answer."""
        assert result.x is not None
        assert result.reduced_cost is not None
        wrong = self._wrong(result)
        usd = result.objective - self._dear * float(replicas.sum())
        per_replica = self._dear - result.reduced_cost[self.static.master.replicas]
        constant = usd + wrong + float((per_replica * replicas).sum())
        return HeldSteering(usd, constant, per_replica, result.x[self.static.share], short)

    def _short(self, replicas: Floats, stop: Stop) -> tuple[Floats, float] | None:
        """Return the row that replicas break which do not do; None where they do."""
        program = self.static.program
        cost = np.zeros(program.columns)
        cost[self._replicas] = 1.0
        program.price_columns(np.arange(cost.size), cost)
        # What is lost has no price here, and no row that prices it may come in.
        result = self._solved(replicas, stop, _ANY)
        self._restore()
        if result is None or result.x is None or result.reduced_cost is None:
            return None
        bought = float((result.x[self.static.master.replicas] - replicas).sum())
        least = bought + self._wrong(result)
        if least <= _BOUGHT:
            return None
        coefficient = 1.0 - result.reduced_cost[self.static.master.replicas]
        scale = max(float(np.abs(coefficient).max()), 1e-300)
        return coefficient / scale, (least + float((coefficient * replicas).sum())) / scale

    def _wrong(self, result: MilpResult) -> float:
        """Return what shares whose reduced costs have the wrong sign may be worth, at most 0.

        Such costs are within the solver's tolerance; each may be worth its whole share.
        """
        assert result.x is not None
        assert result.reduced_cost is not None
        share = result.x[self.static.steering]
        d = result.reduced_cost[self.static.steering]
        return float(np.minimum(d, 0.0)[share < 0.5].sum())


def _worth(static: StaticProgram) -> float:
    """Return what one replica could save by one order or by what is lost, US dollars a month."""
    problem, columns = static.problem, static.columns
    rps = problem.demand_rps.max(axis=2).sum(axis=0)[columns.origin]
    one = float(static.one_rps.max(initial=0.0))
    each = columns.cost_usd_month[rps > 0] / rps[rps > 0]
    if static.firsts is not None:
        each = np.append(each, static.firsts.usd_per_rps)
    lost = float(lost_usd_per_rps(problem).max(initial=0.0))
    worth = one * (float(each.max(initial=0.0)) + lost)
    return max(worth, float(problem.cost_usd_month.max()))
