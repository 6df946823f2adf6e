r"""Which regions may serve which origins: the promise of a 95th percentile, kept at the ceiling.

A pair of origin and region is admissible for a service if, with the fewest replicas and at the
utilisation ceiling,

.. math:: P(\text{network} + \text{home calls} + \text{server} > p95) \le 0.05 .

The network is a mixture over the origin's points, jitter, and warm or new connections; a home call
adds one round trip between regions with probability `home_share`.  The server is M/M/c or
Allen-Cunneen G/G/c.  Pooling only helps, so the promise still holds with more replicas, and
capacity is linear in replicas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.latency.queueing import sojourn_tail
from planner.problem.arrays import Bools, Floats, Ints, Network, Queue

PROMISED_PROBABILITY = 0.95

BATCH = 64
"""So many questions are asked at once, each about all origins."""


@dataclass(frozen=True)
class Requests:
    """What admissibility needs to know of the services.

    Attributes
    ----------
    queue : Queue
        The server's part.
    home_share : ndarray, shape (S,)
        Share of calls that must reach the home region.
    rps_per_replica : ndarray, shape (S, R)
        Requests per second one replica completes at full utilisation.
    min_replicas : ndarray of int, shape (S, R)
        Fewest replicas where the service runs.
    """

    queue: Queue
    home_share: Floats
    rps_per_replica: Floats
    min_replicas: Ints


def late_probability(
    network: Network,
    requests: Requests,
    service: int,
    limit_ms: float | Floats,
    ceiling_share: float,
    home: int,
    point_rtt_ms: Floats,
    region_rtt_ms: Floats,
) -> Floats:
    """Return the probability that a request of one service takes longer than the limit.

    Parameters
    ----------
    network : Network
        Shares of points, jitter and new connections.
    requests : Requests
        Queues and home calls.
    service : int
        Which service.
    limit_ms : float or ndarray, shape (O, R)
        The limit, ms.
    ceiling_share : float
        Utilisation of the workers.
    home : int
        Region that serves home calls; -1 for none.
    point_rtt_ms : ndarray, shape (O, P, R)
        Round trips of the state, ms; inf where the path is cut.
    region_rtt_ms : ndarray, shape (R, R)
        The same between regions.

    Returns
    -------
    ndarray, shape (O, R)
        Probability; 1 where the path is cut.

    Notes
    -----
    Network, home calls and server are taken to be independent, and one jitter factor holds for all
    round trips of a request.  Utilisation is that of the ceiling with the fewest replicas; a limit
    below the network's own time gives 1.

    Examples
    --------
    M/M/1 at half of 100 requests per second, 20 ms away: what is left of 30 ms is 10 ms, and the
    sojourn is exponential with 50 per second, so ``exp(−0.5)`` are late.

    >>> from planner.problem.arrays import Network, Queue
    >>> one = np.ones(1)
    >>> network = Network(
    ...     point_rtt_ms=np.full((1, 1, 1), 20.0),
    ...     point_share=np.ones((1, 1)),
    ...     region_rtt_ms=np.zeros((1, 1)),
    ...     new_connection_share=0 * one,
    ...     setup_round_trips=2 * one,
    ...     jitter_factor=one,
    ...     jitter_share=one,
    ... )
    >>> queue = Queue(np.ones(1, np.int64), 10 * one, one, one)
    >>> requests = Requests(queue, 0 * one, np.full((1, 1), 100.0), np.ones((1, 1), np.int64))
    >>> late_probability(
    ...     network, requests, 0, 30.0, 0.5, -1, network.point_rtt_ms, network.region_rtt_ms
    ... ).round(4)
    array([[0.6065]])
    """
    shift, weight = _shifts(network, requests, service, home, point_rtt_ms, region_rtt_ms)
    cut = ~np.isfinite(shift)
    left = np.where(cut, -1.0, limit_ms - np.where(cut, 0.0, shift))
    replicas = np.maximum(requests.min_replicas[service], 1)
    arrival = ceiling_share * requests.rps_per_replica[service] * replicas
    queue = requests.queue
    late = sojourn_tail(
        left,
        replicas * int(queue.workers_per_replica[service]),
        arrival,
        float(queue.service_time_ms[service]),
        arrival_cv2=float(queue.arrival_cv2[service]),
        service_cv2=float(queue.service_cv2[service]),
    )
    probability: Floats = np.einsum("aor,ao->or", np.where(cut, 1.0, late), weight)
    return probability


def _shifts(
    network: Network,
    requests: Requests,
    service: int,
    home: int,
    point_rtt_ms: Floats,
    region_rtt_ms: Floats,
) -> tuple[Floats, Floats]:
    """Return what precedes the server, one row a combination: ms [A, O, R] and weight [A, O]."""
    fresh = float(network.new_connection_share[service])
    trips = 1.0 + float(network.setup_round_trips[service])
    share = float(requests.home_share[service]) if home >= 0 else 0.0
    to_home = region_rtt_ms[:, home] if home >= 0 else np.zeros(region_rtt_ms.shape[0])
    shift, weight = [], []
    for jitter, probable in zip(network.jitter_factor, network.jitter_share, strict=True):
        for point in range(point_rtt_ms.shape[1]):
            rtt = point_rtt_ms[:, point] * jitter
            here = network.point_share[:, point] * probable
            for round_trips, connection in ((1.0, 1 - fresh), (trips, fresh)):
                for call, calls in ((0.0, 1 - share), (1.0, share)):
                    if connection * calls > 0:
                        way = call * to_home * jitter if call else np.zeros_like(to_home)
                        shift.append(rtt * round_trips + way)
                        weight.append(here * connection * calls)
    return np.stack(shift), np.stack(weight)


def admissible_states(
    network: Network,
    requests: Requests,
    *,
    allowed: Bools,
    region_up: Bools,
    home_region: Ints,
    situation: Ints,
    point_rtt_ms: Floats,
    region_rtt_ms: Floats,
    limit_ms: Floats,
    emergency_limit_ms: Floats,
    ceilings: tuple[float, float],
) -> Bools:
    """Return which regions may serve which origins in each state.

    Parameters
    ----------
    network, requests
        See `late_probability`.
    allowed : ndarray of bool, shape (S, O, R)
        What residency and the services' own lists allow.
    region_up : ndarray of bool, shape (K, R)
        Which regions are up.
    home_region : ndarray of int, shape (K, S)
        Home region of each state; -1 where none is left or needed.
    situation : ndarray of int, shape (K,)
        Which paths of `point_rtt_ms` hold in each state; 0 in state 0.
    point_rtt_ms : ndarray, shape (U, O, P, R)
        Round trips of each situation, ms.
    region_rtt_ms : ndarray, shape (K, R, R)
        Round trips between regions in each state, ms.
    limit_ms, emergency_limit_ms : ndarray, shape (S,)
        Limits in state 0 and in all others, ms.
    ceilings : (float, float)
        Utilisation in state 0 and in all others.

    Returns
    -------
    ndarray of bool, shape (K, S, O, R)
        True where the promise is kept and the region is up.

    Notes
    -----
    Equal questions about one region are asked once: most states leave its paths and its way home as
    they are.  A service whose home calls find no home left is judged without them; whoever promises
    such a state must strike it out, as `planner.problem.build` does.
    """
    states, services = home_region.shape
    paths = _distinct_paths(point_rtt_ms)[situation]
    region = np.broadcast_to(np.arange(paths.shape[1]), paths.shape)
    normal = np.broadcast_to((np.arange(states) == 0)[:, None], paths.shape)
    out = np.empty((states, *allowed.shape), bool)
    for service in range(services):
        away = _to_home(region_rtt_ms, home_region[:, service], region_up)
        asked = np.stack([normal, region, paths, away], axis=2).reshape(-1, 4)
        rows, kind = np.unique(asked, axis=0, return_inverse=True)
        kept = np.empty((len(rows), allowed.shape[1]), bool)
        for own in _batches(rows):
            limit = limit_ms if rows[own[0], 0] else emergency_limit_ms
            kept[own] = _keeps(
                network,
                requests,
                service,
                rows[own],
                point_rtt_ms,
                float(limit[service]),
                ceilings[0 if rows[own[0], 0] else 1],
            )
        out[:, service] = kept[kind.reshape(paths.shape)].swapaxes(1, 2)
        out[:, service] &= allowed[service] & region_up[:, None, :]
    return out


def _distinct_paths(point_rtt_ms: Floats) -> Ints:
    """Return the first situation with the same paths to each region, shape (U, R)."""
    first = np.empty((len(point_rtt_ms), point_rtt_ms.shape[3]), np.int64)
    for region in range(first.shape[1]):
        known: dict[bytes, int] = {}
        for row, paths in enumerate(point_rtt_ms[..., region]):
            first[row, region] = known.setdefault(paths.tobytes(), row)
    return first


def _to_home(region_rtt_ms: Floats, home: Ints, region_up: Bools) -> Floats:
    """Return the way from each region to the home of each state, ms, shape (K, R); -1 without one.

    Regions that are down answer nothing: with the normal way home they tell no states apart.
    """
    way = region_rtt_ms[np.arange(len(home)), :, home]
    usual = region_rtt_ms[0].T[home]
    return np.where((home >= 0)[:, None], np.where(region_up, way, usual), -1.0)


def _batches(rows: Floats) -> Iterator[Ints]:
    """Rows of the normal state or not, with a home region or without, some at a time."""
    for normal in (True, False):
        for homeless in (True, False):
            own = np.flatnonzero((rows[:, 0] == normal) & ((rows[:, 3] < 0) == homeless))
            for start in range(0, own.size, BATCH):
                yield own[start : start + BATCH]


def _keeps(
    network: Network,
    requests: Requests,
    service: int,
    rows: Floats,
    point_rtt_ms: Floats,
    limit_ms: float,
    ceiling_share: float,
) -> Bools:
    """Return which origins the region of each row may serve, shape (rows, O)."""
    region, paths = rows[:, 1].astype(np.int64), rows[:, 2].astype(np.int64)
    # Each row stands for a region of its own, of which the first is everybody's home.
    asked = replace(
        requests,
        rps_per_replica=requests.rps_per_replica[:, region],
        min_replicas=requests.min_replicas[:, region],
    )
    late = late_probability(
        network,
        asked,
        service,
        limit_ms,
        ceiling_share,
        0 if rows[0, 3] >= 0 else -1,
        np.moveaxis(point_rtt_ms[paths, :, :, region], 0, 2),
        rows[:, 3:],
    )
    kept: Bools = late.T <= 1 - PROMISED_PROBABILITY + 1e-12
    return kept
