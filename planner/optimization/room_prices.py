r"""What room in a region's pools is worth to each block, so that blocks can be solved one by one.

With the shared row of each region priced at ``λ_r``, blocks know nothing of each other:

.. math:: L(\lambda) = \sum_b \min_{x_b} \Bigl(c_b x_b + \sum_r \lambda_r u_r n_{br}\Bigr)
          - \sum_r \lambda_r \;\le\; \text{optimum}.

The best prices come from a master over the points that the blocks answered with: it mixes them at
least cost within the room, and its duals, smoothed towards the best prices so far, are the next
ones.  They stay within reach of the best: room beyond a region's can be bought, and room left over
sold, at the ends of the reach.  It grows where the bound rises as the master foretold and shrinks
where it falls.

References
----------
G. B. Dantzig and P. Wolfe, "Decomposition principle for linear programs", Operations Research 8,
1960, doi 10.1287/opre.8.1.101.
R. E. Marsten, W. W. Hogan and J. W. Blankenship, "The BOXSTEP method for large-scale optimization",
Operations Research 23, 1975, doi 10.1287/opre.23.3.389 (the reach).
P. Wentges, "Weighted Dantzig-Wolfe decomposition for linear mixed-integer programming",
International Transactions in Operational Research 4, 1997, doi 10.1016/S0969-6016(97)00001-4
(the smoothing).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from planner.errors import PlannerError
from planner.optimization.blocks import Block
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.relaxation import add_cuts, relax
from planner.optimization.rows import rows
from planner.optimization.side_by_side import side_by_side
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import NEVER, Stop, closed
from planner.problem.arrays import Floats

_ROUNDS = 80

_TRACE = 1e-9
"""Part of a region's room that only the solver's tolerance buys or sells."""

_WEIGHT = 0.5
"""Weight of the best prices so far in the next ones."""

_REACH, _FARTHEST = 0.15, 1000.0
"""How far prices move in the first round, and how high they are at most: so many times what all the
room of a region costs at its dearest replicas."""

_WIDER, _NARROWER = 2.0, 0.7
"""By so much the reach grows where enough of what the master foretold came true, and shrinks where
the bound fell."""

_ENOUGH = 0.5
"""What is enough: part of the rise that the master foretold."""


@dataclass
class BlockProgram:
    """A block and its program, priced for the room that its replicas take.

    Attributes
    ----------
    block : Block
        The block in its own prices.
    static : StaticProgram
        Its program and problem, in the prices of the moment.
    use : ndarray, shape (B, R)
        Part of each region's room that a replica takes.
    tight : bool
        Whether cuts were looked for.
    points : list of (float, ndarray)
        Relaxed points that it answered with: cost in the block's own prices, replicas (B, R).
    bounds : list of (float, ndarray)
        What it costs at least, US dollars a month, at prices of room (R,).
    """

    block: Block
    static: StaticProgram
    use: Floats
    tight: bool = False
    points: list[tuple[float, Floats]] = field(default_factory=list)
    bounds: list[tuple[float, Floats]] = field(default_factory=list)

    def price(self, room_usd: Floats) -> None:
        """Charge for room from now on, US dollars a month for all of a region's, shape (R,)."""
        cost = self.block.problem.cost_usd_month + self.use * room_usd
        self.static.problem = replace(self.static.problem, cost_usd_month=cost)
        self.static.program.reprice_columns(self.static.master.replicas.ravel(), cost.ravel())

    def relaxed(self, gap: float, stop: Stop) -> MilpResult:
        """Solve the relaxation in the prices of the moment, the first time with cuts."""
        solve = relax if self.tight else add_cuts
        self.tight = True
        return solve(self.static, stop, gap)


@dataclass(frozen=True)
class RoomPrices:
    """Prices of room and what the blocks do at them.

    Attributes
    ----------
    usd_month : ndarray, shape (R,)
        Price of all the room of each region, US dollars a month.
    bound : float
        Proven lower bound on the whole, US dollars a month.
    replicas : list of ndarray, shape (B, R) each
        The mixture that fits at least cost, block by block; fractional.
    fits : bool
        Whether there is one, as far as the rounds went: prices that are settled and no mixture say
        that the room is too small even in fractions.
    settled : bool
        Whether they are the best up to the gap.
    reach : float
        How far the next prices may be from these, in times what the dearest replicas cost.
    feasible : bool
        False where a block alone has no answer.
    """

    usd_month: Floats
    bound: float
    replicas: list[Floats]
    fits: bool
    settled: bool = False
    reach: float = _REACH
    feasible: bool = True


def room_prices(
    programs: list[BlockProgram],
    room: Floats,
    gap: float,
    stop: Stop,
    start: RoomPrices | None = None,
) -> RoomPrices:
    """Find the prices of room that give the best bound, up to a relative gap.

    Parameters
    ----------
    programs : list of BlockProgram
        The blocks; left at the prices returned.
    room : ndarray, shape (R,)
        Part of each region's room that they have.
    gap : float
        Relative gap between the mixture's cost and the bound at which to stop.
    stop : Stop
        When to stop.
    start : RoomPrices, optional
        Prices and reach to begin with; none where left out.

    Returns
    -------
    RoomPrices
        Prices, bound and the mixture.
    """
    best = RoomPrices(np.zeros(room.size), -np.inf, [], fits=False)
    if start is not None:
        best = replace(best, usd_month=start.usd_month, reach=start.reach)
    trial, value = best.usd_month, np.inf
    for _ in range(_ROUNDS):
        bound = _answers(programs, room, trial, gap, stop)
        if not np.isfinite(bound):
            return replace(best, feasible=bound != np.inf)
        best = _moved(best, trial, bound, value)
        best, mixture = _mixed(programs, room, best, gap)
        value, settled = mixture.value, closed(mixture.value, best.bound, gap)
        if settled or stop.passed():
            best = replace(best, settled=settled)
            break
        trial = _WEIGHT * best.usd_month + (1 - _WEIGHT) * mixture.usd_month
    for program in programs:
        program.price(best.usd_month)
    return best


def _moved(best: RoomPrices, trial: Floats, bound: float, value: float) -> RoomPrices:
    """Return the better prices, and the reach after what the master foretold of the trial ones."""
    reach = best.reach
    # The master is concave: on the way to its own prices it foretells at least that part.
    foretold = (1 - _WEIGHT) * (value - best.bound)
    if bound < best.bound:
        reach *= _NARROWER
    elif np.isfinite(best.bound) and bound - best.bound >= _ENOUGH * foretold:
        reach = min(_FARTHEST, reach * _WIDER)
    if bound <= best.bound:
        return replace(best, reach=reach)
    return replace(best, usd_month=trial, bound=bound, reach=reach)


def _mixed(
    programs: list[BlockProgram], room: Floats, best: RoomPrices, gap: float
) -> tuple[RoomPrices, _Mixture]:
    """Mix the points, reaching farther as long as only the reach keeps the bound from rising."""
    dearest = _dearest(programs)
    while True:
        far = best.reach * dearest
        high = np.minimum(best.usd_month + far, _FARTHEST * dearest)
        low = np.clip(best.usd_month - far, 0.0, high)
        mixture = _mixture(programs, room, low, high)
        free = mixture.fits and mixture.sells_nothing
        if free or best.reach >= _FARTHEST or not closed(mixture.value, best.bound, gap):
            return replace(best, replicas=mixture.replicas, fits=mixture.fits), mixture
        best = replace(best, reach=min(_FARTHEST, best.reach * _WIDER))


def _answers(
    programs: list[BlockProgram], room: Floats, price: Floats, gap: float, stop: Stop
) -> float:
    """Solve every block at some prices, keep its point; return the bound that they give."""
    bound = -float(price @ room)

    def answer(program: BlockProgram) -> MilpResult:
        program.price(price)
        return program.relaxed(gap, stop)

    for program, result in zip(programs, side_by_side(answer, programs), strict=True):
        if result.status == "infeasible":
            return np.inf
        if result.x is None or result.status != "optimal":
            return -np.inf
        replicas = result.x[program.static.master.replicas]
        bound += result.objective
        paid = float((program.use * replicas).sum(axis=0) @ price)
        program.points.append((result.objective - paid, replicas))
        program.bounds.append((result.objective, price))
    return bound


@dataclass(frozen=True)
class _Mixture:
    """Points mixed at least cost: what it costs, and what room is worth there.

    ``fits`` says that no room is bought beyond a region's, ``sells_nothing`` that none is sold.
    """

    value: float
    usd_month: Floats
    replicas: list[Floats]
    fits: bool
    sells_nothing: bool


def _mixture(programs: list[BlockProgram], room: Floats, low: Floats, high: Floats) -> _Mixture:
    """Mix the points at least cost within the room; more of it costs `high`, less brings `low`."""
    points = [(at, *point) for at, each in enumerate(programs) for point in each.points]
    owner = np.array([at for at, *_ in points])
    use = np.array([(programs[at].use * n).sum(axis=0) for at, _, n in points])
    master, region = Milp(), np.arange(room.size)
    weight = master.add_columns([cost for _, cost, _ in points], 0.0, np.inf)
    beyond, sold = (master.add_columns(usd, 0.0, np.inf) for usd in (high, -low))
    at, column = np.repeat(region, weight.size), np.tile(weight, room.size)
    row, ones = np.concatenate([at, region, region]), np.ones(room.size)
    column = np.concatenate([column, beyond, sold])
    value = np.concatenate([use.T.ravel(), -ones, ones])
    master.add_rows(rows(np.full(room.size, -np.inf), room, row, column, value))
    one = np.ones(len(programs))
    master.add_rows(rows(one, one, owner, weight, np.ones(weight.size)))
    result = master.relaxation(NEVER)
    if result.x is None or result.row_dual is None:
        raise PlannerError("the mixture of blocks has no answer")
    mixed = [np.zeros(program.use.shape) for program in programs]
    for part, (which, _, replicas) in zip(result.x[weight], points, strict=True):
        mixed[which] += part * replicas
    return _Mixture(
        value=result.objective,
        usd_month=np.maximum(-result.row_dual[: room.size], 0.0),
        replicas=mixed,
        fits=bool((result.x[beyond] <= _TRACE).all()),
        sells_nothing=bool((result.x[sold][low > 0] <= _TRACE).all()),
    )


def _dearest(programs: list[BlockProgram]) -> Floats:
    """Return what all the room of a region costs at its dearest replicas; if free, elsewhere."""
    worth = np.zeros(programs[0].use.shape[1])
    for program in programs:
        cost, use = program.block.problem.cost_usd_month, program.use
        each = np.divide(cost, use, out=np.zeros(use.shape), where=use > 0)
        worth = np.maximum(worth, each.max(axis=0))
    steering = sum(min(usd for usd, _ in program.points) for program in programs)
    return np.where(worth > 0, worth, float(worth.max()) or steering)
