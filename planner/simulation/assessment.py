"""What happens to a plan: the judge's findings, as arrays and as tables for people."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import pandas as pd

from planner.problem.arrays import Axes, Bools, Floats, Ints
from planner.simulation.flows import Flows
from planner.simulation.lost import Lost
from planner.simulation.means import Means
from planner.simulation.tunnels import LinkLoads
from planner.units import HOURS_PER_MONTH, SECONDS_PER_HOUR


@dataclass(frozen=True)
class Worst:
    """The promised state that hurts most.

    Attributes
    ----------
    state : str
        Its name.
    unserved_share : float
        Share of all demand not served in its worst hour.
    p95_over_limit : float
        Largest 95th percentile over its limit, as a ratio.
    cause : str
        Which service, region and hour, in a sentence.
    """

    state: str
    unserved_share: float
    p95_over_limit: float
    cause: str


@dataclass(frozen=True)
class Assessment:
    """Steady state in every failure state: who serves whom, what is lost, how long it takes.

    Attributes
    ----------
    axes : Axes
        Names along the axes.
    must_survive : ndarray of bool, shape (K,)
        Whether the policy promises the state.
    state_probability : ndarray, shape (K,)
        Probability of the state.
    demand_rps : ndarray, shape (S, O, H)
        Requests per second with everything up.
    demand_factor : ndarray, shape (K, S, O), or None
        Factor on it in each state; None for 1 everywhere.
    replicas : ndarray of int, shape (K, S, R)
        What runs in each state.
    flows : Flows
        Parts of each origin's demand that each region takes, sparse, in the order of the states;
        `carried_rps` gives those of one state as an array.
    load_rps : ndarray, shape (K, S, R, H)
        Requests per second that arrive at each region, taken or not.
    utilisation_share : ndarray, shape (K, S, R, H)
        Load over what the replicas complete at full utilisation; inf where there are none.
    uplink_share : ndarray, shape (K, R, H)
        Traffic of what the replicas take over the uplink's capacity.
    lost : Lost
        What is not served, and why.
    links : LinkLoads or None
        What the tunnels between regions carry; None where the problem has none.
    means : Means
        Mean response times in every state.
    origin_p95_ms : ndarray, shape (S, O)
        95th percentile end to end, normal state, worst hour; NaN without users.
    region_p95_ms : ndarray, shape (S, R)
        The same over the users that a region serves.
    state_p95_ms : ndarray, shape (K, S, O)
        The same as `origin_p95_ms` in each promised state; NaN in all others.
    state_p95_hour : ndarray of int, shape (K, S, O)
        Index of the worst hour; -1 where there is none.
    limit_ms : ndarray, shape (K, S)
        Promised 95th percentile: the normal limit in state 0, else the emergency limit.
    worst : Worst
        The promised state with the largest unserved share, then the largest p95 over limit.
    """

    axes: Axes
    must_survive: Bools
    state_probability: Floats
    demand_rps: Floats
    demand_factor: Floats | None
    replicas: Ints
    flows: Flows
    load_rps: Floats
    utilisation_share: Floats
    uplink_share: Floats
    lost: Lost
    links: LinkLoads | None
    means: Means
    origin_p95_ms: Floats
    region_p95_ms: Floats
    state_p95_ms: Floats
    state_p95_hour: Ints
    limit_ms: Floats
    worst: Worst

    def __post_init__(self) -> None:
        for noun in (self, self.means):
            for field in fields(noun):
                value = getattr(noun, field.name)
                if isinstance(value, np.ndarray):
                    value.flags.writeable = False

    def carried_rps(self, state: int) -> Floats:
        """Return what each region takes of each origin in a state.

        Parameters
        ----------
        state : int
            The state.

        Returns
        -------
        ndarray, shape (S, O, R, H)
            Requests per second.
        """
        regions = len(self.axes.regions)
        return self.flows.dense_rps(state, self.demand_rps, regions, self.demand_factor)

    @cached_property
    def service_demand_rps(self) -> Floats:
        """Demand for each service in each state, shape (K, S, H), requests per second."""
        return service_demand_rps(self.demand_rps, self.demand_factor, len(self.axes.states))

    @property
    def unserved_share(self) -> Floats:
        """Share of all demand not served in each state's worst hour, shape (K,)."""
        return unserved_share(self.lost, self.service_demand_rps)

    @property
    def p95_over_limit(self) -> Floats:
        """Largest p95 over its limit in each promised state, shape (K,); NaN in all others."""
        return p95_over_limit(self.state_p95_ms, self.limit_ms)

    @property
    def lost_requests_month(self) -> Floats:
        """Expected requests not served in a month, by state, shape (K,)."""
        mean_rps = self.lost.total.sum(axis=(1, 2)).mean(axis=1)
        requests: Floats = mean_rps * self.state_probability * HOURS_PER_MONTH * SECONDS_PER_HOUR
        return requests

    @property
    def failure_matrix(self) -> pd.DataFrame:
        """Share of each service's demand not served in its worst hour, state × service."""
        lost, demand = self.lost.total.sum(axis=2), self.service_demand_rps
        share = np.divide(lost, demand, out=np.zeros_like(lost), where=demand > 0).max(axis=2)
        return _table(share, ("state", self.axes.states), ("service", self.axes.services))

    @property
    def origin_p95(self) -> pd.DataFrame:
        """95th percentile end to end, normal state, worst hour, ms: service × origin."""
        rows, columns = ("service", self.axes.services), ("origin", self.axes.origins)
        return _table(self.origin_p95_ms, rows, columns)

    @property
    def region_p95(self) -> pd.DataFrame:
        """95th percentile of the users each region serves, ms: service × region."""
        rows, columns = ("service", self.axes.services), ("region", self.axes.regions)
        return _table(self.region_p95_ms, rows, columns)

    @property
    def states(self) -> pd.DataFrame:
        """One row a failure state: probability, promise, what is lost and how late it gets."""
        columns = {
            "probability": self.state_probability,
            "promised": self.must_survive,
            "unserved_share": self.unserved_share,
            "p95_over_limit": self.p95_over_limit,
            "lost_requests_month": self.lost_requests_month,
        }
        return pd.DataFrame(columns, index=pd.Index(self.axes.states, name="state"))


def service_demand_rps(demand_rps: Floats, demand_factor: Floats | None, states: int) -> Floats:
    """Return the demand for each service in each state.

    Parameters
    ----------
    demand_rps : ndarray, shape (S, O, H)
        Requests per second with everything up.
    demand_factor : ndarray, shape (K, S, O), or None
        Factor on it; None for 1 everywhere.
    states : int
        Number of states K.

    Returns
    -------
    ndarray, shape (K, S, H)
        Requests per second, all origins together.

    Examples
    --------
    >>> service_demand_rps(np.full((1, 2, 1), 10.0), np.array([[[1.0, 1.0]], [[1.0, 3.0]]]), 2)
    array([[[20.]],
           [[40.]]])
    """
    if demand_factor is None:
        each = demand_rps.sum(axis=1)
        return np.broadcast_to(each, (states, *each.shape))
    demand: Floats = np.einsum("soh,kso->ksh", demand_rps, demand_factor)
    return demand


def unserved_share(lost: Lost, demand_rps: Floats) -> Floats:
    r"""Return the share of all demand not served in each state's worst hour.

    .. math:: \max_h \frac{\sum_{so} \text{lost}_{ksoh}}{\sum_{s} D_{ksh}}

    Parameters
    ----------
    lost : Lost
        What is not served.
    demand_rps : ndarray, shape (K, S, H)
        Requests per second by state and service.

    Returns
    -------
    ndarray, shape (K,)
        Largest share over the hours; 0 where there is no demand.

    Notes
    -----
    A small service may be lost altogether and hardly show; `Assessment.failure_matrix` has a column
    for each.

    Examples
    --------
    >>> lost = Lost.nothing((1, 1, 1, 2))
    >>> lost["capacity"] += [1.0, 6.0]
    >>> unserved_share(Lost(**lost), np.array([[[10.0, 40.0]]]))
    array([0.15])
    """
    gone, demand = lost.total.sum(axis=(1, 2)), demand_rps.sum(axis=1)
    share: Floats = np.divide(gone, demand, out=np.zeros_like(gone), where=demand > 0).max(axis=1)
    return share


def p95_over_limit(state_p95_ms: Floats, limit_ms: Floats) -> Floats:
    """Return the largest ratio of a 95th percentile to its limit in each state.

    Parameters
    ----------
    state_p95_ms : ndarray, shape (K, S, O)
        95th percentiles, ms; NaN where there is none.
    limit_ms : ndarray, shape (K, S)
        Their limits, ms.

    Returns
    -------
    ndarray, shape (K,)
        Ratio; NaN where the state has no percentile at all.

    Examples
    --------
    >>> p95_over_limit(np.array([[[80.0, np.nan]], [[np.nan, np.nan]]]), np.full((2, 1), 100.0))
    array([0.8, nan])
    """
    ratio = (state_p95_ms / limit_ms[:, :, None]).reshape(len(limit_ms), -1)
    worst = np.where(np.isnan(ratio), -np.inf, ratio).max(axis=1, initial=-np.inf)
    return np.where(np.isneginf(worst), np.nan, worst)


def _table(
    values: Floats, rows: tuple[str, tuple[str, ...]], columns: tuple[str, tuple[str, ...]]
) -> pd.DataFrame:
    """Return a table with named axes."""
    return pd.DataFrame(
        values,
        index=pd.Index(rows[1], name=rows[0]),
        columns=pd.Index(columns[1], name=columns[0]),
    )
