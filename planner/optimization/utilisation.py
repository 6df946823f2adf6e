r"""The least possible maximum utilisation of the links of a network that must carry its demands.

.. math:: \min \theta \quad\text{s.t.}\quad
          \sum_{a \in \delta^+(v)} f_{sa} - \sum_{a \in \delta^-(v)} f_{sa} = b_{sv},\;
          \sum_s f_{sa} \le \theta\, u_a,\; f \ge 0

with one flow for each source ``s`` (all demands of a source share it: optimal flows split back into
paths), ``b_sv`` what ``s`` sends less what ``v`` receives from it.  A failed link is a link of
which all columns are 0, so each failure starts from the basis of the state before.

References
----------
R. K. Ahuja, T. L. Magnanti, J. B. Orlin, "Network Flows", Prentice Hall 1993, chapter 17
(multicommodity flows); S. Gay, P. Schaus, S. Vissicchio, "REPETITA", arXiv 1710.08665 (the bound).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from planner.errors import SolverStopped
from planner.optimization.milp import Milp
from planner.optimization.rows import Floats, Ints, rows
from planner.optimization.stopping import Stop


@dataclass(frozen=True)
class Utilisation:
    """How the demands are carried so that the fullest link is as empty as possible.

    Attributes
    ----------
    utilisation : float
        Flow over capacity of the fullest link; infinite where a demand has no path.
    bound : float
        Proven lower bound of it, from the duals of capacities and balances.
    source : ndarray of int, shape (S,)
        Nodes that send something.
    flow : ndarray, shape (S, A)
        Flow of each source on each directed link; 0 where a demand has no path.
    link_price : ndarray, shape (A,)
        Duals of the capacities, with Σ price · capacity = 1: a link that grows by ``Δ`` lowers the
        utilisation by price · Δ · utilisation, to the first order; 0 on links that are not full.
    """

    utilisation: float
    bound: float
    source: Ints
    flow: Floats
    link_price: Floats


def least_utilisation(
    link_ends: ArrayLike, capacity: ArrayLike, demands: ArrayLike, *, time_limit_s: float = 600.0
) -> Utilisation:
    """Return the least maximum utilisation of directed links.

    Parameters
    ----------
    link_ends : array_like of int, shape (A, 2)
        Tail and head of each directed link, nodes counted from 0; a duplex link is two of them.
    capacity : array_like, shape (A,)
        Capacity of each link, positive.
    demands : array_like, shape (V, V)
        Demand from each node to each other, in the unit of capacity; the diagonal is left out.
    time_limit_s : float
        Seconds after which the solver stops.

    Returns
    -------
    Utilisation
        Optimal within the solver's tolerance; `bound` is the proof.

    Raises
    ------
    ValueError
        If an argument is malformed.
    SolverStopped
        If time ran out.

    Notes
    -----
    Flows may split at will: shortest-path or single-path routing needs at least as much.

    Examples
    --------
    Three units over two ways of capacity 2 and 4:

    >>> demand = np.zeros((3, 3))
    >>> demand[0, 1] = 3.0
    >>> found = least_utilisation([(0, 1), (0, 2), (2, 1)], [2.0, 4.0, 4.0], demand)
    >>> round(found.utilisation, 9)
    0.5
    """
    return _Network(link_ends, capacity, demands).solved((), time_limit_s)


def utilisation_in_failures(
    link_ends: ArrayLike,
    capacity: ArrayLike,
    demands: ArrayLike,
    failures: Sequence[Sequence[int]],
    *,
    time_limit_s: float = 600.0,
) -> list[Utilisation]:
    """Return the least maximum utilisation with links failed, one failure after the other.

    Parameters
    ----------
    link_ends, capacity, demands : array_like
        As in `least_utilisation`.
    failures : sequence of sequence of int
        Directed links that are down together; both directions of a duplex link fail as one.
    time_limit_s : float
        Seconds for each failure.

    Returns
    -------
    list of Utilisation
        In the order of `failures`; infinite utilisation where a demand has no path left.

    Raises
    ------
    ValueError
        If an argument is malformed.
    SolverStopped
        If time ran out.

    Examples
    --------
    >>> ends, demand = [(0, 1), (0, 2), (2, 1)], np.zeros((3, 3))
    >>> demand[0, 1] = 3.0
    >>> found = utilisation_in_failures(ends, [2.0, 4.0, 4.0], demand, [(), (0,), (0, 2)])
    >>> [round(one.utilisation, 9) for one in found]
    [0.5, 0.75, inf]
    """
    network = _Network(link_ends, capacity, demands)
    return [network.solved(tuple(down), time_limit_s) for down in failures]


class _Network:
    """The program of a network, and which links are down in it."""

    def __init__(self, link_ends: ArrayLike, capacity: ArrayLike, demands: ArrayLike) -> None:
        self.ends, self.capacity, self.demand = _checked(link_ends, capacity, demands)
        self.source = np.flatnonzero(self.demand.any(axis=1))
        # Each in a unit of its own: links that are all but empty would be lost in one for both.
        self.room_unit = float(self.capacity.mean())
        self.flow_unit = float(self.demand.max(initial=0.0)) or 1.0
        self.program = Milp()
        self._build()

    def _build(self) -> None:
        """Write θ, the flows, their balances and the capacities."""
        sources, links, nodes = self.source.size, len(self.ends), len(self.demand)
        self.theta = self.program.add_columns([1.0], 0.0, np.inf)
        self.flow = self.program.add_columns(np.zeros(sources * links), 0.0, np.inf)
        self.flow = self.flow.reshape(sources, links)
        block = np.repeat(np.arange(sources) * nodes, links)
        tail, head = (np.tile(self.ends[:, i], sources) + block for i in (0, 1))
        sent = -self.demand[self.source] / self.flow_unit
        sent[np.arange(sources), self.source] -= sent.sum(axis=1)
        one = np.ones(self.flow.size)
        balance = rows(
            sent.ravel(),
            sent.ravel(),
            np.concatenate([tail, head]),
            np.concatenate([self.flow.ravel(), self.flow.ravel()]),
            np.concatenate([one, -one]),
        )
        at = np.concatenate([np.tile(np.arange(links), sources), np.arange(links)])
        column = np.concatenate([self.flow.ravel(), np.repeat(self.theta, links)])
        value = np.concatenate([one, -self.capacity / self.room_unit])
        held = rows(np.full(links, -np.inf), np.zeros(links), at, column, value)
        self.program.add_rows(balance)
        self.held = self.program.add_rows(held)

    def solved(self, down: tuple[int, ...], time_limit_s: float) -> Utilisation:
        """Solve with links down and set them up again."""
        lost = np.array(sorted(set(down)), dtype=np.int64)
        if lost.size and (lost[0] < 0 or lost[-1] >= len(self.ends)):
            raise ValueError("`failures` counts directed links from 0")
        column = self.flow[:, lost].ravel()
        self.program.bound_columns(column, 0.0, 0.0)
        found = self.program.relaxation(Stop(time_limit_s))
        self.program.bound_columns(column, 0.0, np.inf)
        links = len(self.ends)
        if found.status == "infeasible":
            nothing = np.zeros((self.source.size, links))
            return Utilisation(np.inf, np.inf, self.source, nothing, np.zeros(links))
        if found.status != "optimal" or found.x is None or found.row_dual is None:
            raise SolverStopped("time ran out before the least utilisation was found")
        flow = np.maximum(0.0, found.x[self.flow]) * self.flow_unit
        price = np.maximum(0.0, -found.row_dual[self.held]) / self.room_unit
        used = float((flow.sum(axis=0) / self.capacity).max(initial=0.0))
        return Utilisation(used, self._bound(price, lost), self.source, flow, price)

    def _bound(self, price: Floats, lost: Ints) -> float:
        """Return Σ demand · distance over Σ price · capacity, distances by the link prices."""
        length = price.copy()
        length[lost] = np.inf
        worth = float(price @ self.capacity)
        away = _distances(self.ends, length, len(self.demand), self.source)
        carried = self.demand[self.source]
        paid = float((carried[carried > 0] * away[carried > 0]).sum())
        return paid / worth if worth > 0 else 0.0


def _distances(ends: Ints, length: Floats, nodes: int, source: Ints) -> Floats:
    """Return the shortest distances from sources; lengths may be 0 and links parallel."""
    away = np.full((nodes, source.size), np.inf)
    away[source, np.arange(source.size)] = 0.0
    for _ in range(nodes):
        before = away.copy()
        np.minimum.at(away, ends[:, 1], before[ends[:, 0]] + length[:, None])
        if np.array_equal(away, before):
            break
    return away.T


def _checked(
    link_ends: ArrayLike, capacity: ArrayLike, demands: ArrayLike
) -> tuple[Ints, Floats, Floats]:
    """Return links, capacities and demands, or say what is wrong with them."""
    ends = np.asarray(link_ends, dtype=np.int64)
    room, demand = np.asarray(capacity, dtype=float), np.array(demands, dtype=float)
    if demand.ndim != 2 or demand.shape[0] != demand.shape[1]:
        raise ValueError("`demands` is a square matrix")
    if ends.ndim != 2 or ends.shape[1] != 2 or room.shape != ends.shape[:1] or not room.size:
        raise ValueError("`link_ends` has two nodes and `capacity` one figure for each link")
    if ends.min() < 0 or ends.max() >= len(demand):
        raise ValueError("`link_ends` names nodes that `demands` does not have")
    if not (np.isfinite(room).all() and (room > 0).all()):
        raise ValueError("`capacity` is positive and finite")
    if not (np.isfinite(demand).all() and (demand >= 0).all()):
        raise ValueError("`demands` are finite and not negative")
    np.fill_diagonal(demand, 0.0)
    return ends, room, demand
