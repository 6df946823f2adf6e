"""A vectorised search for the edge of a feasible side, by Chandrupatla's method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Excess = Callable[[NDArray[np.float64], NDArray[np.intp]], NDArray[np.float64]]
"""A function of points and of their positions in the arrays that the search was given."""

MAX_STEPS = 400


def feasible_edge(
    excess: Excess,
    feasible: NDArray[np.float64],
    infeasible: NDArray[np.float64],
    *,
    relative: float = 1e-13,
) -> NDArray[np.float64]:
    """Return the points next to the edge at which `excess` is not yet positive.

    Inverse quadratic interpolation where it is safe, else bisection; the edge stays bracketed.

    Parameters
    ----------
    excess : callable
        ``excess(points, index)`` for flat arrays; one sign change between the two ends.
    feasible, infeasible : ndarray, shape (n,)
        Ends of the brackets: `excess` is at most 0 at the first and positive at the second.
    relative : float
        Width of the last bracket, as a share of the point.

    Returns
    -------
    ndarray, shape (n,)
        Feasible ends of the last brackets: `excess` was found to be at most 0 there.

    Notes
    -----
    Edges nearer to zero than 1e-16 times the first bracket are not told from zero.

    References
    ----------
    T. R. Chandrupatla, "A new hybrid quadratic/bisection algorithm for finding the zero of a
    nonlinear function without using derivatives", Advances in Engineering Software 28(3), 1997,
    doi:10.1016/S0965-9978(96)00051-8.

    Examples
    --------
    >>> edge = feasible_edge(lambda x, _: x * x - 2.0, np.array([0.0]), np.array([2.0]))
    >>> edge.round(12).item()
    1.414213562373
    """
    found = feasible.copy()
    bracket = _first_bracket(excess, feasible, infeasible)
    for _ in range(MAX_STEPS):
        done = bracket.closed(relative)
        found[bracket.index[done]] = bracket.feasible_end()[done]
        bracket = bracket.keep(~done)
        if bracket.index.size == 0:
            return found
        points = bracket.next_points(relative)
        bracket = bracket.narrowed(points, excess(points, bracket.index))
    found[bracket.index] = bracket.feasible_end()
    return found


@dataclass(frozen=True)
class _Bracket:
    """Newest point a, opposite end b, previous point c, their excesses, and where they belong."""

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    c: NDArray[np.float64]
    excess_a: NDArray[np.float64]
    excess_b: NDArray[np.float64]
    excess_c: NDArray[np.float64]
    floor: NDArray[np.float64]
    index: NDArray[np.intp]

    def keep(self, mask: NDArray[np.bool_]) -> _Bracket:
        """Return the brackets that `mask` marks."""
        return _Bracket(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))

    def feasible_end(self) -> NDArray[np.float64]:
        """Return the end at which the excess is at most 0."""
        return np.where(self.excess_a <= 0, self.a, self.b)

    def closed(self, relative: float) -> NDArray[np.bool_]:
        """Return which brackets are narrow enough, or have an end exactly on the edge."""
        on_edge = (self.excess_a == 0) | (self.excess_b == 0)
        narrow = np.abs(self.b - self.a) <= self._width(relative)
        return np.asarray(on_edge | narrow)

    def next_points(self, relative: float) -> NDArray[np.float64]:
        """Return the next point of every bracket."""
        least = np.minimum(0.25 * self._width(relative) / np.abs(self.b - self.a), 0.5)
        return self.a + np.clip(self._step(), least, 1 - least) * (self.b - self.a)

    def narrowed(self, points: NDArray[np.float64], excess: NDArray[np.float64]) -> _Bracket:
        """Return the brackets with `points` as their newest ends."""
        same = (excess <= 0) == (self.excess_a <= 0)
        return _Bracket(
            a=points,
            b=np.where(same, self.b, self.a),
            c=np.where(same, self.a, self.b),
            excess_a=excess,
            excess_b=np.where(same, self.excess_b, self.excess_a),
            excess_c=np.where(same, self.excess_a, self.excess_b),
            floor=self.floor,
            index=self.index,
        )

    def _width(self, relative: float) -> NDArray[np.float64]:
        """Return the width at which a bracket counts as closed."""
        return np.maximum(relative * np.maximum(np.abs(self.a), np.abs(self.b)), self.floor)

    def _step(self) -> NDArray[np.float64]:
        """Return the step as a share of the bracket: interpolated where safe, else a half."""
        fa, fb, fc = self.excess_a, self.excess_b, self.excess_c
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            xi = (self.a - self.b) / (self.c - self.b)
            phi = (fa - fb) / (fc - fb)
            safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            reach = (self.c - self.a) / (self.b - self.a)
            step = fa / (fb - fa) * fc / (fb - fc) + reach * fa / (fc - fa) * fb / (fc - fb)
        return np.where(safe & np.isfinite(step), step, 0.5)


def _first_bracket(
    excess: Excess, feasible: NDArray[np.float64], infeasible: NDArray[np.float64]
) -> _Bracket:
    """Return the bracket between the two given ends."""
    index = np.arange(feasible.size)
    low, high = excess(feasible, index), excess(infeasible, index)
    floor = 1e-16 * np.abs(infeasible - feasible)
    return _Bracket(infeasible, feasible, feasible, high, low, low, floor, index)
