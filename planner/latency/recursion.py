r"""Waits where service or arrivals vary much: the Kiefer-Wolfowitz recursion, seeded and pooled.

Request n finds the c servers free at :math:`F_1, \dots, F_c`, waits
:math:`W_n = \max(0, \min_i F_i - t_n)`, and the server that was free first is taken until
:math:`t_n + W_n + S_n`.  The service S is lognormal.  The times between arrivals are gamma, hence
Poisson arrivals where their squared coefficient of variation is 1, and constant where it is 0;
that choice is ours, as two moments do not make a distribution.

Many replications at several loads run at once, on the same random numbers, for a few numbers of
servers.  What is kept is the ratio to the formula: P(W > 0) over Erlang's C, and the tail of the
wait over x = θ w, both smooth in log C and in :math:`c^{-1/2}`, between which they are
interpolated.  Where C → 1 the formula is exact (heavy traffic).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from planner.latency.curve import INTERVALS, KNOTS, REACH, Curves
from planner.latency.erlang import erlang_c

SEED = 19_531_102

CV2_STEP = 0.25
"""Squared coefficients of variation are simulated in these steps; θ takes them as they are."""

SERVERS = np.array([1, 2, 4, 8, 32])
"""Numbers of servers that are simulated; more behave as the last at the same C (Halfin-Whitt)."""

CHANCES = np.array([1.0, 0.9, 0.75, 0.5, 0.25, 0.1, 0.03, 3e-4])
"""Erlang's C at the simulated loads; the first, where the queue explodes, is the formula."""

LEAST_SLACK = 0.045
"""Loads with less idle time than this share need too many requests, and are interpolated."""

REPLICATIONS = np.array([500, 500, 500, 500, 125, 125, 125, 125])
"""Replications at each of `CHANCES`: a busy queue forgets slowly and needs more."""

DRAWN = int(REPLICATIONS.max())
REQUESTS = 10_000
BLOCK = 50
THINNING = 2
"""Every second request is counted: neighbours wait alike, and counting takes its time."""

FEWEST = 400
"""Waits beyond the last knot that is counted; further out the tail is fitted."""

MOST_RATIO = 700.0


@dataclass(frozen=True)
class WaitTable:
    """Waits over loads at one number of servers, one row for each of `CHANCES`.

    Attributes
    ----------
    log_ratio : ndarray, shape (J,)
        Log of P(W > 0) / C.
    curves : Curves
        Tails of the wait of those who wait, J rows.
    """

    log_ratio: NDArray[np.float64]
    curves: Curves


def simulated_waits(
    servers: NDArray[np.float64],
    offered_erlangs: NDArray[np.float64],
    arrival_cv2: NDArray[np.float64],
    service_cv2: NDArray[np.float64],
) -> tuple[NDArray[np.float64], Curves]:
    r"""Return P(W > 0) and the tails of the wait, by recursion.

    Parameters
    ----------
    servers, offered_erlangs : ndarray, shape (n,)
        Servers c and load a; the load is above 0 and below c.
    arrival_cv2, service_cv2 : ndarray, shape (n,)
        Squared coefficients of variation, at most 4.

    Returns
    -------
    wait_probability : ndarray, shape (n,)
        P(W > 0).
    curves : Curves
        Tails over x = θ w, θ = 2 (c − a) / (C_a² + C_s²) in units of the mean service; n rows.

    Notes
    -----
    Same arguments, same bytes.  The first question on a pair of coefficients costs about half a
    second for each of the (at most five) numbers of servers that it needs, 50 MB at the peak, and
    25 kB that stay; later ones are interpolated.  Mean, p50, p95 and p99 of the sojourn are within
    10 % of long simulations, most within 2 % (`docs/mathematics.md`).  Rounding the coefficients to
    steps of 0.25 moves quantiles by up to 2 %.  More than 32 servers take the law of 32 at the same
    C: what differs is small against their service times.  Where fewer than one in 3,000 waits, the
    ratio is drawn on and not simulated; sojourns do not feel it.

    References
    ----------
    J. Kiefer, J. Wolfowitz, "On the theory of queues with many servers", Transactions of the
    American Mathematical Society 78(1), 1955, doi:10.1090/S0002-9947-1955-0066587-3;
    S. Halfin, W. Whitt, "Heavy-traffic limits for queues with many exponential servers",
    Operations Research 29(3), 1981, doi:10.1287/opre.29.3.567.

    Examples
    --------
    One server, ρ = 0.5 and Poisson arrivals: half of the requests wait, whatever the service.

    >>> one = np.ones(1)
    >>> waits, curves = simulated_waits(one, 0.5 * one, one, 2 * one)
    >>> waits.round(2).tolist(), curves.mean().round(1).tolist()
    ([0.5], [1.0])
    """
    chance = erlang_c(servers, offered_erlangs)
    rounded = np.round(np.stack([arrival_cv2, service_cv2], axis=1) / CV2_STEP) * CV2_STEP
    ratio, rate = np.zeros(servers.size), np.ones(servers.size)
    log_tail = np.zeros((servers.size, INTERVALS + 1))
    for pair in np.unique(rounded, axis=0):
        at = np.flatnonzero((rounded == pair).all(axis=1))
        found = _between_servers(servers[at], chance[at], float(pair[0]), float(pair[1]))
        ratio[at], log_tail[at], rate[at] = found
    waiting = np.exp(np.log(np.maximum(chance, np.finfo(np.float64).tiny)) + ratio)
    return np.minimum(waiting, 1.0), Curves(log_tail, rate)


Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Log of the ratio, log of the tails and rates at their ends."""


def _between_servers(
    servers: NDArray[np.float64], chance: NDArray[np.float64], arrival: float, service: float
) -> Parts:
    """Interpolate between numbers of servers, linearly in c^(−1/2)."""
    place = np.interp(servers, SERVERS, np.arange(SERVERS.size))
    below = np.minimum(place.astype(np.intp), SERVERS.size - 2)
    root = 1 / np.sqrt(SERVERS)
    share = (root[below] - 1 / np.sqrt(servers)) / (root[below] - root[below + 1])
    parts = (
        np.zeros(servers.size),
        np.zeros((servers.size, INTERVALS + 1)),
        np.zeros(servers.size),
    )
    for node, count in enumerate(SERVERS.tolist()):
        weight = np.where(below == node, 1 - share, np.where(below == node - 1, share, 0.0))
        held = np.clip(weight, 0.0, 1.0)
        at = np.flatnonzero(weight != 0)
        if at.size:
            table = wait_table(count, arrival, service)
            found = _between_loads(table, chance[at])
            parts[0][at] += weight[at] * found[0]
            parts[1][at] += held[at, None] * found[1]
            parts[2][at] += held[at] * found[2]
    return parts


def _between_loads(table: WaitTable, chance: NDArray[np.float64]) -> Parts:
    """Interpolate between loads, linearly in log C; the ratio is drawn on below the last."""
    distance = -np.log(np.maximum(chance, np.finfo(np.float64).tiny))
    nodes = -np.log(CHANCES)
    left = np.clip(np.searchsorted(nodes, distance, side="right") - 1, 0, nodes.size - 2)
    share = (distance - nodes[left]) / (nodes[left + 1] - nodes[left])
    held = np.clip(share, 0.0, 1.0)

    def between(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(values[left] + weight * (values[left + 1] - values[left]))

    ratio = np.clip(between(table.log_ratio, share), -MOST_RATIO, MOST_RATIO)
    tails = between(table.curves.log_tail, held[:, None])
    return ratio, tails, between(table.curves.last_rate, held)


@lru_cache(maxsize=2048)
def wait_table(servers: int, arrival_cv2: float, service_cv2: float) -> WaitTable:
    """Simulate the waits at one number of servers over `CHANCES`.

    Parameters
    ----------
    servers : int
        Number of servers.
    arrival_cv2, service_cv2 : float
        Squared coefficients of variation.

    Returns
    -------
    WaitTable
        Ratios and curves; the same whenever it is asked.

    Examples
    --------
    >>> wait_table(1, 1.0, 2.0).log_ratio.shape
    (8,)
    """
    rho = _loads(servers)
    kept = np.flatnonzero(1 - rho > LEAST_SLACK)
    run = _run(servers, rho[kept], kept, arrival_cv2, service_cv2)
    beyond, requests = _counted(run), REQUESTS // THINNING * REPLICATIONS[kept]
    log_ratio = np.zeros(CHANCES.size)
    log_tail, rate = np.tile(-KNOTS, (CHANCES.size, 1)), np.ones(CHANCES.size)
    log_ratio[kept] = np.log((beyond[:, 0] + 0.5) / (requests * CHANCES[kept]))
    for node, exceeding in zip(kept.tolist(), beyond, strict=True):
        log_tail[node], rate[node] = _fitted(exceeding, log_tail[node - 1], rate[node - 1])
    skipped = slice(1, int(kept[0]))
    share = np.log(CHANCES[skipped]) / np.log(CHANCES[kept[0]])
    log_ratio[skipped] = share * log_ratio[kept[0]]
    log_tail[skipped] = (1 - share[:, None]) * -KNOTS + share[:, None] * log_tail[kept[0]]
    rate[skipped] = 1 - share + share * rate[kept[0]]
    return WaitTable(log_ratio, Curves(log_tail, rate))


def _loads(servers: int) -> NDArray[np.float64]:
    """Return the utilisations at which Erlang's C is `CHANCES`, by bisection."""
    low, high = np.zeros(CHANCES.size), np.ones(CHANCES.size)
    for _ in range(60):
        middle = (low + high) / 2
        above = erlang_c(servers, servers * middle) > CHANCES
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return low


@dataclass(frozen=True)
class _Run:
    """Queues (rows) of one number of servers: replications of the first load, of the next, ...

    `draw` says which replication a queue is, `load` which load it has; θ, ρ, C are aligned.
    """

    servers: int
    load: NDArray[np.intp]
    draw: NDArray[np.intp]
    rho: NDArray[np.float64]
    chance: NDArray[np.float64]
    theta: NDArray[np.float64]
    arrival_cv2: float
    sigma: float
    warm_up_blocks: int
    generator: np.random.Generator

    def gaps(self) -> NDArray[np.float64]:
        """Return times between arrivals of mean 1, shape (BLOCK, DRAWN)."""
        shape = (BLOCK, DRAWN)
        if self.arrival_cv2 == 0:
            return np.ones(shape)
        return self.generator.gamma(1 / self.arrival_cv2, self.arrival_cv2, shape)

    def services(self) -> NDArray[np.float64]:
        """Return service times of mean 1, shape (BLOCK, DRAWN)."""
        normal = self.generator.standard_normal((BLOCK, DRAWN))
        return np.exp(self.sigma * normal - self.sigma**2 / 2)


def _run(
    servers: int,
    rho: NDArray[np.float64],
    kept: NDArray[np.intp],
    arrival_cv2: float,
    service_cv2: float,
) -> _Run:
    """Return a run whose warm-up is one relaxation time of its busiest queue."""
    variability = arrival_cv2 + service_cv2
    relaxation = 2 * variability / (1 - float(rho.max())) ** 2
    load = np.repeat(np.arange(kept.size), REPLICATIONS[kept])
    return _Run(
        servers=servers,
        load=load,
        draw=np.concatenate([np.arange(count) for count in REPLICATIONS[kept]]),
        rho=rho[load],
        chance=CHANCES[kept][load],
        theta=servers * (1 - rho[load]) * 2 / variability,
        arrival_cv2=arrival_cv2,
        sigma=float(np.sqrt(np.log1p(service_cv2))),
        warm_up_blocks=int((relaxation + 20 * servers) // BLOCK) + 1,
        generator=np.random.default_rng(SEED),
    )


def _first_free(run: _Run) -> NDArray[np.float64]:
    """Draw when servers are free, near the steady state so that little is left to warm up.

    All are busy with probability C, and then an exponential wait precedes; else each is busy with
    probability ρ but one.  A busy server's rest is that of a service met in the middle.
    """
    queues = run.rho.size
    met = run.generator.standard_normal((queues, run.servers))
    rest = np.exp(run.sigma * met + run.sigma**2 / 2) * run.generator.random(met.shape)
    busy = run.generator.random(met.shape) < run.rho[:, None]
    full = run.generator.random(queues) < run.chance
    wait = run.generator.standard_exponential(queues) / run.theta
    partly = np.where(busy, rest, 0.0)
    partly[:, 0] = 0.0
    wholly = rest - rest.min(axis=1, keepdims=True) + wait[:, None]
    return np.where(full[:, None], wholly, partly)


def _counted(run: _Run) -> NDArray[np.int64]:
    """Return how many waits of each load go beyond each knot."""
    free, waits = _first_free(run), np.empty((BLOCK, run.load.size))
    inside = np.zeros((int(run.load[-1]) + 1, INTERVALS + 1), dtype=np.int64)
    for block in range(run.warm_up_blocks + REQUESTS // BLOCK):
        _serve(run, free, waits)
        if block >= run.warm_up_blocks:
            inside += _histogram(waits[::THINNING] * run.theta, run.load, len(inside))
    return inside[:, ::-1].cumsum(axis=1)[:, ::-1]


def _serve(run: _Run, free: NDArray[np.float64], waits: NDArray[np.float64]) -> None:
    """Let one block of requests through: fill `waits`, move `free` to the time of the last."""
    flat, start = free.reshape(-1), np.arange(run.load.size) * run.servers
    now, mean_gap = np.zeros(run.load.size), 1 / (run.servers * run.rho)
    for gap, service, wait in zip(run.gaps(), run.services(), waits, strict=True):
        now += mean_gap * gap.take(run.draw)
        first = free.argmin(axis=1)
        first += start
        np.maximum(flat.take(first) - now, 0.0, out=wait)
        flat[first] = now + wait + service.take(run.draw)
    free -= now[:, None]


def _histogram(x: NDArray[np.float64], load: NDArray[np.intp], loads: int) -> NDArray[np.int64]:
    """Count positive scaled waits between knots, by load."""
    waited = x > 0
    place = np.sqrt(x[waited] * (INTERVALS**2 / REACH)).clip(max=INTERVALS).astype(np.intp)
    row = np.broadcast_to(load, x.shape)[waited] * (INTERVALS + 1)
    found = np.bincount(row + place, minlength=loads * (INTERVALS + 1))
    return found.reshape(loads, INTERVALS + 1)


def _fitted(
    beyond: NDArray[np.int64], log_tail: NDArray[np.float64], rate: float
) -> tuple[NDArray[np.float64], float]:
    """Return the log tail and its last rate; those of the busier load where too few waited."""
    if beyond[0] < 20 * FEWEST:
        return log_tail, rate
    last = max(int(np.flatnonzero(beyond >= FEWEST)[-1]), 1)
    start = min(int(np.flatnonzero(beyond >= min(10 * beyond[last], beyond[0]))[-1]), last - 1)
    fitted = float(np.log(beyond[start] / beyond[last]) / (KNOTS[last] - KNOTS[start]))
    counted = np.log(np.maximum(beyond, 1) / beyond[0])
    outward = counted[last] - fitted * (KNOTS - KNOTS[last])
    return np.where(np.arange(KNOTS.size) <= last, counted, outward), fitted
