r"""Sums over failure states along every ordered list of regions, none of which is written down.

In a state ``k`` a list ``p`` is followed to its first region that is up, so what it meets there,
``v[k, r]``, sums over the states to

.. math:: T(p) = \sum_{j} \sum_{k:\; p_1 \dots p_{j-1} \text{ down},\; p_j \text{ up}} v_{k\,p_j} ,

one term for each of its regions.  The term of a region depends on those before it alone: for all
lists of ``J`` regions that is one product of matrices for each place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.problem.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class ListSums:
    """All ordered lists of ``J`` of ``R`` regions by number, those with a region twice too.

    Attributes
    ----------
    up : ndarray of bool, shape (K, R)
        Which regions are up in each state.
    before : tuple of ndarray, shape (K, R ** j)
        For each place ``j`` whether all regions of each list that stands before it are down.

    Examples
    --------
    Two regions, all up or the first one down; what the second takes then is worth 5:

    >>> sums = ListSums.of(np.array([[True, True], [False, True]]), 2)
    >>> sums.along(np.array([[[1.0, 2.0], [0.0, 5.0]]])).tolist()
    [[1.0, 6.0, 7.0, 7.0]]
    >>> sums.regions(np.array([1, 2])).tolist(), sums.different.tolist()
    ([[0, 1], [1, 0]], [False, True, True, False])
    """

    up: Bools
    before: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(cls, up: Bools, length: int) -> ListSums:
        """Prepare the sums.

        Parameters
        ----------
        up : ndarray of bool, shape (K, R)
            Which regions are up in each state.
        length : int
            Regions of a list, J.

        Returns
        -------
        ListSums
            It holds K · R ** (J − 1) numbers.
        """
        before = [np.ones((up.shape[0], 1), np.float32)]
        for _ in range(length - 1):
            longer = before[-1][:, :, None] * ~up[:, None]
            before.append(longer.reshape(up.shape[0], -1).astype(np.float32))
        return cls(up, tuple(before))

    @property
    def shape(self) -> tuple[int, ...]:
        """Regions at each place: the number of a list is that of its regions in this shape."""
        return (self.up.shape[1],) * len(self.before)

    @property
    def different(self) -> Bools:
        """Which lists name no region twice, shape (R ** J,)."""
        place = np.indices(self.shape).reshape(len(self.before), -1)
        alike = [(place[:at] == place[at]).any(axis=0) for at in range(1, place.shape[0])]
        twice: Bools = np.any([np.zeros(place.shape[1], bool), *alike], axis=0)
        return ~twice

    def regions(self, number: Ints) -> Ints:
        """Return the regions of lists by their numbers.

        Parameters
        ----------
        number : ndarray of int, shape (n,)
            Their numbers.

        Returns
        -------
        ndarray of int, shape (n, J)
            Regions in order.
        """
        return np.stack(np.unravel_index(number, self.shape), axis=1).astype(np.int64)

    def along(self, value: Floats, states: Ints | slice = slice(None)) -> Floats:
        """Return what lists meet where they are followed to, summed over the states.

        Parameters
        ----------
        value : ndarray, shape (n, K', R)
            What each region is worth in each state, ``n`` times.
        states : ndarray of int, shape (K',), or slice
            Which states; all without it.

        Returns
        -------
        ndarray, shape (n, R ** J)
            One number for each list.
        """
        worth = value * self.up[states]
        return _summed(value.shape[0], (before[states].T @ worth for before in self.before))

    def over(self, value: Floats | Bools, farther: float = 1.0) -> Floats:
        """Return the sum over a list's regions, whether a state follows it to them or not.

        Parameters
        ----------
        value : ndarray, shape (n, R)
            What each region is worth at the first place.
        farther : float
            What that is worth at each place times that at the place before.

        Returns
        -------
        ndarray, shape (n, R ** J)
            One number for each list.
        """
        each, places = np.asarray(value, float), range(len(self.before))
        return _summed(value.shape[0], (each[:, None] * farther**j for j in places))

    def met(self, value: Floats, states: Ints | slice = slice(None)) -> Floats:
        """Return the sum over a list's regions that some state follows it to, whichever states.

        Parameters
        ----------
        value : ndarray, shape (n, R)
            What each region is worth.
        states : ndarray of int or slice
            The states that count.

        Returns
        -------
        ndarray, shape (n, R ** J)
            One number for each list.
        """
        up = self.up[states].astype(np.float32)
        seen = (before[states].T @ up > 0 for before in self.before)
        return _summed(value.shape[0], (each * value[:, None] for each in seen))

    def beyond(self, value: Floats) -> Floats:
        """Return the sum over the states in which no region of a list is up.

        Parameters
        ----------
        value : ndarray, shape (K,)
            What each state is worth.

        Returns
        -------
        ndarray, shape (R ** J,)
            One number for each list.
        """
        lost: Floats = (self.before[-1].T * value) @ (~self.up).astype(float)
        return lost.ravel()


def _summed(count: int, terms: Iterable[Floats]) -> Floats:
    """Return the sums along all lists, shape (n, R ** J).

    The terms of a place have the shape (n, R ** j, R), or (n, 1, R) where those before do not
    matter: of each region after each list that stands before it.
    """
    total = np.zeros((count, 1))
    for here in terms:
        total = (total[:, :, None] + here).reshape(count, -1)
    return total
