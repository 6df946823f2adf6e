"""The proof where steering is priced: a branch and bound whose rows grow while it runs.

Rows are missing in the program without flows: cuts that only whole replicas break, and bounds on
what routing costs.  A solver that knows nothing of them starts anew with each; this tree goes on.
Every leaf is judged: it breaks cuts, or it is a plan and shows what its routing really costs; what
comes back is gone on with at once.  The levels of services (`planner.optimization.largest_losses`)
are branched on first, and every point that is branched on is priced before: one level more or less
moves a replica in all regions, and the bounds on routing say little so far away.

Several parts of the tree are explored side by side, always the same number of them for the same
number of relaxations, so that the answer does not depend on how many cores there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from planner.optimization.branching import WHOLE, Plunge, Plunger, PseudoCosts
from planner.optimization.condensed import Condensed
from planner.optimization.neighbourhood import Evaluate, Point, better
from planner.optimization.node_relaxation import Matrix, Node, NodeRelaxation
from planner.optimization.normal_routing import RoutingBound
from planner.optimization.rerouting import add_broken_cuts, add_prices
from planner.optimization.side_by_side import side_by_side
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Bools, Floats, Ints

LANES = 4
"""Parts explored side by side."""

Priced = tuple[float, RoutingBound] | None
"""What the routing of a point costs and the bound that is tight there; None where time is up."""

Price = Callable[[list[list[Floats]]], list[list[Priced]]]
"""Takes the replicas (S, R) of some points of each lane and prices their routing."""

_NODES = 8
"""Nodes that each of them starts from at most."""

_SOLVED = 80
"""Relaxations of each before what was found is put together."""

_MANY = 200
"""Where fewer parts are open the end is nearer than such a plan."""

_FEW = 50
"""Of so many of the lowest parts the first one whose point is known counts."""

_PLUNGE = 0.3
"""Part of the way from the bound to the cutoff that a plunge goes before it leaves a part open."""

_DIVES = 2
"""Every so many rounds each lane goes down to a leaf, once the lowest part has whole levels."""

_LOOKS = 8
"""Every so many rounds a plan is looked for close to the lowest part."""

_BROKEN = 1e-7

_SHORT = 0.02
"""Part of the gap that a node may pay too little for its routing."""

_FAR = 1e-3
"""Slack, in units of a row's largest coefficient, from which on it is left out at first."""


@dataclass
class TreeSearch:
    """The state of the search.

    Attributes
    ----------
    small : Condensed
        The program without flows.
    evaluate : callable
        What replicas really cost; only asked about replicas that keep every promise.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    best : Point or None
        Best plan so far.
    bound : float
        Proven lower bound, US dollars a month.
    look : callable or None
        Takes the best plan and a point of the relaxation, looks for a better plan.
    price : callable or None
        Prices routing; where there is none, few points are priced, by `evaluate`.
    """

    small: Condensed
    evaluate: Evaluate
    gap: float
    stop: Stop
    best: Point | None
    bound: float
    look: Callable[[Point | None, Floats], Point | None] | None = None
    price: Price | None = None
    _heap: list[tuple[float, int, Node]] = field(default_factory=list)
    _pushed: int = 0
    _given_up: float = np.inf
    _turn: int = 0
    _back: list[Node] = field(default_factory=list)
    _judged: set[bytes] = field(default_factory=set)

    def run(self) -> None:
        """Search until the gap is closed, nothing is left, or time is up."""
        self._set_up()
        self._round()
        if self._heap:
            self._drop_rows()
        while (self._heap or self._back) and not self._done():
            self._round()
            self._settle_bound()
            if self._turn % _LOOKS == 0 and len(self._heap) >= _MANY and not self._done():
                self._look()
        self._settle_bound()
        self._done()

    @property
    def cutoff(self) -> float:
        """What a plan must stay below to be worth finding."""
        if self.best is None:
            return np.inf
        return self.best.objective - 0.99 * self.gap * max(abs(self.best.objective), 1e-9)

    def _done(self) -> bool:
        """Return whether nothing is left to do."""
        value = None if self.best is None else self.best.objective
        self.stop.tell(value, self.bound)
        return self.stop.passed() or closed(value, self.bound, self.gap)

    def _settle_bound(self) -> None:
        """Raise the bound to that of the lowest part that is open."""
        open_parts = [*(node.bound for node in self._back), *(z for z, *_ in self._heap[:1])]
        least = min([*open_parts, self._given_up, self.cutoff])
        self.bound = max(self.bound, least)

    def _push(self, node: Node) -> None:
        """Add a part to those that are open."""
        if node.bound < self.cutoff:
            self._pushed += 1
            heapq.heappush(self._heap, (node.bound, self._pushed, node))

    def _set_up(self) -> None:
        """Make the root, the lanes, and what they share."""
        master, program = self.small.adaptive.master, self.small.adaptive.program
        level, others = self.small.level, master.integer.size - master.replicas.size
        self._column = np.concatenate([level, master.integer])
        self._rank = np.repeat([-1, 1, 0], [level.size, others, master.replicas.size])
        lower, upper = program.bounds(self._column)
        model = program.model()
        self._matrix = Matrix.of(model)
        low, high = np.array(model.col_lower_), np.array(model.col_upper_)
        self._kept = np.flatnonzero(self._matrix.needed(low, high))
        self._costs = PseudoCosts(*np.zeros((2, 2, self._column.size)))
        self._make_lanes()
        self._push(Node(-np.inf, np.array(lower), np.array(upper)))

    def _make_lanes(self) -> None:
        """Make the lanes anew with the rows that are kept."""
        model = self.small.adaptive.program.model()
        self._lanes = []
        for _ in range(LANES):
            relaxation = NodeRelaxation(model, self._column)
            relaxation.append(self._matrix, self._kept)
            self._lanes.append(Plunger(relaxation, self._column, self._rank, self.stop))

    def _drop_rows(self) -> None:
        """Leave out rows that are far from all points so far; leaves are checked for them."""
        points = [node.x for _, _, node in self._heap if node.x is not None]
        if not points:
            return
        near: Bools = np.any(self._matrix.slack(np.stack(points)) <= _FAR, axis=1)
        self._kept = self._kept[near[self._kept]]
        self._make_lanes()
        self._heap = [(z, at, replace(node, basis=None)) for z, at, node in self._heap]

    def _add_rows(self, more: Ints) -> None:
        """Give every lane the rows that the program has gained, and some that were left out."""
        before, model = self._matrix, self.small.adaptive.program.model()
        self._matrix = Matrix.of(model)
        more = np.append(more, np.arange(before.lower.size, self._matrix.lower.size))
        self._kept = np.append(self._kept, more)
        if before.value.shape[1] < model.num_col_:
            self._make_lanes()
            return
        for lane in self._lanes:
            lane.relaxation.append(self._matrix, more)

    def _round(self) -> None:
        """Explore the lowest open parts side by side, put together, judge the leaves."""
        self._turn += 1
        back = bool(self._back)
        parts: list[list[Node]] = [[] for _ in range(LANES)]
        for turn in range(LANES * _NODES):
            node = self._next()
            if node is not None:
                parts[turn % LANES].append(node)
        dive = back or (self._turn % _DIVES == 0 and bool(parts[0]) and self._whole(parts[0][0]))
        parts = self._priced(parts)
        cutoff, costs, low = self.cutoff, self._costs, self._heap[0][0] if self._heap else 0.0
        low = min([low, *(node.bound for part in parts for node in part)])
        to = low + _PLUNGE * (cutoff - low) if np.isfinite(cutoff - low) else np.inf

        def explore(lane: int) -> Plunge:
            return self._lanes[lane].explore(parts[lane], cutoff, costs, _SOLVED, to, dive=dive)

        found = side_by_side(explore, range(LANES))
        self._learn([plunge.costs for plunge in found])
        for plunge in found:
            for node in plunge.open:
                self._push(node)
            self._given_up = min([self._given_up, *(n.bound for n in plunge.unresolved)])
        self._judge([leaf for plunge in found for leaf in plunge.leaves])

    def _whole(self, node: Node) -> bool:
        """Return whether a part has whole levels."""
        if node.x is None:
            return False
        level = node.x[self.small.level]
        return bool((np.abs(level - np.rint(level)) <= WHOLE).all())

    def _next(self) -> Node | None:
        """Return the next part to explore: leaves that came back, then the lowest."""
        while self._back or self._heap:
            node = self._back.pop(0) if self._back else heapq.heappop(self._heap)[2]
            if node.bound < self.cutoff:
                return node
        return None

    def _look(self) -> None:
        """Look for a better plan close to the lowest part."""
        nodes = [node for *_, node in heapq.nsmallest(_FEW, self._heap) if node.x is not None]
        if self.look is not None and nodes and self._whole(nodes[0]):
            assert nodes[0].x is not None
            self.best = self.look(self.best, nodes[0].x)
            self._add_rows(np.empty(0, np.int64))

    def _learn(self, found: list[PseudoCosts]) -> None:
        """Add what each lane has learnt to what was known before."""
        before = self._costs
        self._costs = PseudoCosts(
            before.gained + sum(one.gained - before.gained for one in found),
            before.count + sum(one.count - before.count for one in found),
        )

    def _priced(self, parts: list[list[Node]]) -> list[list[Node]]:
        """Return nodes, those that paid too little for routing or broke a row to be solved anew."""
        if not self.small.price.size or self.stop.passed():
            return parts
        if self.price is None:
            return self._evaluated(parts)
        n = self.small.adaptive.master.replicas
        points = [[node.x[n] for node in part if node.x is not None] for part in parts]
        broken, again = np.zeros(self._matrix.lower.size, dtype=bool), []
        for part, found in zip(parts, self.price(points), strict=True):
            bounds = iter(found)
            again.append(
                [
                    node if node.x is None else self._paid(node, next(bounds), broken)
                    for node in part
                ]
            )
        if broken.any() or self.small.adaptive.program.row_count > broken.size:
            self._add_rows(np.flatnonzero(broken))
        return again

    def _evaluated(self, parts: list[list[Node]]) -> list[list[Node]]:
        """Add bounds on routing at the first node of each lane, where services share uplinks."""
        broken = np.zeros(self._matrix.lower.size, dtype=bool)
        for node in [part[0] for part in parts if part]:
            if node.x is not None and not self.stop.passed():
                broken |= self._left_out(node.x)
                self.evaluate(node.x[self.small.adaptive.master.replicas])
        if broken.any() or self.small.adaptive.program.row_count > broken.size:
            self._add_rows(np.flatnonzero(broken))
        return parts

    def _paid(self, node: Node, found: Priced, broken: Bools) -> Node:
        """Add what a node pays too little for routing; return the node, its point if it stays."""
        assert node.x is not None
        out = self._left_out(node.x)
        broken |= out
        more = 0
        if found is not None:
            cost, bound = found
            short = cost - float(node.x[self.small.price].sum())
            if short > _SHORT * self.gap * abs(node.bound):
                more = self.small.add_bound(bound, node.x[self.small.adaptive.master.replicas])
        return replace(node, x=None) if more or out.any() else node

    def _left_out(self, x: Floats) -> Bools:
        """Return the rows that were left out and are broken at a point."""
        inside = self._matrix.slack(x[None, : self._matrix.value.shape[1]])[:, 0]
        inside[self._kept] = 0.0
        broken: Bools = inside < -_BROKEN
        return broken

    def _judge(self, leaves: list[Node]) -> None:
        """Find what leaves break or cost, and go on with the program that knows it."""
        broken = np.zeros(self._matrix.lower.size, dtype=bool)
        for leaf in sorted(leaves, key=lambda node: node.bound):
            assert leaf.x is not None
            out = self._left_out(leaf.x)
            broken |= out
            self._judge_leaf(leaf, again=bool(out.any()))
        if broken.any() or self.small.adaptive.program.row_count > broken.size:
            self._add_rows(np.flatnonzero(broken))

    def _judge_leaf(self, leaf: Node, *, again: bool) -> None:
        """Judge one leaf; it comes back with the rows that it lacks."""
        adaptive = self.small.adaptive
        if leaf.bound >= self.cutoff:
            return
        assert leaf.x is not None
        if not again:
            replicas = np.rint(leaf.x[adaptive.master.replicas])
            again = add_broken_cuts(adaptive, replicas, self.stop) > 0
            fresh = replicas.tobytes() not in self._judged
            if not again and fresh and not self.stop.passed():
                self._judged.add(replicas.tobytes())
                self.best = better(self.best, self.evaluate(replicas))
                again = True
            again |= add_prices(adaptive, leaf.x, self.gap * abs(leaf.bound) / 3) > 0
        if again or self.stop.passed():
            self._back.append(Node(leaf.bound, leaf.lower, leaf.upper, None, leaf.basis))
        else:
            self._given_up = min(self._given_up, leaf.bound)
