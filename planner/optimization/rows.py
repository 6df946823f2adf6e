"""Sparse rows of a linear program, gathered from coordinates."""

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
