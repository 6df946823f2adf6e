r"""What orders begin with, as columns of their own, where an origin cannot be split.

The choice of an order is then one of its first region, then of the next: a branch on a beginning
decides many orders at once, where one on an order alone leaves all others of its origin open.  A
region's load in a state is that of the beginnings that end in it after regions that are all down,
so its row has one entry a beginning and not one for each order that begins so.

.. math:: b_{go\,(r_1, \dots, r_j)} = \sum_{c:\, \text{order}(c) = (r_1, \dots, r_j, \dots)}
          \text{share}_c \in \{0, 1\}
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.columns import OrderColumns, row_codes
from planner.optimization.milp import Milp
from planner.optimization.sums import add_sums
from planner.problem.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class Beginnings:
    """The beginnings of one length; the longest are the orders themselves.

    Attributes
    ----------
    host, origin : ndarray of int, shape (B,)
        What each belongs to.
    region : ndarray of int, shape (B, J)
        Regions in order, padded with -1.
    column : ndarray of int, shape (B,)
        Their columns of the program.
    of : ndarray of int, shape (C,)
        The beginning of each order column, by its place in `column`.
    """

    host: Ints
    origin: Ints
    region: Ints
    column: Ints
    of: Ints

    def taken(self, share: Floats) -> Floats:
        """Return the shares of the beginnings.

        Parameters
        ----------
        share : ndarray, shape (C,)
            Shares of the order columns.

        Returns
        -------
        ndarray, shape (B,)
            What begins so.
        """
        taken = np.zeros(self.column.size)
        np.add.at(taken, self.of, share)
        return taken

    def ending_in(self, region: int, down: Bools) -> Bools:
        """Return which end in a region after regions that are all down.

        Parameters
        ----------
        region : int
            A region that is up.
        down : ndarray of bool, shape (R,)
            Which regions are down.

        Returns
        -------
        ndarray of bool, shape (B,)
            Those that load the region.
        """
        before = self.region[:, :-1]
        ends: Bools = (self.region[:, -1] == region) & (down[before] & (before >= 0)).all(axis=1)
        return ends


def add_beginnings(program: Milp, columns: OrderColumns, share: Ints) -> list[Beginnings]:
    """Append the beginnings of all orders, as integers, and the rows that tie them.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    columns : OrderColumns
        Its order columns.
    share : ndarray of int, shape (C,)
        Their shares' columns.

    Returns
    -------
    list of Beginnings
        One for each length, the longest first: the orders, which have their columns already.
    """
    every = np.arange(share.size)
    levels = [Beginnings(columns.host, columns.origin, columns.order, share, every)]
    while levels[-1].region.shape[1] > 1:
        levels.append(_shorter(program, levels[-1]))
    return levels


def _shorter(program: Milp, longer: Beginnings) -> Beginnings:
    """Append the beginnings that are one region shorter, tied to the longer ones."""
    region = longer.region[:, :-1]
    lists = np.column_stack([longer.host, longer.origin, region + 1])
    _, first, of = np.unique(row_codes(lists), return_index=True, return_inverse=True)
    column = add_sums(program, of, longer.column, np.ones(of.size), most=1.0, integer=True)
    host, origin = longer.host[first], longer.origin[first]
    return Beginnings(host, origin, region[first], column, of[longer.of])
