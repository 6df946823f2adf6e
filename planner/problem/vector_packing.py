r"""Whether pods can be packed into servers at all, and rows that every packing keeps.

The kernel knows no model: whole sizes by service and resource, whole pods by service, whole rooms
by server and resource.  A quick yes is a first-fit packing.  A quick no is a row

.. math:: \sum_t W_t P_t \le \sum_i \max_{a \in \mathbb N^S} \{W a : \text{sizes}^\top a \le C_i\}

with whole weights ``W ≥ 0``, which every packing keeps.  The weights are the duals of the packing
in fractions of patterns (what one server may hold), whose patterns are priced in by knapsacks; that
relaxation hardly ever says yes where the truth is no, and where it says yes its patterns, rounded
down, leave a small rest to pack.  What is still open is searched exactly up to `NODE_LIMIT`.

References
----------
P. C. Gilmore and R. E. Gomory, "A linear programming approach to the cutting-stock problem",
Operations Research 9, 1961, doi 10.1287/opre.9.6.849.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NODE_LIMIT = 5_000
"""Branch-and-bound nodes an exact search: a count, so that the same input gives the same."""

_GRAINS = (60, 27720, 10**6)
"""Whole numbers that duals are multiplied by, the coarsest that leaves a row that says no."""

_INFEASIBLE = 2
_SLACK = 1e-6
_MOST_PATTERNS = 400
"""Patterns after which no more are priced in: the search decides then."""


@dataclass(frozen=True)
class PackingCut:
    """A row ``weight · pods ≤ room`` that every packing of a region keeps.

    Attributes
    ----------
    region : int
        Index of the region.
    weight : tuple of int
        By service, not below 0.
    room : int
        What its servers hold of it.
    """

    region: int
    weight: tuple[int, ...]
    room: int


@dataclass(frozen=True)
class Packed:
    """Whether pods can be packed.

    Attributes
    ----------
    can : bool or None
        None where the search stopped at its limit.
    weight : tuple of int, or None
        Weights of a row that says no, where one does.
    room : int
        Its right side.
    """

    can: bool | None
    weight: tuple[int, ...] | None = None
    room: int = 0


def packed(sizes: Ints, pods: Ints, servers: Ints) -> Packed:
    """Return whether servers hold given pods if somebody packs them perfectly.

    Parameters
    ----------
    sizes : ndarray of int, shape (S, Q)
        What one pod of each service takes of each resource.
    pods : ndarray of int, shape (S,)
        Pods of each service.
    servers : ndarray of int, shape (I, Q)
        What each server has.

    Returns
    -------
    Packed
        Yes, no or, at the limit of the search, nothing known.

    Examples
    --------
    Two servers of 10 cores hold pods of 5, 5 and 10 cores; three of 6 need three servers.

    >>> two = np.array([[10], [10]])
    >>> packed(np.array([[5], [10]]), np.array([2, 1]), two).can
    True
    >>> packed(np.array([[3], [6]]), np.array([0, 3]), two)
    Packed(can=False, weight=(0, 60), room=120)
    """
    return _packed(*(tuple(map(tuple, each.tolist())) for each in (sizes, servers, pods[None])))


@lru_cache(maxsize=20_000)
def _packed(
    sizes: tuple[tuple[int, ...], ...],
    servers: tuple[tuple[int, ...], ...],
    pods: tuple[tuple[int, ...], ...],
) -> Packed:
    """Answer and remember: a search asks for the same counts again and again."""
    size, count = np.array(sizes, np.int64), np.array(pods[0], np.int64)
    runs = np.flatnonzero(count > 0)
    if not runs.size:
        return Packed(can=True)
    room = np.array(servers, np.int64).reshape(-1, size.shape[1])
    unit = np.maximum(np.gcd.reduce(size[runs], axis=0), 1)
    found = _answered(size[runs] // unit, count[runs], room // unit)
    if found.weight is None:
        return found
    weight = np.zeros(count.size, np.int64)
    weight[runs] = found.weight
    return Packed(can=False, weight=tuple(weight.tolist()), room=found.room)


def _answered(size: Ints, pods: Ints, room: Ints) -> Packed:
    """Try the quick ways, then search."""
    if not len(room):
        return Packed(can=False, weight=(1,) * len(pods), room=0)
    if _first_fit(size, pods, room):
        return Packed(can=True)
    kinds, many = np.unique(room, axis=0, return_counts=True)
    no, rest = _by_patterns(size, pods, kinds, many)
    if no is not None:
        return no
    left, servers = rest
    if left.min(initial=0) >= 0 and (
        _first_fit(size, left, servers) or _searched(size, left, servers)
    ):
        return Packed(can=True)
    return Packed(_searched(size, pods, room))


def _first_fit(size: Ints, pods: Ints, room: Ints) -> bool:
    """Return whether the largest first, each on the first server with room, leave none over."""
    if not len(room):
        return not pods.any()
    share = size / np.maximum(room.max(axis=0), 1)
    return any(
        not _left_over(size, pods, room, np.argsort(-by, kind="stable"))
        for by in (share.max(axis=1), share.sum(axis=1), *share.T)
    )


def _left_over(size: Ints, pods: Ints, room: Ints, order: Ints) -> bool:
    """Return whether pods are left over where services are placed in an order."""
    free = room.copy()
    for service in order:
        most = alone(size[[service]], free)[0]
        before = np.concatenate([[0], np.cumsum(most)[:-1]])
        placed = np.clip(pods[service] - before, 0, most)
        if placed.sum() < pods[service]:
            return True
        free -= placed[:, None] * size[service]
    return False


def alone(size: Ints, room: Ints) -> Ints:
    """Return how many pods of each service each server holds alone.

    Parameters
    ----------
    size : ndarray of int, shape (S, Q)
        What one pod of each service takes.
    room : ndarray of int, shape (I, Q)
        What each server has.

    Returns
    -------
    ndarray of int, shape (S, I)
        Pods; resources of which a service takes nothing do not count.
    """
    taken = size[:, None, :]
    most: Ints = np.where(taken > 0, room // np.maximum(taken, 1), np.iinfo(np.int64).max).min(2)
    return most


def _by_patterns(
    size: Ints, pods: Ints, kinds: Ints, many: Ints
) -> tuple[Packed | None, tuple[Ints, Ints]]:
    """Pack in fractions of patterns; return a no with its row, or pods and servers still to pack.

    The program: as few pods left over as can be, with at most `many` patterns of each kind.
    """
    kind = list(range(len(kinds)))
    pattern = [np.zeros(len(pods), np.int64) for _ in kind]
    for service, each in enumerate(alone(size, kinds)):
        for at in np.flatnonzero(each):
            kind.append(int(at))
            pattern.append(np.where(np.arange(len(pods)) == service, each[at], 0))
    while True:
        over, weight, worth, used = _fractions(np.array(pattern), np.array(kind), pods, many)
        better = [_knapsack(np.maximum(weight, 0.0), size, room) for room in kinds]
        gain = [float(weight @ a) - worth[at] for at, (a, _) in enumerate(better)]
        if max(gain) <= _SLACK or len(pattern) >= _MOST_PATTERNS:
            break
        for at in np.flatnonzero(np.array(gain) > _SLACK):
            kind.append(int(at))
            pattern.append(better[at][0])
    if over > _SLACK:
        no = _row(weight, size, pods, kinds, many)
        if no is not None:
            return no, (pods, kinds[:0])
    whole = np.floor(used + _SLACK).astype(np.int64)
    left = np.maximum(pods - whole @ np.array(pattern), 0)
    servers = np.maximum(many - np.bincount(kind, whole, len(kinds)).astype(np.int64), 0)
    return None, (left, np.repeat(kinds, servers, axis=0))


def _fractions(
    pattern: Ints, kind: Ints, pods: Ints, many: Ints
) -> tuple[float, Floats, Floats, Floats]:
    """Return the pods left over, the worth of a pod and of a server of each kind, and the use."""
    count, services = pattern.shape
    own = (kind[None, :] == np.arange(many.size)[:, None]).astype(float)
    upper = np.block(
        [
            [own, np.zeros((many.size, services))],
            [-pattern.T.astype(float), -np.eye(services)],
        ]
    )
    cost = np.concatenate([np.zeros(count), np.ones(services)])
    found = linprog(cost, upper, np.concatenate([many, -pods]), method="highs")
    dual = -np.asarray(found.ineqlin.marginals)
    return float(found.fun), dual[many.size :], dual[: many.size], found.x[:count]


def _knapsack(worth: Floats, size: Ints, room: Ints) -> tuple[Ints, float]:
    """Return what one server best holds, and a bound on what anything it holds is worth."""
    most = alone(size, room[None])[:, 0]
    found = milp(
        -worth,
        integrality=np.ones(worth.size),
        bounds=Bounds(0, most),
        constraints=[LinearConstraint(size.T.astype(float), ub=room)],
        options={"node_limit": NODE_LIMIT, "mip_rel_gap": 0.0},
    )
    if found.x is None:
        return np.zeros(worth.size, np.int64), float(worth @ most)
    held = np.rint(found.x).astype(np.int64)
    if (held @ size > room).any():
        held = np.zeros_like(held)
    return held, float(-found.mip_dual_bound)


def _row(weight: Floats, size: Ints, pods: Ints, kinds: Ints, many: Ints) -> Packed | None:
    """Return the row of whole weights if the pods break it."""
    for grain in _GRAINS:
        whole = np.rint(np.clip(weight, 0.0, 1.0) * grain).astype(np.int64)
        each = [int(np.floor(_knapsack(whole.astype(float), size, k)[1] + _SLACK)) for k in kinds]
        room = int(np.array(each, np.int64) @ many)
        if int(whole @ pods) > room:
            return Packed(can=False, weight=tuple(whole.tolist()), room=room)
    return None


def _searched(size: Ints, pods: Ints, room: Ints) -> bool | None:
    """Search a packing server by server, equal ones in order of the pods of the first service."""
    services, servers = len(size), len(room)
    if not servers:
        return not pods.any()
    rows = [
        LinearConstraint(csr_array(np.kron(size.T, np.eye(servers))), ub=room.T.ravel()),
        LinearConstraint(csr_array(np.kron(np.eye(services), np.ones((1, servers)))), pods, pods),
    ]
    equal = np.flatnonzero((room[1:] == room[:-1]).all(axis=1))
    if equal.size:
        falling = np.zeros((equal.size, services * servers))
        falling[np.arange(equal.size), equal], falling[np.arange(equal.size), equal + 1] = 1, -1
        rows.append(LinearConstraint(csr_array(falling), lb=0))
    found = milp(
        np.zeros(services * servers),
        integrality=np.ones(services * servers),
        bounds=Bounds(0, np.minimum(alone(size, room), pods[:, None]).ravel()),
        constraints=rows,
        options={"node_limit": NODE_LIMIT},
    )
    if found.status == _INFEASIBLE:
        return False
    if found.x is None:
        return None
    placed = np.rint(found.x).astype(np.int64).reshape(services, servers)
    holds = (placed.sum(axis=1) == pods).all() and (placed.T @ size <= room).all()
    return True if holds else None
