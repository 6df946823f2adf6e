"""How many of the requests that are served come later than promised, by load and wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.latency.loss import LEAST_TIMEOUT_MS, recovery, segments
from planner.problem.admissibility import Requests, late_probability
from planner.problem.arrays import Bools, Floats, Ints, Problem

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


def lateness(problem: Problem, state: int, fewest: Floats, most: Floats, used: Bools) -> Lateness:
    """Tabulate how many requests are late in a state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    state : int
        The failure state, whose detours hold.
    fewest, most : ndarray, shape (S, R)
        Replicas between which tables are needed.
    used : ndarray of bool, shape (S, O, R)
        Pairs that are asked for; for others everything is late.

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
    shape = (UTILISATION.size, *problem.latency_ms.shape)
    busy, waited = np.ones((2, *shape)), np.ones((WAIT_SHARE.size, *shape[1:]))
    idle, patient = np.zeros(WAIT_SHARE.size), np.zeros(UTILISATION.size)
    for s, r in np.argwhere(used.any(axis=1)).tolist():
        pair = _Pair(problem, state, s, r, np.flatnonzero(used[s, :, r]))
        busy[0][:, s, pair.origins, r] = _late(pair, few[s, r], UTILISATION, patient)
        same = many[s, r] == few[s, r]
        busy[1][:, s, pair.origins, r] = (
            busy[0][:, s, pair.origins, r]
            if same
            else _late(pair, many[s, r], UTILISATION, patient)
        )
        waited[:, s, pair.origins, r] = _late(pair, many[s, r], idle, WAIT_SHARE)
    return Lateness(busy, waited, few, many, problem.limit_ms / 1000.0)


@dataclass(frozen=True, eq=False)
class _Pair:
    """A service in a region, in a state, and the origins that it serves there."""

    problem: Problem
    state: int
    service: int
    region: int
    origins: Ints


def _late(pair: _Pair, replicas: float, utilisation: Floats, wait_share: Floats) -> Floats:
    """Return P(T > limit) by utilisation or wait, shape (U, O')."""
    problem, s, r = pair.problem, pair.service, pair.region
    levels = utilisation.size
    # The levels stand in for regions: utilisation 1 of a rate scaled by it.
    rate = np.zeros((s + 1, levels))
    rate[s] = problem.rps_per_replica[s, r] * utilisation
    requests = Requests(
        queue=problem.queue,
        home_share=problem.home_share,
        rps_per_replica=rate,
        min_replicas=np.full((s + 1, levels), int(replicas)),
    )
    network = replace(problem.network, point_share=problem.network.point_share[pair.origins])
    detour = _detour_ms(problem, pair.state)[pair.origins, r]
    points = problem.network.point_rtt_ms[pair.origins, :, r] + detour[:, None]
    home = np.repeat(problem.region_rtt_ms(pair.state)[[r]], levels, axis=0)
    limit_ms = problem.limit_ms[s] * (1 - wait_share)
    late = np.zeros((pair.origins.size, levels))
    for delay_ms, probability in _rounds(pair):
        late += probability[:, None] * late_probability(
            network,
            requests,
            s,
            limit_ms - delay_ms[:, None],
            1.0,
            int(problem.home_region[pair.state, s]),
            np.repeat(points[:, :, None], levels, axis=2),
            home,
        )
    return late.T


def _detour_ms(problem: Problem, state: int) -> Floats:
    """Return what the state adds to round trips, ms, inf where the path is cut, shape (O, R)."""
    rtt = problem.state_rtt_ms[state]
    whole = np.isfinite(rtt) & np.isfinite(problem.rtt_ms)
    out = np.full_like(rtt, np.inf)
    detour: Floats = np.maximum(np.subtract(rtt, problem.rtt_ms, out=out, where=whole), 0.0)
    return detour


def _rounds(pair: _Pair) -> Iterator[tuple[Floats, Floats]]:
    """Return delays of loss recovery, ms, and their probabilities, shape (O',) each."""
    problem, at = pair.problem, (pair.state, pair.origins, pair.region)
    conditions, none = problem.conditions, np.zeros(pair.origins.size)
    if conditions is None or conditions.loss_share is None:
        yield none, none + 1.0
        return
    rtt = np.where(np.isfinite(problem.state_rtt_ms[at]), problem.state_rtt_ms[at], 0.0)
    count = segments(problem.payload_kib[pair.service])
    found = recovery(conditions.loss_share[at], count, rtt + LEAST_TIMEOUT_MS)
    for delay_ms, probability in zip(found.delay_ms.T, found.probability.T, strict=True):
        if (probability > NEGLIGIBLE_PROBABILITY).any():
            yield delay_ms, probability
