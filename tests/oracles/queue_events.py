"""Queues by events: what requests really wait, first come first served, with its own uncertainty.

`by_events` is the library ciw, one event at a time. `by_workload` is Kiefer's and Wolfowitz's own
form, for the many requests that a 99th percentile needs: the sorted vector of the work left at each
server; a request waits for the smallest, adds its service there, and until the next arrival all
work off the same time. Both know no formula, start empty, cut off the warm-up, and give 95 %
intervals from independent groups. `single_server` adds up the exact law of one server by Fourier
transform. Times are in mean service times.
"""

from __future__ import annotations

from dataclasses import dataclass

import ciw
import numpy as np
from numpy.typing import NDArray
from scipy import stats

GROUPS = 20
NAMES = ("mean", "p50", "p95", "p99")
"""Figures of the sojourn, in this order everywhere."""


@dataclass(frozen=True)
class Queue:
    """A queue: gamma times between arrivals; service lognormal, or exponential if `markov`."""

    servers: int
    rho: float
    arrival_cv2: float = 1.0
    service_cv2: float = 1.0
    markov: bool = False


@dataclass(frozen=True)
class Estimate:
    """Figures of the sojourn (`NAMES`) and the half-widths of their 95 % intervals."""

    value: NDArray[np.float64]
    half_width: NDArray[np.float64]


def by_workload(
    queue: Queue, replications: int, requests: int, seed: int, rounds: int = 1
) -> Estimate:
    """Let `requests` through each of many independent queues after a warm-up.

    Rounds run one after the other, to bound the memory; each gives its part of the groups.
    """
    generator = np.random.default_rng(seed)
    groups: list[NDArray[np.float64]] = []
    for _ in range(rounds):
        sojourns = _round(queue, replications, requests, generator)
        groups += [_figures(part) for part in np.split(sojourns, GROUPS // rounds, axis=1)]
    return _estimated(groups)


def _round(
    queue: Queue, replications: int, requests: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    work = np.zeros((replications, queue.servers))
    sojourns = np.empty((requests, replications), dtype=np.float32)
    warm_up = warm_up_requests(queue)
    for request in range(-warm_up, requests):
        service = _services(queue, generator, replications)
        if request >= 0:
            sojourns[request] = work[:, 0] + service
        work[:, 0] += service
        work -= _gaps(queue, generator, replications)[:, None]
        np.maximum(work, 0.0, out=work)
        work.sort(axis=1)
    return sojourns


def by_events(queue: Queue, requests: int, seed: int) -> Estimate:
    """Simulate GROUPS independent queues with ciw."""
    network = ciw.create_network(
        arrival_distributions=[_ciw_gaps(queue)],
        service_distributions=[_ciw_services(queue)],
        number_of_servers=[queue.servers],
    )
    warm_up = warm_up_requests(queue)
    end = (warm_up + requests) / (queue.servers * queue.rho)
    begin = warm_up / (queue.servers * queue.rho)
    groups = []
    for group in range(GROUPS):
        ciw.seed(seed + group)
        simulation = ciw.Simulation(network)
        # Those who arrive before the end are served after it: none that is slow is left out.
        simulation.simulate_until_max_time(end + 60)
        records = [r for r in simulation.get_all_records() if begin < r.arrival_date < end]
        groups.append(_figures(np.array([r.waiting_time + r.service_time for r in records])))
    return _estimated(groups)


def warm_up_requests(queue: Queue) -> int:
    """Return four relaxation times of the workload, and twenty turns of all servers."""
    variability = queue.arrival_cv2 + queue.service_cv2
    return int(8 * variability / (1 - queue.rho) ** 2 / 2) + 20 * queue.servers


def assert_within(predicted: NDArray[np.float64], truth: Estimate, error: float) -> None:
    """Check each figure within `error`, widened by the oracle's interval and by nothing else.

    The interval itself must be less than half of the error that it widens.
    """
    assert (truth.half_width < error / 2 * truth.value).all(), "the oracle ran too short"
    allowed = error * truth.value + truth.half_width
    apart = dict(zip(NAMES, (predicted / truth.value - 1).round(4).tolist(), strict=True))
    assert (np.abs(predicted - truth.value) <= allowed).all(), apart


def single_server(queue: Queue, step: float = 0.01, size: int = 2**20) -> NDArray[np.float64]:
    """Return the figures of an M/G/1 by Pollaczek and Khinchine, exact but for the lattice.

    The wait is a geometric sum of services met in the middle; lattices are added by FFT.
    """
    edges = step * (np.arange(size) + 0.5)
    score = (np.log(edges) + _sigma(queue) ** 2 / 2) / _sigma(queue)
    below = stats.norm.cdf(score)
    met_below = edges * (1 - below) + stats.norm.cdf(score - _sigma(queue))
    service, met = (np.fft.rfft(np.diff(law, prepend=0)) for law in (below, met_below))
    sojourn = np.fft.irfft((1 - queue.rho) / (1 - queue.rho * met) * service, size)
    mean = 1 + queue.rho * (1 + queue.service_cv2) / 2 / (1 - queue.rho)
    return np.array([mean, *np.interp((0.5, 0.95, 0.99), sojourn.cumsum(), edges)])


def _figures(sojourns: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.array([sojourns.mean(dtype=np.float64), *np.quantile(sojourns, (0.5, 0.95, 0.99))])


def _estimated(groups: list[NDArray[np.float64]]) -> Estimate:
    """Return the mean of the groups' figures and its interval."""
    figures = np.array(groups, dtype=np.float64)
    error = figures.std(axis=0, ddof=1) / np.sqrt(len(groups))
    return Estimate(figures.mean(axis=0), stats.t.ppf(0.975, len(groups) - 1) * error)


def _sigma(queue: Queue) -> float:
    return float(np.sqrt(np.log1p(queue.service_cv2)))


def _services(queue: Queue, generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    if queue.markov:
        return generator.standard_exponential(size)
    return generator.lognormal(-(_sigma(queue) ** 2) / 2, _sigma(queue), size)


def _gaps(queue: Queue, generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    mean = 1 / (queue.servers * queue.rho)
    if queue.arrival_cv2 == 1:
        return mean * generator.standard_exponential(size)
    return generator.gamma(1 / queue.arrival_cv2, queue.arrival_cv2 * mean, size)


def _ciw_services(queue: Queue) -> ciw.dists.Distribution:
    if queue.markov:
        return ciw.dists.Exponential(1.0)
    return ciw.dists.Lognormal(-(_sigma(queue) ** 2) / 2, _sigma(queue))


def _ciw_gaps(queue: Queue) -> ciw.dists.Distribution:
    rate = queue.servers * queue.rho
    if queue.arrival_cv2 == 1:
        return ciw.dists.Exponential(rate)
    return ciw.dists.Gamma(1 / queue.arrival_cv2, queue.arrival_cv2 / rate)
