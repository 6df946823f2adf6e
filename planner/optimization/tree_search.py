"""The proof of adaptive steering: a branch and bound whose rows grow while it runs.

Rows are missing in the program without flows: cuts that only whole replicas break, and bounds on
what routing costs.  A solver that knows nothing of them starts anew with each; this tree goes on.
Every leaf is judged: it breaks cuts, or it is a plan and shows what its routing really costs.

Several parts of the tree are explored side by side, always the same number of them for the same
number of relaxations, so that the answer does not depend on how many cores there are.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace

import numpy as np

from planner.optimization.branching import Plunge, Plunger, PseudoCosts
from planner.optimization.condensed import Condensed
from planner.optimization.neighbourhood import Evaluate, Point, better
from planner.optimization.node_relaxation import Matrix, Node, NodeRelaxation
from planner.optimization.rerouting import add_broken_cuts, add_prices
from planner.optimization.side_by_side import side_by_side
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Bools, Floats, Ints

_LANES = 4
"""Parts explored side by side."""

_NODES = 8
"""Nodes that each of them starts from at most."""

_SOLVED = 80
"""Relaxations of each before what was found is put together."""

_PLUNGE = 0.3
"""Part of the way from the bound to the cutoff that a plunge goes before it leaves a part open."""

_BROKEN = 1e-7

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
    """

    small: Condensed
    evaluate: Evaluate
    gap: float
    stop: Stop
    best: Point | None
    bound: float
    _heap: list[tuple[float, int, Node]] = field(default_factory=list)
    _pushed: int = 0
    _given_up: float = np.inf
    _judged: set[bytes] = field(default_factory=set)

    def run(self) -> None:
        """Search until the gap is closed, nothing is left, or time is up."""
        self._set_up()
        self._round()
        if self._heap:
            self._drop_rows()
        while self._heap and not self._done():
            self._round()
            self._settle_bound()
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
        least = min(self._heap[0][0] if self._heap else np.inf, self._given_up, self.cutoff)
        self.bound = max(self.bound, least)

    def _push(self, node: Node) -> None:
        """Add a part to those that are open."""
        if node.bound < self.cutoff:
            self._pushed += 1
            heapq.heappush(self._heap, (node.bound, self._pushed, node))

    def _set_up(self) -> None:
        """Make the root, the lanes, and what they share."""
        master, program = self.small.adaptive.master, self.small.adaptive.program
        self._column = master.integer
        whole = np.zeros(self._column.size, dtype=np.int64)
        whole[: self._column.size - master.replicas.size] = 1
        self._rank = whole
        lower, upper = program.bounds(self._column)
        model = program.model()
        self._matrix = Matrix.of(model)
        low, high = np.array(model.col_lower_), np.array(model.col_upper_)
        self._kept = np.flatnonzero(self._matrix.needed(low, high))
        self._costs = PseudoCosts(np.zeros((2, whole.size)), np.zeros((2, whole.size)))
        self._make_lanes()
        self._push(Node(-np.inf, np.array(lower), np.array(upper)))

    def _make_lanes(self) -> None:
        """Make the lanes anew with the rows that are kept."""
        model = self.small.adaptive.program.model()
        self._lanes = []
        for _ in range(_LANES):
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
        parts: list[list[Node]] = [[] for _ in range(_LANES)]
        for turn in range(_LANES * _NODES):
            if self._heap:
                node = heapq.heappop(self._heap)[2]
                if node.bound < self.cutoff:
                    parts[turn % _LANES].append(node)
        self._price([part[0] for part in parts if part])
        cutoff, costs, low = self.cutoff, self._costs, parts[0][0].bound if parts[0] else 0.0
        to = low + _PLUNGE * (cutoff - low) if np.isfinite(cutoff - low) else np.inf

        def explore(lane: int) -> Plunge:
            return self._lanes[lane].explore(parts[lane], cutoff, costs, _SOLVED, to)

        found = side_by_side(explore, range(_LANES))
        self._learn([plunge.costs for plunge in found])
        for plunge in found:
            for node in plunge.open:
                self._push(node)
            self._given_up = min([self._given_up, *(n.bound for n in plunge.unresolved)])
        self._judge([leaf for plunge in found for leaf in plunge.leaves])

    def _learn(self, found: list[PseudoCosts]) -> None:
        """Add what each lane has learnt to what was known before."""
        before = self._costs
        self._costs = PseudoCosts(
            before.gained + sum(one.gained - before.gained for one in found),
            before.count + sum(one.count - before.count for one in found),
        )

    def _price(self, nodes: list[Node]) -> None:
        """Add bounds on routing at points of the relaxation that pay too little for it."""
        broken = np.zeros(self._matrix.lower.size, dtype=bool)
        for node in nodes:
            if node.x is not None:
                broken |= self._left_out(node.x)
                if self.small.price.size and not self.stop.passed():
                    self.evaluate(node.x[self.small.adaptive.master.replicas])
        if broken.any() or self.small.adaptive.program.row_count > broken.size:
            self._add_rows(np.flatnonzero(broken))

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
            self._push(Node(leaf.bound, leaf.lower, leaf.upper, None, leaf.basis))
        else:
            self._given_up = min(self._given_up, leaf.bound)
