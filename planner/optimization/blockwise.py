"""Static steering block by block: prices for the room they share, then plans that fit together.

The prices of room (`planner.optimization.room_prices`) give a bound and a mixture that fits; blocks
are then rounded one after the other near the mixture, the rest mixed again in the room that is
left; the last one gets what there is.  Then the replicas of all blocks are searched together
(`planner.optimization.block_search`).  Where origins cannot be split blocks are solved alone where
that leaves room, and otherwise left to one program of all: it came to better plans and bounds than
blocks at the prices of room.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.optimization.block_search import BlockSearch
from planner.optimization.blocks import blocks, room_left, shared_use
from planner.optimization.candidates import Candidate
from planner.optimization.columns import order_columns
from planner.optimization.merged_program import steering_program
from planner.optimization.milp import MilpResult
from planner.optimization.relaxation import relax
from planner.optimization.room_prices import BlockProgram, RoomPrices, room_prices
from planner.optimization.search import first_plan, search
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.packing import PackingLimits, fits, packing_limits, replica_bounds

_SHARE_OF_GAP = 0.2
"""Part of the gap that the prices of room may miss."""

_SHARE_FOR_PRICES = 0.4
"""Part of the time for prices: the search over all replicas is still to come."""

_SHARE_FOR_FIRST = 0.25
"""Part of the time for a first plan of one block after the other."""

_SHARE_FOR_ALONE = 0.7
"""Part of the time for blocks of whole origins alone: their plans may clash all the same."""


@dataclass(frozen=True)
class BlockPlans:
    """A plan for each block that fit together, and the bound on the whole.

    Attributes
    ----------
    programs : list of BlockProgram
        The blocks.
    plans : list of Candidate
        A plan for each, in the blocks' own prices; empty where none was found.
    bound : float
        Proven lower bound on the whole, US dollars a month; inf where it is infeasible.
    """

    programs: list[BlockProgram]
    plans: list[Candidate]
    bound: float

    @property
    def objective(self) -> float | None:
        """What the plans cost together, US dollars a month; None where there are none."""
        return self.cost if self.plans else None

    @property
    def cost(self) -> float:
        """What the plans cost together, US dollars a month; 0 where there are none."""
        return float(sum(plan.objective for plan in self.plans))


@dataclass(frozen=True)
class _Pools:
    """The pools that all blocks share."""

    problem: Problem
    limits: PackingLimits

    def fit(
        self, programs: list[BlockProgram], plans: list[Candidate] | list[Candidate | None]
    ) -> bool:
        """Return whether the plans' pods find room."""
        replicas = self.replicas(programs, plans)
        return bool(fits(self.problem, self.limits, replicas).all())

    def replicas(
        self, programs: list[BlockProgram], plans: list[Candidate] | list[Candidate | None]
    ) -> Ints:
        """Return the replicas of all blocks that have a plan, shape (S, R)."""
        total = np.zeros(self.problem.min_replicas.shape, np.int64)
        for program, plan in zip(programs, plans, strict=True):
            if plan is not None:
                total[program.block.services] = plan.replicas
        return total

    def used(self, programs: list[BlockProgram], plans: list[Candidate | None]) -> Floats:
        """Return the part of each region's room that the plans take, shape (R,)."""
        taken = np.zeros(self.problem.uplink_gbps.size)
        for program, plan in zip(programs, plans, strict=True):
            if plan is not None:
                taken += (program.use * plan.replicas).sum(axis=0)
        return taken

    def left(self, program: BlockProgram, held: Ints) -> Ints:
        """Return the most replicas of each service of a block beside `held`, shape (B, R)."""
        services = program.block.services
        return np.stack([room_left(self.problem, self.limits, held, int(s)) for s in services])


def block_programs(problem: Problem, seed: int) -> list[BlockProgram]:
    """Build the program of every block.

    Parameters
    ----------
    problem : Problem
        A problem that is separable.
    seed : int
        Random seed of the solver.

    Returns
    -------
    list of BlockProgram
        One for each host name; empty where an origin has no order at all.
    """
    limits = packing_limits(problem)
    bound = replica_bounds(problem, limits)
    use = shared_use(problem, limits, bound)
    programs = []
    for block in blocks(problem, bound):
        columns = order_columns(block.problem)
        if columns.missing.size:
            return []
        static = steering_program(block.problem, columns, seed)
        programs.append(BlockProgram(block, static, use[block.services]))
    return programs


def search_blocks(
    problem: Problem, programs: list[BlockProgram], gap: float, stop: Stop, seed: int = 0
) -> BlockPlans:
    """Solve a separable problem block by block to a relative gap, as far as that goes.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    programs : list of BlockProgram
        Its blocks; left at their own prices.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    BlockPlans
        Plans and bound.
    """
    pools = _Pools(problem, packing_limits(problem))
    if not any(program.use.any() for program in programs):
        return _without_prices(pools, programs, gap, stop, seed)
    if not problem.split_origins:
        return _of_whole_origins(pools, programs, gap, stop, seed)
    room = np.ones(problem.uplink_gbps.size)
    part = stop.part(_SHARE_FOR_PRICES)
    prices = room_prices(programs, room, gap * _SHARE_OF_GAP, part)
    if not prices.feasible:
        return BlockPlans(programs, [], np.inf)
    found = BlockPlans(programs, [], prices.bound)
    if prices.fits and prices.settled:
        found = _first(pools, found, prices, gap, stop.part(_SHARE_FOR_FIRST))
    _at_own_prices(programs)
    return _search_replicas(pools, found, prices.replicas, gap, stop, seed)


def _search_replicas(
    pools: _Pools, found: BlockPlans, mixed: list[Floats], gap: float, stop: Stop, seed: int
) -> BlockPlans:
    """Search the replicas of all blocks at once, where the gap is open and time is left."""
    if closed(found.objective, found.bound, gap) or stop.passed():
        return found
    search = BlockSearch.of(pools.problem, found.programs, gap, stop, seed)
    plans, bound = search.run(found.plans, found.bound, mixed)
    return replace(found, plans=plans, bound=bound)


def _at_own_prices(programs: list[BlockProgram]) -> None:
    """Charge no longer for room."""
    for program in programs:
        program.price(np.zeros(program.use.shape[1]))


def _without_prices(
    pools: _Pools, programs: list[BlockProgram], gap: float, stop: Stop, seed: int
) -> BlockPlans:
    """Solve blocks one by one where no room has a price; their plans may clash all the same.

    What replicas take at least (`shared_use`) fills no region, but pods of a rolling update and the
    order of arrival count too.
    """
    found = _alone(programs, gap, stop)
    if not found.plans or pools.fit(programs, found.plans):
        return found
    found = replace(found, plans=[])
    split = pools.problem.split_origins
    return _search_replicas(pools, found, [], gap, stop, seed) if split else found


def _of_whole_origins(
    pools: _Pools, programs: list[BlockProgram], gap: float, stop: Stop, seed: int
) -> BlockPlans:
    """Solve blocks one by one if their relaxations, every count rounded up, leave room."""
    roots = [relax(program.static, stop, gap / 3) for program in programs]
    if _leave_room(programs, roots):
        return _without_prices(pools, programs, gap, stop.part(_SHARE_FOR_ALONE), seed)
    return BlockPlans(programs, [], float(sum(root.bound for root in roots)))


def _leave_room(programs: list[BlockProgram], roots: list[MilpResult]) -> bool:
    """Return whether relaxations, every count rounded up, leave room in every region."""
    taken = np.zeros(programs[0].use.shape[1])
    for program, root in zip(programs, roots, strict=True):
        if root.x is None:
            return False
        count = np.ceil(root.x[program.static.master.replicas] - 1e-6)
        taken += (program.use * count).sum(axis=0)
    return bool((taken <= 1.0).all())


def _alone(programs: list[BlockProgram], gap: float, stop: Stop) -> BlockPlans:
    """Solve blocks as if they shared nothing."""
    found = [
        search(program.static, gap, stop.part(1 / (len(programs) - at)))
        for at, program in enumerate(programs)
    ]
    plans = [each.best for each in found if each.best is not None]
    bound = sum(each.bound for each in found)
    return BlockPlans(programs, plans if len(plans) == len(programs) else [], bound)


def _planned(
    pools: _Pools,
    programs: list[BlockProgram],
    order: tuple[int, ...],
    prices: RoomPrices,
    gap: float,
    stop: Stop,
) -> list[Candidate]:
    """Plan the blocks in `order` one after the other; empty where they clash."""
    plans: list[Candidate | None] = [None] * len(programs)
    for place, at in enumerate(order):
        held = pools.replicas(programs, plans)
        aim = None
        if place == len(order) - 1:
            programs[at].price(np.zeros(prices.usd_month.size))
        elif place == 0:
            programs[at].price(prices.usd_month)
            aim = prices.replicas[at]
        else:
            rest, room = [programs[i] for i in order[place:]], 1.0 - pools.used(programs, plans)
            prices = room_prices(rest, room, gap * _SHARE_OF_GAP, stop, prices)
            if not prices.fits:
                return []
            aim = prices.replicas[0]
        plans[at] = _near(programs[at], aim, pools.left(programs[at], held), gap, stop)
        if plans[at] is None:
            return []
    whole = [plan for plan in plans if plan is not None]
    return whole if pools.fit(programs, plans) else []


def _near(
    program: BlockProgram, aim: Floats | None, most: Ints, gap: float, stop: Stop
) -> Candidate | None:
    """Return a block's plan within `most` replicas, close to `aim`, in its own prices."""
    static = program.static
    n = static.master.replicas.ravel()
    low, high = static.program.bounds(n)
    high = np.minimum(high, most.ravel())
    if aim is not None:
        low = np.maximum(low, np.floor(aim.ravel() + 1e-6) - 1)
        high = np.minimum(high, np.ceil(aim.ravel() - 1e-6) + 1)
    if (low > high).any():
        return None
    with static.program.bounded(n, low, high):
        root = relax(static, stop, gap / 3)
        found = first_plan(static, root, gap, stop) if root.status == "optimal" else None
    return None if found is None else _own(program, found)


def _own(program: BlockProgram, plan: Candidate) -> Candidate:
    """Return the plan in the block's own prices."""
    extra = program.static.problem.cost_usd_month - program.block.problem.cost_usd_month
    return replace(plan, objective=plan.objective - float((extra * plan.replicas).sum()))


def _first(
    pools: _Pools, found: BlockPlans, prices: RoomPrices, gap: float, stop: Stop
) -> BlockPlans:
    """Plan all blocks, the greediest replicas first, in other orders until they fit together."""
    programs = found.programs
    greedy = sorted(range(len(programs)), key=lambda at: -float(programs[at].use.max()))
    for turn in range(len(greedy)):
        order = (*greedy[turn:], *greedy[:turn])
        if not found.plans and not stop.passed():
            found = replace(found, plans=_planned(pools, programs, order, prices, gap, stop))
    return found
