"""Tables of order columns put together and sorted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.problem.arrays import Ints


def sorted_columns(columns: OrderColumns) -> OrderColumns:
    """Return columns by host, origin and order.

    Parameters
    ----------
    columns : OrderColumns
        In any order.

    Returns
    -------
    OrderColumns
        As `order_columns` has them.
    """
    return columns.take(column_ranks(columns))


def column_ranks(columns: OrderColumns) -> Ints:
    """Return which columns come first by host, origin and order, shape (C,)."""
    ranks: Ints = np.lexsort((*columns.order.T[::-1], columns.origin, columns.host))
    return ranks


def together(parts: list[OrderColumns]) -> OrderColumns:
    """Return the columns of all parts, one after the other.

    Parameters
    ----------
    parts : list of OrderColumns
        Of the same problem; at least one.

    Returns
    -------
    OrderColumns
        None is looked for twice.
    """
    return replace(
        parts[0],
        host=np.concatenate([part.host for part in parts]),
        origin=np.concatenate([part.origin for part in parts]),
        order=np.concatenate([part.order for part in parts]),
        serve=np.concatenate([part.serve for part in parts], axis=1),
        cost_usd_month=np.concatenate([part.cost_usd_month for part in parts]),
    )
