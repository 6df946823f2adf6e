"""Sparse rows of a linear program, gathered from coordinates, and new columns' entries in rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Sparse rows ``lower ≤ A x ≤ upper`` in compressed form.

    Attributes
    ----------
    lower, upper : ndarray, shape (m,)
        Bounds of each row.
    start : ndarray of int, shape (m + 1,)
        Where each row's entries begin.
    column, value : ndarray, shape (nnz,)
        Column index and coefficient of each entry.
    """

    lower: Floats
    upper: Floats
    start: Ints
    column: Ints
    value: Floats


def rows(
    lower: ArrayLike, upper: ArrayLike, row: ArrayLike, column: ArrayLike, value: ArrayLike
) -> Rows:
    """Gather rows from coordinates; entries of one row may stand anywhere, zeros are left out.

    Parameters
    ----------
    lower, upper : array_like, shape (m,)
        Bounds of the rows.
    row, column, value : array_like, shape (nnz,)
        Entries; `row` counts from 0.

    Returns
    -------
    Rows
        The same rows in compressed form.

    Examples
    --------
    >>> rows([1.0, 0.0], [np.inf, 2.0], [1, 0, 0], [0, 2, 1], [5.0, 1.0, 1.0]).start
    array([0, 2, 3])
    """
    low, up = np.atleast_1d(np.asarray(lower, float)), np.atleast_1d(np.asarray(upper, float))
    at, entry = np.asarray(row, np.int64), np.asarray(value, float)
    keep = entry != 0
    at, entry, where = at[keep], entry[keep], np.asarray(column, np.int64)[keep]
    rank = np.lexsort((where, at))
    start = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=low.size))])
    return Rows(low, up, start.astype(np.int64), where[rank], entry[rank])


def stacked(blocks: list[Rows]) -> Rows:
    """Put rows under one another.

    Parameters
    ----------
    blocks : list of Rows
        At least one block.

    Returns
    -------
    Rows
        All rows in the order of the blocks.

    Examples
    --------
    >>> one = rows(0.0, 1.0, [0], [2], [5.0])
    >>> two = rows(0.0, 2.0, [0, 0], [0, 1], [3.0, 4.0])
    >>> stacked([one, two]).start
    array([0, 1, 3])
    >>> stacked([stacked([one, two]), one]).start
    array([0, 1, 3, 4])
    """
    before = np.cumsum([0, *(b.value.size for b in blocks)])
    start = [b.start[:-1] + offset for b, offset in zip(blocks, before, strict=False)]
    return Rows(
        np.concatenate([b.lower for b in blocks]),
        np.concatenate([b.upper for b in blocks]),
        np.concatenate([*start, before[-1:]]).astype(np.int64),
        np.concatenate([b.column for b in blocks]),
        np.concatenate([b.value for b in blocks]),
    )


@dataclass(frozen=True)
class Entries:
    """Where new columns stand in rows that exist.

    Attributes
    ----------
    row : ndarray of int, shape (nnz,)
        The rows.
    place : ndarray of int, shape (nnz,)
        Which of the new columns, counted from 0.
    value : ndarray, shape (nnz,)
        Coefficients; no column stands in a row twice.
    """

    row: Ints
    place: Ints
    value: Floats

    def by_column(self, count: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
        """Return where each column's entries begin, their rows and their values.

        Parameters
        ----------
        count : int
            Number of new columns.

        Examples
        --------
        >>> Entries(np.array([7, 3]), np.array([1, 0]), np.array([2.0, 5.0])).by_column(2)
        (array([0, 1], dtype=int32), array([3, 7], dtype=int32), array([5., 2.]))
        """
        rank = np.lexsort((self.row, self.place))
        each = np.bincount(self.place, minlength=count)
        start = (np.cumsum(each) - each).astype(np.int32)
        return start, self.row[rank].astype(np.int32), self.value[rank]


NO_ENTRIES = Entries(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
"""New columns stand in no row yet."""


def joined(parts: list[Entries]) -> Entries:
    """Return the entries of all parts.

    Parameters
    ----------
    parts : list of Entries
        Of the same new columns.

    Returns
    -------
    Entries
        In the order of the parts.

    Examples
    --------
    >>> joined([NO_ENTRIES, NO_ENTRIES]).row.size
    0
    """
    return Entries(
        np.concatenate([NO_ENTRIES.row, *(part.row for part in parts)]),
        np.concatenate([NO_ENTRIES.place, *(part.place for part in parts)]),
        np.concatenate([NO_ENTRIES.value, *(part.value for part in parts)]),
    )
