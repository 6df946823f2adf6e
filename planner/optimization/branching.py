r"""Branch and bound over a node relaxation: which column to branch on, and a plunge into the tree.

The column is the one whose two children are expected to rise most, by the product of what earlier
branchings on it gained for each unit (pseudo-costs).  A plunge goes on with the child that rises
least, so most nodes start from the basis at hand.

References
----------
T. Achterberg, T. Koch and A. Martin, "Branching rules revisited", Operations Research Letters 33,
2005, doi 10.1016/j.orl.2004.04.002.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from planner.optimization.node_relaxation import Node, NodeRelaxation
from planner.optimization.rows import Floats, Ints
from planner.optimization.stopping import Stop

WHOLE = 1e-6
"""What a column may be off an integer."""

_LEAST = 1e-6
"""A gain that is not nothing, so that one useless direction does not hide the other."""


@dataclass
class PseudoCosts:
    """What branching has gained so far.

    Attributes
    ----------
    gained : ndarray, shape (2, n)
        Sum of gains for each unit, of rounding each integer column down and up.
    count : ndarray, shape (2, n)
        How many there were.
    """

    gained: Floats
    count: Floats

    def copy(self) -> PseudoCosts:
        """Return a copy that learns on its own."""
        return PseudoCosts(self.gained.copy(), self.count.copy())

    def learn(self, up: int, column: int, gain: float) -> None:
        """Take note of a gain for one unit.

        Parameters
        ----------
        up, column : int
            1 for up and 0 for down; which integer column.
        gain : float
            By how much the relaxation rose.
        """
        self.gained[up, column] += gain
        self.count[up, column] += 1

    def expected(self) -> Floats:
        """Return the gain for one unit of each direction and column, shape (2, n)."""
        mean = self.gained.sum(axis=1) / np.maximum(self.count.sum(axis=1), 1)
        known: Floats = np.where(
            self.count > 0, self.gained / np.maximum(self.count, 1), mean[:, None]
        )
        return known

    def choose(self, x: Floats, rank: Ints) -> int:
        """Return the column to branch on, -1 where all are whole.

        Parameters
        ----------
        x : ndarray, shape (n,)
            Values of the integer columns.
        rank : ndarray of int, shape (n,)
            Columns of a higher rank wait until those of the lower ones are whole.

        Returns
        -------
        int
            Which integer column.

        Examples
        --------
        >>> costs = PseudoCosts(np.array([[1.0, 9.0], [1.0, 9.0]]), np.ones((2, 2)))
        >>> costs.choose(np.array([0.5, 0.5]), np.zeros(2, np.int64))
        1
        >>> costs.choose(np.array([3.0, 4.0]), np.zeros(2, np.int64))
        -1
        """
        part = x - np.floor(x)
        split = np.flatnonzero(np.minimum(part, 1 - part) > WHOLE)
        if not split.size:
            return -1
        split = split[rank[split] == rank[split].min()]
        down, up = self.expected()[:, split] * np.stack([part[split], 1 - part[split]])
        return int(split[np.argmax(np.maximum(down, _LEAST) * np.maximum(up, _LEAST))])


@dataclass
class Plunge:
    """What a plunge left behind.

    Attributes
    ----------
    open : list of Node
        Parts that are still to be looked at.
    leaves : list of Node
        Parts whose relaxation is whole.
    unresolved : list of Node
        Parts that the solver gave up.
    costs : PseudoCosts
        What it knows now.
    """

    costs: PseudoCosts
    open: list[Node] = field(default_factory=list)
    leaves: list[Node] = field(default_factory=list)
    unresolved: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Plunger:
    """Explores parts of the tree with a relaxation of its own.

    Attributes
    ----------
    relaxation : NodeRelaxation
        Nobody else uses it.
    column, rank : ndarray of int, shape (n,)
        Integer columns, and in which order of rank they are branched on.  After one of a negative
        rank a plunge ends, unless it is a dive: far from its parent a child lacks rows.
    stop : Stop
        When to stop.
    """

    relaxation: NodeRelaxation
    column: Ints
    rank: Ints
    stop: Stop

    def explore(
        self,
        nodes: list[Node],
        cutoff: float,
        costs: PseudoCosts,
        most: int,
        plunge_to: float = np.inf,
        *,
        dive: bool = False,
    ) -> Plunge:
        """Plunge from nodes until so many relaxations are solved.

        Parameters
        ----------
        nodes : list of Node
            Where to start, in this order.
        cutoff : float
            Parts that cost so much are of no interest.
        costs : PseudoCosts
            What is known; it is copied.
        most : int
            Relaxations to solve, roughly.
        plunge_to : float
            Parts that cost so much are left open instead of going deeper.
        dive : bool
            Whether to go down from the first node to a leaf, however many relaxations it takes.

        Returns
        -------
        Plunge
            All of the nodes, explored as far as that went.
        """
        found = Plunge(costs.copy())
        waiting = nodes[::-1]
        if dive and waiting:
            self._plunge(waiting.pop(), cutoff, found)
        while waiting and most > 0 and not self.stop.passed():
            most -= self._plunge(waiting.pop(), cutoff, found, most, plunge_to)
        found.open += waiting[::-1]
        return found

    def _plunge(
        self,
        start: Node,
        cutoff: float,
        found: Plunge,
        most: float = np.inf,
        plunge_to: float = np.inf,
    ) -> int:
        """Go down from a node; return how many relaxations were solved."""
        self.relaxation.start(start.basis)
        node, solved = self.relaxed(start, cutoff), 1
        while node.bound < cutoff:
            if node.x is None:
                found.unresolved.append(node)
                return solved
            far = solved >= most or node.bound >= plunge_to
            if (far and node is not start) or self.stop.passed():
                found.open.append(replace(node, basis=self.relaxation.basis()))
                return solved
            index = found.costs.choose(node.x[self.column], self.rank)
            if index < 0:
                found.leaves.append(replace(node, basis=self.relaxation.basis()))
                return solved
            node = self._branch(node, index, cutoff, found)
            solved += 2
            if self.rank[index] < 0 and most < np.inf:
                most = 0
        return solved

    def relaxed(self, node: Node, cutoff: float) -> Node:
        """Return a node with its best point, solved if it is not known."""
        return self.relaxation.solved(node, cutoff) if node.x is None else node

    def _branch(self, node: Node, index: int, cutoff: float, found: Plunge) -> Node:
        """Solve both children; leave one open and return the other, or the last that was pruned."""
        assert node.x is not None
        basis, value = self.relaxation.basis(), float(node.x[self.column[index]])
        part = value - np.floor(value)
        down, up = found.costs.expected()[:, index] * (part, 1 - part)
        # The child that is expected to stay is solved last: its basis is then at hand.
        first, last = (0, 1) if down > up else (1, 0)
        one = self._child(node, index, first, cutoff, found.costs)
        ended = self.relaxation.basis()
        self.relaxation.start(basis)
        other = self._child(node, index, last, cutoff, found.costs)
        if one.bound < other.bound:
            if other.bound < cutoff:
                found.open.append(replace(other, basis=self.relaxation.basis()))
            self.relaxation.start(ended)
            return one
        if one.bound < cutoff:
            found.open.append(replace(one, basis=ended))
        return other

    def _child(self, node: Node, index: int, up: int, cutoff: float, costs: PseudoCosts) -> Node:
        """Solve one child and learn from it."""
        assert node.x is not None
        lower, upper, value = node.lower, node.upper, float(node.x[self.column[index]])
        if up:
            lower = lower.copy()
            lower[index] = np.ceil(value)
        else:
            upper = upper.copy()
            upper[index] = np.floor(value)
        child = self.relaxation.solved(Node(node.bound, lower, upper), cutoff)
        rise = min(child.bound, cutoff) - node.bound
        if np.isfinite(rise):
            costs.learn(up, index, rise / (np.ceil(value) - value if up else value % 1))
        return child
