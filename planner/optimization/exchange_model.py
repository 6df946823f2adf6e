r"""What single replicas more or fewer cost, read from a program that knows no flows.

Of any replicas ``n`` such a program says at once what they cost at least: for each part its own
prices and the largest bound on what its steering costs,

.. math:: \sum_{sr} c_{sr}\, n_{sr} + \max(0, \max_i (b_i - a_i n)) ,

as long as they keep the rows that every plan keeps.  The changes looked at are one replica more,
one fewer, and one that moves to another region; the tables of all of them are a few array
operations.  Where services run stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.condensed import Condensed
from planner.optimization.largest_losses import LargestLosses
from planner.optimization.node_relaxation import Matrix
from planner.problem.arrays import Bools, Floats, Ints

_INSIDE = 1e-7
"""By so much a row may be broken: the solver's tolerance."""


@dataclass(frozen=True)
class Sides:
    """What linear forms ``row · n`` leave of ``most``: room in a row, or a bound on a price.

    Attributes
    ----------
    most, row, change : ndarray, shape (m,), (m, N) and (m, Q)
        Right sides (replicas, cores or US dollars a month), coefficients, and what each change
        of the replicas takes.
    """

    most: Floats
    row: Floats
    change: Floats

    @classmethod
    def of(cls, most: Floats, row: Floats, change: Ints) -> Sides:
        """Return forms with what changes take of them.

        Parameters
        ----------
        most, row : ndarray, shape (m,) and (m, N)
            Right sides and coefficients.
        change : ndarray of int, shape (Q, N)
            The changes.

        Returns
        -------
        Sides
            For all of them.
        """
        return cls(most, row, row @ change.T)

    def left(self, replicas: Ints) -> Floats:
        """Return what is left after each change.

        Parameters
        ----------
        replicas : ndarray of int, shape (N,)
            Replicas before it.

        Returns
        -------
        ndarray, shape (m, Q)
            In the units of `most`.
        """
        left: Floats = (self.most - self.row @ replicas)[:, None] - self.change
        return left


@dataclass(frozen=True)
class PartModel:
    """What changes of the replicas of one part cost; its replicas are in a row, ``N = B·R``.

    Attributes
    ----------
    services : ndarray of int, shape (B,)
        Its services.
    change : ndarray of int, shape (Q, N)
        The changes; the first one is none.
    low, high : ndarray, shape (N,)
        Bounds of the replicas.
    own_usd : ndarray, shape (N,)
        What a replica costs by itself, US dollars a month.
    bounds : Sides
        Bounds on what steering costs: what is left of each, US dollars a month.
    rows : Sides
        What all plans of the part keep: at least nothing is left.
    losses : tuple of LargestLosses
        What its services must hold beyond their largest regions.
    """

    services: Ints
    change: Ints
    low: Floats
    high: Floats
    own_usd: Floats
    bounds: Sides
    rows: Sides
    losses: tuple[LargestLosses, ...]

    def usd(self, replicas: Ints) -> float:
        """Return what replicas cost at least.

        Parameters
        ----------
        replicas : ndarray of int, shape (N,)
            Replicas.

        Returns
        -------
        float
            US dollars a month.
        """
        bounds = self.bounds.most - self.bounds.row @ replicas
        return float(self.own_usd @ replicas + bounds.max(initial=0.0))

    def costs(self, replicas: Ints) -> Floats:
        """Return what each change adds to the cost, inf where it does not do.

        Parameters
        ----------
        replicas : ndarray of int, shape (N,)
            Replicas.

        Returns
        -------
        ndarray, shape (Q,)
            US dollars a month.
        """
        after = self.change @ self.own_usd + self.bounds.left(replicas).max(axis=0, initial=0.0)
        return np.where(self._does(replicas), after - after[0], np.inf)

    def _does(self, replicas: Ints) -> Bools:
        """Return the changes after which no row of the part is broken more than before."""
        count = replicas + self.change
        does: Bools = np.all((count >= self.low) & (count <= self.high), axis=1)
        left = self.rows.left(replicas)
        does &= np.all(left >= np.minimum(left[:, :1], 0.0) - _INSIDE, axis=0)
        by_service = count.reshape(count.shape[0], self.services.size, -1)
        for loss in self.losses:
            own = np.sort(by_service[:, np.searchsorted(self.services, loss.service)], axis=1)
            kept = own[:, : own.shape[1] - loss.lost].sum(axis=1)
            does &= kept >= min(loss.least, float(kept[0])) - _INSIDE
        return does


@dataclass(frozen=True)
class ExchangeModel:
    """The parts of a program and the rows that they share.

    Attributes
    ----------
    parts : tuple of PartModel
        The parts.
    shared : tuple of Sides
        The rows that they share, with the coefficients of each part.
    """

    parts: tuple[PartModel, ...]
    shared: tuple[Sides, ...]

    @classmethod
    def of(cls, small: Condensed, x: Floats) -> ExchangeModel:
        """Read a program.

        Parameters
        ----------
        small : Condensed
            The program without flows.
        x : ndarray, shape (n,)
            A point of it, or its first columns, with whole replicas.

        Returns
        -------
        ExchangeModel
            Rows with columns of another kind are left out: what breaks them is found later.
        """
        read = _Read.of(small, x)
        services = [np.flatnonzero(small.part == part) for part in range(small.price.size)]
        changes = [_changes(own.size, read.on.shape[2]) for own in services]
        parts = [
            _part(small, read, part, own, change)
            for part, (own, change) in enumerate(zip(services, changes, strict=True))
        ]
        both = ~read.priced.any(axis=1) & (read.touched.sum(axis=1) > 1)
        most, row = read.at_most(both)
        shared = [
            Sides.of(most, row[:, own].reshape(most.size, change.shape[1]), change)
            for own, change in zip(services, changes, strict=True)
        ]
        return cls(tuple(parts), tuple(shared))

    def joined(self, replicas: list[Ints]) -> Ints:
        """Return replicas of all parts, each in a row, as one array.

        Parameters
        ----------
        replicas : list of ndarray of int, shape (N,)
            Of each part.

        Returns
        -------
        ndarray of int, shape (S, R)
            Of all services.
        """
        regions = replicas[0].size // self.parts[0].services.size
        joined = np.zeros((sum(part.services.size for part in self.parts), regions), np.int64)
        for part, own in zip(self.parts, replicas, strict=True):
            joined[part.services] = own.reshape(-1, regions)
        return joined


@dataclass(frozen=True)
class _Read:
    """The rows that have no columns but replicas and prices, where services run held.

    ``on`` (m, S, R) and ``priced``, ``touched`` (m, P) tell the replicas and parts of each row,
    ``low`` and ``high`` (m,) its bounds, ``least`` and ``most`` (S, R) those of the replicas.
    """

    on: Floats
    priced: Bools
    touched: Bools
    low: Floats
    high: Floats
    least: Floats
    most: Floats

    @classmethod
    def of(cls, small: Condensed, x: Floats) -> _Read:
        """Read a program."""
        model, master = small.adaptive.program.model(), small.adaptive.master
        n, matrix = master.replicas, Matrix.of(model)
        fixed = np.concatenate([master.active, master.runs.ravel()])
        known = _without_others(matrix, np.concatenate([fixed, n.ravel(), small.price]))
        value, runs = matrix.value[known].toarray(), np.rint(x[master.runs])
        held = value[:, fixed] @ np.rint(x[fixed])
        on = value[:, n.ravel()].reshape(-1, *n.shape)
        return cls(
            on,
            value[:, small.price] != 0,
            _touched(on, small),
            matrix.lower[known] - held,
            matrix.upper[known] - held,
            np.array(model.col_lower_)[n] * runs,
            np.array(model.col_upper_)[n] * runs,
        )

    def at_most(self, which: Bools) -> tuple[Floats, Floats]:
        """Return rows with two sides as rows ``row · n ≤ most``: right sides and coefficients."""
        below, above = which & np.isfinite(self.high), which & np.isfinite(self.low)
        most = np.concatenate([self.high[below], -self.low[above]])
        return most, np.concatenate([self.on[below], -self.on[above]])


def _without_others(matrix: Matrix, column: Ints) -> Ints:
    """Return the rows of a program that have no columns but some."""
    other = np.ones(matrix.value.shape[1], dtype=bool)
    other[column] = False
    rows: Ints = np.flatnonzero(abs(matrix.value[:, np.flatnonzero(other)]).sum(axis=1) == 0)
    return rows


def _touched(on: Floats, small: Condensed) -> Bools:
    """Return the parts whose replicas stand in each row, shape (m, P)."""
    by_service = (on != 0).any(axis=2)
    each = [by_service[:, small.part == part].any(axis=1) for part in range(small.price.size)]
    return np.stack(each, axis=1)


def _part(small: Condensed, read: _Read, part: int, services: Ints, change: Ints) -> PartModel:
    """Return one part of a program."""
    alone = read.touched[:, part] & (read.touched.sum(axis=1) == 1)
    rows, row = read.at_most(alone & ~read.priced.any(axis=1))
    bound = read.priced[:, part] & (read.priced.sum(axis=1) == 1) & np.isfinite(read.low)
    per_replica = read.on[bound][:, services].reshape(-1, change.shape[1])
    return PartModel(
        services=services,
        change=change,
        low=read.least[services].ravel(),
        high=read.most[services].ravel(),
        own_usd=small.adaptive.problem.cost_usd_month[services].ravel(),
        bounds=Sides.of(read.low[bound], per_replica, change),
        rows=Sides.of(rows, row[:, services].reshape(rows.size, change.shape[1]), change),
        losses=tuple(loss for loss in small.losses if loss.service in services),
    )


def _changes(services: int, regions: int) -> Ints:
    """Return no change, one replica more or fewer, and one moved, shape (Q, services · regions)."""
    one = np.eye(regions, dtype=np.int64)
    moved = (one[:, None] - one[None])[~np.eye(regions, dtype=bool)]
    each = np.concatenate([one, -one, moved])
    whole = np.zeros((services, each.shape[0], services, regions), np.int64)
    whole[np.arange(services), :, np.arange(services)] = each
    none = np.zeros((1, services * regions), np.int64)
    return np.concatenate([none, whole.reshape(-1, services * regions)])
