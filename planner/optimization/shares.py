"""Shares of order columns: what each host name and origin hands out is all it has."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from planner.optimization.columns import OrderColumns
from planner.optimization.milp import Milp
from planner.optimization.rows import Ints, rows


def add_shares(program: Milp, columns: OrderColumns, cost: ArrayLike, *, whole: bool) -> Ints:
    r"""Append a share for each order column; those of a host and origin sum to 1.

    .. math:: \sum_{c \in (g, o)} \lambda_c = 1

    Parameters
    ----------
    program : Milp
        The program; it grows.
    columns : OrderColumns
        The order columns.
    cost : array_like, shape (C,)
        What each costs, US dollars a month.
    whole : bool
        Whether an origin follows one order alone.

    Returns
    -------
    ndarray of int, shape (C,)
        Their columns.
    """
    price = np.broadcast_to(np.asarray(cost, float), columns.host.shape)
    share = program.add_columns(price, 0.0, 1.0, integer=whole)
    _, row = np.unique(columns.group, return_inverse=True)
    ones = np.ones(int(row.max(initial=-1)) + 1)
    program.add_rows(rows(ones, ones, row, share, np.ones(share.size)))
    return share
