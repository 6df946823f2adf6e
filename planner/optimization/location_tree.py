"""Branch and bound over facilities with prices alone: each node goes on from its parent's prices.

References
----------
N. Christofides and J. E. Beasley, "A tree search algorithm for the p-median problem", European
Journal of Operational Research 10(2), 1982, doi 10.1016/0377-2217(82)90160-6.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace

import numpy as np

from planner.optimization.choice import Choice, bettered
from planner.optimization.fixing import fixed, penalties
from planner.optimization.lagrangian import Dual, ascend, relaxed
from planner.optimization.rows import Floats, Ints
from planner.optimization.sites import Sites, among, coverable
from planner.optimization.stopping import Stop, closed

_ITERATIONS = 150


@dataclass(order=True, frozen=True)
class _Node:
    """A part of the choices, the least bound first and the earliest of equals."""

    bound: float
    number: int
    rest: Sites = field(compare=False)
    left: Ints = field(compare=False)
    price: Floats = field(compare=False)


def explored(
    rest: Sites, left: Ints, dual: Dual, found: Choice, *, gap: float, stop: Stop, nodes: int
) -> Choice:
    """Search the choices that are left, the least bound first.

    Parameters
    ----------
    rest : Sites
        The facilities that are left.
    left : ndarray of int, shape (m,)
        Which of the whole problem they are.
    dual : Dual
        A bound on the choices among them.
    found : Choice
        The best choice so far; those that are not left cost no less.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    nodes : int
        Most nodes.

    Returns
    -------
    Choice
        The best choice, and the least bound of what was not searched.

    Notes
    -----
    Few nodes suffice where few facilities are open and their number is given.  With many open ones
    the bound rises too slowly from node to node, and cuts do better.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> from planner.optimization.sites import sites
    >>> near = [[0, 2, 2, 3], [2, 0, 2, 3], [2, 2, 0, 3]]
    >>> three = sites([0, 0, 0, 0], [9] * 4, [1, 1, 1], near, 1)
    >>> start, known = relaxed(three, np.ones(3)), Choice(np.array([3]), 9.0)
    >>> best = explored(three, np.arange(4), start, known, gap=0.0, stop=NEVER, nodes=50)
    >>> best.objective, round(best.bound, 6)
    (4.0, 4.0)
    """
    heap = [_Node(dual.bound, 0, rest, left, dual.price)]
    opened = made = 0
    while heap and opened < nodes and not stop.passed():
        if closed(found.objective, heap[0].bound, gap):
            break
        node = heapq.heappop(heap)
        opened += 1
        found, children = _branches(node, found, gap, stop)
        for child in children:
            made += 1
            heapq.heappush(heap, replace(child, number=made))
    proven = min(heap[0].bound if heap else np.inf, _cutoff(found, gap))
    return replace(found, bound=max(found.bound, proven))


def _cutoff(found: Choice, gap: float) -> float:
    """Return the cost above which choices do not matter."""
    return found.objective - 0.999 * gap * abs(found.objective)


def _branches(node: _Node, found: Choice, gap: float, stop: Stop) -> tuple[Choice, list[_Node]]:
    """Raise a node's bound and divide what it does not exclude."""
    dual, met = ascend(
        node.rest,
        node.price,
        target=found.objective,
        iterations=_ITERATIONS,
        stop=stop,
    )
    found = bettered(found, node.rest, node.left, dual, met[-1:], stop)
    cutoff = _cutoff(found, gap)
    if dual.bound >= cutoff:
        return found, []
    surely, never = fixed(node.rest, dual, cutoff)
    keep = np.flatnonzero(~never)
    rest, left = among(node.rest, keep, surely), node.left[keep]
    if not coverable(rest):
        return found, []
    prices = relaxed(rest, dual.price)
    if rest.required.all():
        found = bettered(found, rest, left, prices, [np.arange(left.size)], stop)
        # Without the time to price the only choice left, the node stays open.
        return found, [node] if stop.passed() else []
    return found, _children(rest, left, prices, max(node.bound, dual.bound))


def _children(rest: Sites, left: Ints, dual: Dual, bound: float) -> list[_Node]:
    """Divide by the facility whose other state costs most: it is open, or it is not."""
    free = dual.open & ~rest.required
    free = free if free.any() else ~rest.required
    facility = int(np.where(free, penalties(rest, dual), -1.0).argmax())
    this = np.arange(left.size) == facility
    without = np.flatnonzero(~this)
    parts = [
        (among(rest, np.arange(left.size), rest.required | this), left),
        (among(rest, without, rest.required), left[without]),
    ]
    return [_Node(bound, 0, part, of, dual.price) for part, of in parts if coverable(part)]
