"""Places that may be opened to serve customers, and how few or many of them may be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.optimization.rows import Floats, Ints

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Sites:
    """Facilities, their customers, and what opening and serving cost.

    Attributes
    ----------
    fixed_cost, capacity : ndarray, shape (m,)
        Cost of opening each facility, and the demand that it can serve: at most all of it.
    demand : ndarray, shape (n,)
        Demand of each customer, in the unit of `capacity`.
    cost : ndarray, shape (m, n)
        Cost of serving all of a customer from a facility.
    fewest, most : int
        How many facilities may be open.
    required : ndarray of bool, shape (m,)
        Those that are open in any case.
    """

    fixed_cost: Floats
    capacity: Floats
    demand: Floats
    cost: Floats
    fewest: int
    most: int
    required: Flags

    @property
    def uncapacitated(self) -> bool:
        """Whether each facility could serve all of the demand."""
        return bool((self.capacity >= self.demand.sum()).all())


def sites(
    fixed_cost: ArrayLike,
    capacity: ArrayLike,
    demand: ArrayLike,
    assignment_cost: ArrayLike,
    open_count: int | None = None,
) -> Sites:
    """Check a location problem and count how few facilities could serve the demand.

    Parameters
    ----------
    fixed_cost, capacity : array_like, shape (m,)
        Cost of opening each facility, and the demand that it can serve (may be infinite).
    demand : array_like, shape (n,)
        Demand of each customer.
    assignment_cost : array_like, shape (n, m)
        Cost of serving all of a customer from a facility.
    open_count : int, optional
        Exactly so many facilities are open.

    Returns
    -------
    Sites
        With `capacity` cut at the total demand.

    Raises
    ------
    ValueError
        If shapes differ, a figure is negative or not finite, or the capacity cannot suffice.

    Examples
    --------
    >>> found = sites([5, 5, 5], [4, 4, 2], [3, 3], [[1, 2, 3], [3, 2, 1]])
    >>> found.fewest, found.most
    (2, 3)
    """
    fixed, room, need, cost = (
        np.asarray(a, float) for a in (fixed_cost, capacity, demand, assignment_cost)
    )
    _check_shapes(fixed, room, need, cost)
    _check_figures(fixed, room, need, cost)
    total = float(need.sum())
    room = np.minimum(room, total)
    covered = np.cumsum(np.sort(room)[::-1]) >= total * (1 - 1e-12)
    if not covered[-1]:
        raise ValueError("`capacity` of all facilities together must cover the total of `demand`")
    fewest = int(covered.argmax()) + 1
    if open_count is not None and open_count != int(open_count):
        raise ValueError(f"`open_count` must be a whole number, not {open_count}")
    if open_count is not None and not fewest <= open_count <= fixed.size:
        raise ValueError(
            f"`open_count` must be from {fewest} (fewer cannot serve the demand) to {fixed.size} "
            f"(there are no more facilities), not {open_count}"
        )
    low, high = (fewest, fixed.size) if open_count is None else (open_count, open_count)
    by_facility = np.ascontiguousarray(cost.T)
    return Sites(fixed, room, need, by_facility, low, high, np.zeros(fixed.size, bool))


def among(problem: Sites, facility: Ints, required: Flags) -> Sites:
    """Return the problem with only some of its facilities.

    Parameters
    ----------
    problem : Sites
        All facilities.
    facility : ndarray of int, shape (k,)
        Those that remain.
    required : ndarray of bool, shape (m,)
        Which of all are open in any case.

    Returns
    -------
    Sites
        The same customers and the facilities in the order of `facility`.

    Examples
    --------
    >>> all_of_them = sites([5, 6, 7], [9, 9, 9], [3, 3], [[1, 2, 3], [3, 2, 1]])
    >>> among(all_of_them, np.array([0, 2]), np.array([True, False, False])).fixed_cost
    array([5., 7.])
    """
    return replace(
        problem,
        fixed_cost=problem.fixed_cost[facility],
        capacity=problem.capacity[facility],
        cost=np.ascontiguousarray(problem.cost[facility]),
        fewest=max(problem.fewest, int(required.sum())),
        most=min(problem.most, facility.size),
        required=required[facility],
    )


def coverable(problem: Sites) -> bool:
    """Return whether a permitted number of the facilities can serve the demand.

    Parameters
    ----------
    problem : Sites
        Facilities, some of them required.

    Returns
    -------
    bool
        Whether the required and the largest others suffice.

    Examples
    --------
    >>> two = sites([5, 6], [2, 2], [1, 2], [[1, 2], [3, 2]])
    >>> coverable(two), coverable(among(two, np.array([1]), np.zeros(2, bool)))
    (True, False)
    """
    must = problem.required
    spare = problem.most - int(must.sum())
    if spare < 0 or problem.fewest > must.size:
        return False
    others = np.sort(problem.capacity[~must])[::-1][:spare]
    room = problem.capacity[must].sum() + others.sum()
    return bool(room >= problem.demand.sum() * (1 - 1e-12))


def _check_shapes(fixed: Floats, room: Floats, need: Floats, cost: Floats) -> None:
    """Raise unless there are customers and facilities and all arrays agree on how many."""
    if fixed.ndim != 1 or need.ndim != 1 or not fixed.size or not need.size:
        raise ValueError("`fixed_cost` and `demand` must be one-dimensional and not empty")
    if room.shape != fixed.shape:
        raise ValueError("`capacity` must have one value for each of `fixed_cost`")
    if cost.shape != (need.size, fixed.size):
        raise ValueError(
            f"`assignment_cost` must have a row for each customer and a column for each facility, "
            f"shape ({need.size}, {fixed.size}), not {cost.shape}"
        )


def _check_figures(fixed: Floats, room: Floats, need: Floats, cost: Floats) -> None:
    """Raise unless all figures are non-negative, and finite but for capacities."""
    for name, figures in (("fixed_cost", fixed), ("demand", need), ("assignment_cost", cost)):
        if not (np.isfinite(figures) & (figures >= 0)).all():
            raise ValueError(f"`{name}` must be finite and not negative")
    if np.isnan(room).any() or (room < 0).any():
        raise ValueError("`capacity` must not be negative; it may be infinite")
