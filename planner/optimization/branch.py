"""Branch and cut over the integers, with rows that appear at every node.

There are few integers (active regions, where services run, replicas) beside many shares, and the
rows of the program are not all there at the start.  A tree of our own re-solves each node from the
last basis and adds what is missing on the way, so that every integral point is a true candidate;
a solver's own tree would have to be started again whenever a row turns out to be missing.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace

import numpy as np

from planner.optimization.candidates import Candidate, better, descend, exact, rounded_up
from planner.optimization.milp import MilpResult
from planner.optimization.reduced_costs import narrowed, room_above
from planner.optimization.relaxation import add_cut_round, relax
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints

_INTEGRAL = 1e-6
_CUT_ROUNDS = 2


@dataclass(order=True)
class _Node:
    """One node: bounds of the integer columns and the bound of its parent."""

    bound: float
    number: int
    low: Floats = field(compare=False)
    high: Floats = field(compare=False)


@dataclass
class _Tree:
    """The open nodes, the best candidate and the least bound that was cut off."""

    best: Candidate | None
    cut_off: float
    integer: Ints
    price: Floats
    nodes: list[_Node]
    made: int = 1

    def limit(self, gap: float) -> float:
        """Return the bound from which a node can be dropped."""
        if self.best is None:
            return np.inf
        return self.best.objective - gap * max(abs(self.best.objective), 1e-9)

    def bound(self) -> float:
        """Return the proven lower bound."""
        least = min((node.bound for node in self.nodes), default=np.inf)
        known = self.best.objective if self.best else np.inf
        return float(min(least, self.cut_off, known))


def branch(
    static: StaticProgram, root: MilpResult, best: Candidate | None, gap: float, stop: Stop
) -> tuple[Candidate | None, float]:
    """Close the gap between a candidate and the relaxation.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    root : MilpResult
        The relaxation at the root.
    best : Candidate or None
        The best candidate so far.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.

    Returns
    -------
    Candidate or None
        The best candidate.
    float
        The proven lower bound; inf where the program is infeasible.

    Notes
    -----
    Best bound first: memory grows with the open nodes, each of which holds its bounds.  Many
    regions times many services make a large tree, and then the limit decides.

    References
    ----------
    A. H. Land and A. G. Doig, "An automatic method of solving discrete programming problems",
    Econometrica 28, 1960, doi 10.2307/1910129.
    """
    tree = _tree(static, root, best)
    low, high = tree.nodes[0].low, tree.nodes[0].high
    while tree.nodes and not stop.passed():
        node = heapq.heappop(tree.nodes)
        if node.bound >= tree.limit(gap):
            tree.cut_off = min(tree.cut_off, node.bound)
            break
        _expand(static, tree, node, gap, stop)
        stop.tell(tree.best.objective if tree.best else None, node.bound)
    bound = tree.bound()
    static.program.bound_columns(tree.integer, low, high)
    return tree.best, bound


def _tree(static: StaticProgram, root: MilpResult, best: Candidate | None) -> _Tree:
    """Start with the root."""
    master = static.master
    integer = master.integer
    low, high = static.program.bounds(integer)
    cost = static.program.cost[integer]
    # Regions first, then where services run, then replicas: each decides what follows.
    rank = np.repeat([1e8, 1e4, 1.0], [master.active.size, master.runs.size, master.replicas.size])
    price = rank * np.maximum(cost, 1.0)
    return _Tree(best, np.inf, integer, price, [_Node(root.bound, 0, low, high)])


def _expand(static: StaticProgram, tree: _Tree, node: _Node, gap: float, stop: Stop) -> None:
    """Solve a node, look for a candidate, and branch."""
    static.program.bound_columns(tree.integer, node.low, node.high)
    result = _solve(static, tree, gap, stop)
    if result.status == "infeasible":
        return
    if result.status != "optimal" or result.x is None:
        heapq.heappush(tree.nodes, node)
        return
    tree.best = better(tree.best, rounded_up(static, result.x))
    value = result.x[tree.integer]
    fraction = np.abs(value - np.rint(value))
    if fraction.max(initial=0.0) <= _INTEGRAL:
        tree.best = better(tree.best, exact(static, result.x))
        tree.cut_off = min(tree.cut_off, result.bound)
        return
    if result.bound >= tree.limit(gap):
        tree.cut_off = min(tree.cut_off, result.bound)
        return
    at = int((np.where(fraction > _INTEGRAL, tree.price * (fraction + 0.3), 0.0)).argmax())
    _push(tree, _narrowed(tree, node, result), at, float(value[at]), result.bound)


def _narrowed(tree: _Tree, node: _Node, result: MilpResult) -> _Node:
    """Return a node without what costs more than the best candidate by its reduced costs."""
    if tree.best is None or result.reduced_cost is None:
        return node
    room = room_above(tree.best.objective, result.bound)
    price = result.reduced_cost[tree.integer]
    low, high = narrowed(price, node.low, node.high, room, whole=True)
    return replace(node, low=low, high=high)


def _solve(static: StaticProgram, tree: _Tree, gap: float, stop: Stop) -> MilpResult:
    """Solve the relaxation of a node, with a few rounds of cuts while it is not hopeless."""
    limit = tree.limit(gap)
    result = relax(static, stop, gap / 3, limit)
    for _ in range(_CUT_ROUNDS):
        if result.status != "optimal" or result.x is None or result.bound >= limit:
            break
        if not add_cut_round(static, result.x):
            break
        result = relax(static, stop, gap / 3, limit)
    return result


def _push(tree: _Tree, node: _Node, at: int, value: float, bound: float) -> None:
    """Add both children, rounded up and rounded down."""
    low, high = node.low.copy(), node.high.copy()
    low[at], high[at] = np.ceil(value), np.floor(value)
    for child_low, child_high in ((low, node.high), (node.low, high)):
        heapq.heappush(tree.nodes, _Node(bound, tree.made, child_low, child_high))
        tree.made += 1


def dive(static: StaticProgram, root: MilpResult, gap: float, stop: Stop) -> Candidate | None:
    """Decide where services run as the relaxation leans, then round up and descend.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow, its bounds are put back.
    root : MilpResult
        The relaxation at the root.
    gap : float
        Relative gap asked for.
    stop : Stop
        When to stop.

    Returns
    -------
    Candidate or None
        The best candidate found; None where there is none or origins cannot be split.

    Notes
    -----
    A heuristic: it proves nothing, and where packing is tight it may find nothing.
    """
    if root.x is None or not static.problem.split_origins:
        return None
    runs = static.master.runs.ravel()
    lean = np.rint(root.x[runs])
    low, high = static.program.bounds(runs)
    best = None
    for decided in np.unique(np.stack([lean, np.ceil(root.x[runs] - _INTEGRAL)]), axis=0):
        fixed = np.maximum(low, decided), np.minimum(high, decided)
        with static.program.bounded(runs, *fixed):
            result = relax(static, stop, gap / 3)
            best = better(best, descend(static, rounded_up(static, result.x), gap, stop))
    return best
