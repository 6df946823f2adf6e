r"""A cap on the 95th percentile of all requests: linear in shares for each limit of a grid.

With ``F_or`` the distribution of the response time of origin ``o`` at region ``r`` under the
ceiling's load (network, home calls and server, as in `planner.problem.admissibility`), the 95th
percentile of all requests of the normal state is at most ``τ`` exactly if

.. math:: \sum_{c} \text{share}_c \sum_{s} D_{s\,o(c)}\, F^s_{o(c)\,r(c)}(\tau)
          \;\ge\; 0.95 \sum_{so} D_{so}

over the services ``s`` of a column's host, ``r(c)`` serving it in the normal state.  ``F`` is not
linear in ``τ``, so each ``τ`` has a row of its own, made when it is first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.problem.admissibility import PROMISED_PROBABILITY, Requests, late_probability
from planner.problem.arrays import Floats, Ints, Problem

GRID = 488
"""Limits on the grid (ours): steps of 3 % from 2 ms to an hour."""

_STEP = 1.03
_FIRST_MS = 2.0


def limit_grid_ms() -> Floats:
    """Return the limits that can be asked for, ms.

    Returns
    -------
    ndarray, shape (G,)
        A geometric grid: what users notice is a share of the time, not milliseconds.

    Examples
    --------
    >>> grid = limit_grid_ms()
    >>> grid.size, round(float(grid[0]), 3), bool((np.diff(grid) > 0).all())
    (488, 2.0, True)
    """
    grid: Floats = _FIRST_MS * np.power(_STEP, np.arange(GRID, dtype=float))
    return grid


def on_time_shares(problem: Problem, columns: OrderColumns, limit_ms: float) -> Floats:
    """Return the part of all demand that each whole column brings within a limit.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns.
    limit_ms : float
        The limit, ms.

    Returns
    -------
    ndarray, shape (C,)
        Parts of the demand of the whole day; those of columns that are followed in full by every
        host and origin sum to at most 1.

    Notes
    -----
    At the ceiling of the normal state with the fewest replicas: pooling in larger deployments only
    brings more on time.
    """
    requests = Requests(
        problem.queue, problem.home_share, problem.rps_per_replica, problem.min_replicas
    )
    network, mean_rps = problem.network, problem.demand_rps.mean(axis=2)
    total = max(float(mean_rps.sum()), 1e-300)
    region = columns.serve[0]
    part = np.zeros(region.size)
    for service, host in enumerate(problem.host_of_service):
        late = late_probability(
            network,
            requests,
            service,
            limit_ms,
            problem.ceiling_normal_share,
            int(problem.home_region[0, service]),
            network.point_rtt_ms,
            network.region_rtt_ms,
        )
        mine = np.flatnonzero(columns.host == host)
        origin = columns.origin[mine]
        part[mine] += mean_rps[service, origin] / total * (1 - late[origin, region[mine]])
    return part


@dataclass(frozen=True)
class TailCap:
    """The rows that cap the 95th percentile, one for each limit that was asked for.

    Attributes
    ----------
    problem, columns : Problem, OrderColumns
        What is steered.
    program : Milp
        The program that the rows are appended to.
    share : ndarray of int, shape (C,)
        Its columns of the order columns.
    """

    problem: Problem
    columns: OrderColumns
    program: Milp
    share: Ints
    _parts: dict[float, Floats] = field(default_factory=dict)
    _row: dict[float, Ints] = field(default_factory=dict)

    def on_time_share(self, share: Floats, limit_ms: float) -> float:
        """Return the part of all demand that shares bring within a limit.

        Parameters
        ----------
        share : ndarray, shape (C,)
            Part of the demand of its host and origin on each column.
        limit_ms : float
            The limit, ms.

        Returns
        -------
        float
            0 to 1.
        """
        return float(self._part(limit_ms) @ share)

    def p95_ms(self, share: Floats) -> float:
        """Return the least limit of the grid within which 95 % of all demand is served.

        Parameters
        ----------
        share : ndarray, shape (C,)
            Part of the demand of its host and origin on each column.

        Returns
        -------
        float
            Milliseconds; inf where not even the last limit does.
        """
        grid = limit_grid_ms()
        low, high = -1, grid.size
        while high - low > 1:
            middle = (low + high) // 2
            kept = self.keeps(share, float(grid[middle]))
            low, high = (low, middle) if kept else (middle, high)
        return float(grid[high]) if high < grid.size else np.inf

    def keeps(self, share: Floats, limit_ms: float) -> bool:
        """Return whether 95 % of all demand is served within a limit.

        Parameters
        ----------
        share : ndarray, shape (C,)
            Part of the demand of its host and origin on each column.
        limit_ms : float
            The limit, ms; inf for none.

        Returns
        -------
        bool
            Up to the solver's tolerance.
        """
        if not np.isfinite(limit_ms):
            return True
        return self.on_time_share(share, limit_ms) >= PROMISED_PROBABILITY - 1e-7

    def set_limit(self, limit_ms: float) -> None:
        """Cap the 95th percentile at a limit, and at no other.

        Parameters
        ----------
        limit_ms : float
            The limit, ms; inf for none.
        """
        for row in self._row.values():
            self.program.bound_rows(row, -np.inf, np.inf)
        if not np.isfinite(limit_ms):
            return
        if limit_ms not in self._row:
            self._row[limit_ms] = self._append(limit_ms)
        self.program.bound_rows(self._row[limit_ms], PROMISED_PROBABILITY, np.inf)

    def _append(self, limit_ms: float) -> Ints:
        """Append the row of a limit."""
        part = self._part(limit_ms)
        used = np.flatnonzero(part > 1e-12)
        block = rows(-np.inf, np.inf, np.zeros(used.size), self.share[used], part[used])
        return self.program.add_rows(block)

    def _part(self, limit_ms: float) -> Floats:
        """Return what each column brings within a limit, worked out once."""
        if limit_ms not in self._parts:
            self._parts[limit_ms] = on_time_shares(self.problem, self.columns, limit_ms)
        return self._parts[limit_ms]
