"""Who serves whom, sparse: one row a stream of requests from an origin to a region."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class Flows:
    """Parts of each origin's demand, by where they go.

    Attributes
    ----------
    state, service, origin, region : ndarray of int, shape (F,)
        What each row is about; a pair of origin and region may have several rows.
    share : ndarray, shape (F,) or (F, H)
        Part of the origin's demand for the service in that state; (F,) where it is the same in
        every hour.

    Examples
    --------
    Three quarters of an origin's 40 requests per second go to region 1, the rest to region 0.

    >>> zero = np.zeros(2, np.int64)
    >>> flows = Flows(zero, zero, zero, np.array([1, 0]), np.array([0.75, 0.25]))
    >>> flows.dense_rps(0, np.full((1, 1, 1), 40.0), 2).ravel().tolist()
    [10.0, 30.0]
    """

    state: Ints
    service: Ints
    origin: Ints
    region: Ints
    share: Floats

    def __post_init__(self) -> None:
        for field in fields(self):
            getattr(self, field.name).flags.writeable = False

    def __len__(self) -> int:
        return int(self.state.size)

    def in_hour(self, hour: int) -> Floats:
        """Return the parts in an hour.

        Parameters
        ----------
        hour : int
            Index of the hour.

        Returns
        -------
        ndarray, shape (F,)
            Parts of the origin's demand.
        """
        return self.share if self.share.ndim == 1 else self.share[:, hour]

    def of(self, rows: Ints | Bools | slice) -> Flows:
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray of int or bool, or slice
            Which ones.

        Returns
        -------
        Flows
            Those rows, in that order.
        """
        return Flows(*(getattr(self, field.name)[rows] for field in fields(self)))

    def rps(self, demand_rps: Floats, demand_factor: Floats | None = None) -> Floats:
        """Return the requests per second of each row in every hour.

        Parameters
        ----------
        demand_rps : ndarray, shape (S, O, H)
            Demand with everything up, requests per second.
        demand_factor : ndarray, shape (K, S, O), optional
            Factor on it in each state.

        Returns
        -------
        ndarray, shape (F, H)
            Requests per second.
        """
        share = self.share if self.share.ndim == 2 else self.share[:, None]
        rps: Floats = share * demand_rps[self.service, self.origin]
        if demand_factor is not None:
            rps *= demand_factor[self.state, self.service, self.origin][:, None]
        return rps

    def dense_rps(
        self,
        state: int,
        demand_rps: Floats,
        regions: int,
        demand_factor: Floats | None = None,
    ) -> Floats:
        """Return one state's requests per second as an array.

        Parameters
        ----------
        state : int
            The state.
        demand_rps : ndarray, shape (S, O, H)
            Demand with everything up, requests per second.
        regions : int
            Number of regions R.
        demand_factor : ndarray, shape (K, S, O), optional
            Factor on it in each state.

        Returns
        -------
        ndarray, shape (S, O, R, H)
            Requests per second.
        """
        services, origins, hours = demand_rps.shape
        mine = self.of(self.state == state)
        out = np.zeros((services, origins, regions, hours))
        place = (mine.service, mine.origin, mine.region)
        np.add.at(out, place, mine.rps(demand_rps, demand_factor))
        return out


def merged(parts: list[Flows]) -> Flows:
    """Return the rows of several flows one after the other.

    Parameters
    ----------
    parts : list of Flows
        At least one.

    Returns
    -------
    Flows
        Parts by hour if any of them has such.
    """
    hours = max((part.share.shape[1] for part in parts if part.share.ndim == 2), default=0)
    shares = [
        np.broadcast_to(part.share[:, None], (len(part), hours))
        if hours and part.share.ndim == 1
        else part.share
        for part in parts
    ]
    return Flows(
        state=np.concatenate([part.state for part in parts]),
        service=np.concatenate([part.service for part in parts]),
        origin=np.concatenate([part.origin for part in parts]),
        region=np.concatenate([part.region for part in parts]),
        share=np.concatenate(shares),
    )
