"""How many of the requests that are served come later than promised, by load and wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.latency.loss import LEAST_TIMEOUT_MS, recovery, segments
from planner.problem.admissibility import Requests, late_probability
from planner.problem.arrays import Floats, Ints, Problem

UTILISATION = np.array(
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.94, 0.97, 0.99, 1.0]
)
"""Levels at which the queue is evaluated; between them lie lines."""

NEGLIGIBLE_PROBABILITY = 1e-6
"""Rarer rounds of loss recovery are left out."""

WAIT_SHARE = np.linspace(0.0, 1.0, 16)
"""Waits in a long line, as parts of the limit: beyond it everything is late."""


@dataclass(frozen=True, eq=False)
class Lateness:
    """P(T > p95_ms) in one state, tabulated.

    Attributes
    ----------
    busy : ndarray, shape (2, U, S, O, R)
        By the level of `UTILISATION`, with the fewest and with the most replicas.
    waited : ndarray, shape (W, S, O, R)
        After a wait of `WAIT_SHARE` of the limit, and no other.
    fewest, most : ndarray, shape (S, R)
        Those replicas.
    limit_s : ndarray, shape (S,)
        The limit, seconds.
    """

    busy: Floats
    waited: Floats
    fewest: Floats
    most: Floats
    limit_s: Floats

    def of(
        self,
        service: Ints,
        origin: Ints,
        region: Ints,
        utilisation_share: Floats,
        wait_s: Floats,
        replicas: Floats,
    ) -> Floats:
        """Return the probability that requests which are served are late.

        Parameters
        ----------
        service, origin, region : ndarray of int, shape (N,)
            Whose, and where.
        utilisation_share, wait_s, replicas : ndarray, shape (T, N)
            Load of the replicas, wait in line and number of replicas there.

        Returns
        -------
        ndarray, shape (T, N)
            Probability.
        """
        place = np.interp(utilisation_share, UTILISATION, np.arange(UTILISATION.size))
        few, many = self.fewest[service, region], self.most[service, region]
        width = np.where(many > few, many - few, 1.0)
        part = np.clip((replicas - few) / width, 0.0, 1.0)
        at = (service, origin, region)
        low, high = (_between(self.busy[n], place, at) for n in (0, 1))
        waited = np.clip(wait_s / self.limit_s[service], 0.0, 1.0) * (WAIT_SHARE.size - 1)
        queue = low + part * (high - low)
        return np.where(wait_s > 0, np.maximum(queue, _between(self.waited, waited, at)), queue)


def _between(table: Floats, place: Floats, at: tuple[Ints, Ints, Ints]) -> Floats:
    """Return values between the rows of a table."""
    low = np.minimum(place.astype(np.int64), len(table) - 2)
    below, above = table[(low, *at)], table[(low + 1, *at)]
    between: Floats = below + (above - below) * (place - low)
    return between


def lateness(problem: Problem, state: int, fewest: Floats, most: Floats) -> Lateness:
    """Tabulate how many requests are late in a state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    state : int
        The failure state, whose detours hold.
    fewest, most : ndarray, shape (S, R)
        Replicas between which tables are needed.

    Returns
    -------
    Lateness
        Against the normal limit `limit_ms`, in every state.

    Notes
    -----
    The queue is taken to be in the steady state of its load of the moment; with a long line, all
    wait as long as that takes and find no other queue.  Longer service of cold replicas shows in
    the utilisation only.  Lost packets delay the response; lost calls between regions and lost
    requests for a connection do not show.
    """
    few, many = np.maximum(np.floor(fewest), 1), np.maximum(np.ceil(most), 1)
    limit_ms = problem.limit_ms
    low = np.stack([_late(problem, state, few, u, limit_ms) for u in UTILISATION])
    high = low
    if (many > few).any():
        high = np.stack([_late(problem, state, many, u, limit_ms) for u in UTILISATION])
    waited = np.stack(
        [_late(problem, state, many, 0.0, limit_ms * (1 - share)) for share in WAIT_SHARE]
    )
    return Lateness(np.stack([low, high]), waited, few, many, limit_ms / 1000.0)


def _late(
    problem: Problem, state: int, replicas: Floats, utilisation: float, limit_ms: Floats
) -> Floats:
    """Return P(T > limit) at one utilisation, shape (S, O, R)."""
    network, services = problem.network, len(problem.axes.services)
    requests = Requests(
        queue=problem.queue,
        home_share=problem.home_share,
        rps_per_replica=problem.rps_per_replica,
        min_replicas=replicas.astype(np.int64),
    )
    points = network.point_rtt_ms + _detour_ms(problem, state)[:, None, :]
    late = np.zeros((services, *problem.rtt_ms.shape))
    for s in range(services):
        for delay_ms, probability in _rounds(problem, state, s):
            late[s] += probability * late_probability(
                network,
                requests,
                s,
                limit_ms[s] - delay_ms,
                utilisation,
                int(problem.home_region[state, s]),
                points,
                problem.region_rtt_ms(state),
            )
    return late


def _detour_ms(problem: Problem, state: int) -> Floats:
    """Return what the state adds to round trips, ms, inf where the path is cut, shape (O, R)."""
    rtt = problem.state_rtt_ms[state]
    whole = np.isfinite(rtt) & np.isfinite(problem.rtt_ms)
    out = np.full_like(rtt, np.inf)
    detour: Floats = np.maximum(np.subtract(rtt, problem.rtt_ms, out=out, where=whole), 0.0)
    return detour


def _rounds(problem: Problem, state: int, service: int) -> Iterator[tuple[Floats, Floats]]:
    """Return delays of loss recovery, ms, and their probabilities, shape (O, R) each."""
    conditions, none = problem.conditions, np.zeros(problem.rtt_ms.shape)
    if conditions is None or conditions.loss_share is None:
        yield none, none + 1.0
        return
    rtt = np.where(np.isfinite(problem.state_rtt_ms[state]), problem.state_rtt_ms[state], 0.0)
    count = segments(problem.payload_kib[service])
    found = recovery(conditions.loss_share[state], count, rtt + LEAST_TIMEOUT_MS)
    for delay_ms, probability in zip(
        np.moveaxis(found.delay_ms, -1, 0), np.moveaxis(found.probability, -1, 0), strict=True
    ):
        if (probability > NEGLIGIBLE_PROBABILITY).any():
            yield delay_ms, probability
