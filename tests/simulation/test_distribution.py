"""Distributions against samples of single requests, and against the judge's own percentiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.problem.arrays import Floats, Problem, Solution
from planner.simulation.assessment import Assessment
from planner.simulation.distribution import distribution
from planner.simulation.replay import simulate
from tests.oracles.carried import carried_rps
from tests.oracles.conditions import troubled
from tests.oracles.instances import random_problem
from tests.oracles.solutions import random_solution

REQUESTS = 150_000
PERCENTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}


def lossy(seed: int) -> tuple[Problem, Solution]:
    """Return a problem with loss on paths and tunnels, and a plan with plenty of replicas."""
    plain = random_problem(seed, services=2, origins=3, regions=3, hours=3, order=1)
    problem = troubled(plain, seed)
    rng = np.random.default_rng(seed)
    assert problem.conditions is not None
    assert problem.conditions.tunnels is not None
    links = problem.conditions.tunnels.loss_share.shape
    tunnels = replace(
        problem.conditions.tunnels,
        loss_share=rng.choice([0.0, 0.03], links),
        capacity_gbps=np.full(links, np.inf),
    )
    loss = rng.choice([0.0, 0.02, 0.15], problem.state_rtt_ms.shape)
    conditions = replace(problem.conditions, tunnels=tunnels, loss_share=loss)
    problem = replace(
        problem,
        conditions=conditions,
        payload_kib=np.array([2.0, 30.0]),
        uplink_gbps=np.full(3, 100.0),
        limit_ms=np.full(2, 250.0),
        emergency_limit_ms=np.full(2, 350.0),
    )
    return problem, random_solution(problem, seed, plenty=3)


def rounds_ms(rng: np.random.Generator, loss: Floats, count: int, timeout_ms: Floats) -> Floats:
    """Send segments until all have arrived; each round waits twice as long as the one before."""
    delay, wait = np.zeros(loss.size), timeout_ms.astype(float)
    waiting = np.ones((loss.size, count), dtype=bool)
    for _ in range(12):
        waiting &= rng.random(waiting.shape) < loss[:, None]
        late = waiting.any(axis=1)
        delay[late] += wait[late]
        wait = wait * 2
    return delay


def sojourns_ms(
    rng: np.random.Generator, servers: int, rps: float, service_ms: float, count: int
) -> Floats:
    """Draw M/M/c sojourns: an exponential wait with Erlang's probability, and the service."""
    offered, blocked = rps * service_ms / 1000, 1.0
    for c in range(1, servers + 1):
        blocked = offered * blocked / (c + offered * blocked)
    waits = servers * blocked / (servers - offered * (1 - blocked))
    wait = rng.exponential(service_ms / (servers - offered), count) * (rng.random(count) < waits)
    return wait + rng.exponential(service_ms, count)


def requests_ms(
    rng: np.random.Generator,
    problem: Problem,
    found: Assessment,
    where: tuple[int, int],
    rps: Floats,
) -> Floats:
    """Draw requests of a state and service; `rps` [O, R, H] says how many from where."""
    k, s = where
    network, conditions = problem.network, problem.conditions
    assert conditions is not None
    assert conditions.tunnels is not None
    assert conditions.loss_share is not None
    home = int(problem.home_region[k, s])
    count = int(np.ceil(problem.payload_kib[s] * 1024 / 1460))
    load = carried_rps(found)[k, s].sum(axis=0)
    parts = []
    for o, r, h in np.argwhere(rps > 0).tolist():
        n = round(REQUESTS * rps[o, r, h] / rps.sum())
        point = rng.choice(network.point_share.shape[1], n, p=network.point_share[o])
        detour = max(problem.state_rtt_ms[k, o, r] - problem.rtt_ms[o, r], 0.0)
        leg = network.point_rtt_ms[o, point, r] + detour
        new = rng.random(n) < network.new_connection_share[s]
        jitter = rng.choice(network.jitter_factor, n, p=network.jitter_share)
        loss = np.full(n, conditions.loss_share[k, o, r])
        took = jitter * leg * (1 + new * network.setup_round_trips[s])
        took += rounds_ms(rng, loss, count, leg + 200)
        took += new * rounds_ms(rng, loss, 1, np.full(n, 1000.0))
        if home >= 0 and np.isfinite(conditions.tunnels.rtt_ms[k, r, home]):
            called = rng.random(n) < problem.home_share[s]
            way = np.full(n, conditions.tunnels.rtt_ms[k, r, home])
            passed, at = 1.0, r
            while at != home:
                link = conditions.tunnels.next_link[k, at, home]
                passed *= 1 - conditions.tunnels.loss_share[k, link]
                at = int(conditions.tunnels.ends[link].sum()) - at
            home_loss = np.full(n, 1 - passed)
            took += called * (jitter * way + rounds_ms(rng, home_loss, count, way + 200))
        servers = int(found.replicas[k, s, r] * problem.queue.workers_per_replica[s])
        service_ms = float(problem.queue.service_time_ms[s])
        parts.append(took + sojourns_ms(rng, servers, load[r, h], service_ms, n))
    return np.concatenate(parts)


def assert_like(sample: Floats, figures: dict[str, float], limit_ms: float) -> None:
    """Check percentiles by the share of the sample below them, which has a known error."""
    for name, probability in PERCENTILES.items():
        below = float((sample <= figures[name]).mean())
        error = 4 * np.sqrt(probability * (1 - probability) / sample.size) + 5e-4
        assert below == pytest.approx(probability, abs=error), name
    error = 4 * sample.std() / np.sqrt(sample.size)
    assert sample.mean() == pytest.approx(figures["mean_ms"], abs=error + 0.002 * sample.mean())
    assert figures["within_share"] == pytest.approx((sample <= limit_ms).mean(), abs=4e-3)


@pytest.mark.parametrize("seed", [1, 4])
def test_figures_are_those_of_single_requests(seed: int) -> None:
    problem, solution = lossy(seed)
    found = simulate(problem, solution, late_counts=False)
    day, worst = distribution(problem, found), distribution(problem, found, over="worst hour")
    rng, checked = np.random.default_rng(seed), 0
    for k in range(0, len(problem.axes.states), 2):
        carried = found.carried_rps(k)
        for s in range(2):
            for by, axis in (("service", None), ("origin", 0), ("region", 1)):
                for over, hours in ((day, None), (worst, 1)):
                    summary = getattr(over, by)
                    x = 0 if axis is None else (k + s) % 3
                    mine = np.zeros_like(carried[s])
                    at = tuple(
                        [slice(None)] * (axis or 0) + [x if axis is not None else slice(None)]
                    )
                    mine[at] = carried[s][at]
                    if hours is not None:
                        hour = int(summary.hour[k, s, x])
                        mine[..., np.arange(3) != hour] = 0
                    figures = {
                        name: float(getattr(summary, name)[k, s, x])
                        for name in (*PERCENTILES, "mean_ms", "within_share")
                    }
                    assert (mine.sum() > 0) == np.isfinite(figures["mean_ms"])
                    if mine.sum() > 0:
                        sample = requests_ms(rng, problem, found, (k, s), mine)
                        assert_like(sample, figures, 250.0 if k == 0 else 350.0)
                        checked += 1
    assert checked >= 20


def test_the_worst_hour_is_the_judges_own() -> None:
    for seed in range(6):
        problem = random_problem(seed)
        found = simulate(problem, random_solution(problem, seed, plenty=2))
        worst = distribution(problem, found, over="worst hour")
        assert worst.origin is not None
        assert worst.region is not None
        promised = problem.must_survive
        mine, judged = worst.origin.p95_ms[promised], found.state_p95_ms[promised]
        assert mine == pytest.approx(judged, abs=0.011, nan_ok=True)
        assert worst.region.p95_ms[0] == pytest.approx(found.region_p95_ms, abs=0.011, nan_ok=True)


def test_means_of_the_day_are_those_of_the_assessment() -> None:
    for seed in range(6):
        problem, solution = lossy(seed)
        found = simulate(problem, solution, late_counts=False)
        day = distribution(problem, found)
        assert day.origin is not None
        assert day.region is not None
        assert day.service is not None
        # Rounds of loss recovery rarer than 1e-5 are not in the distribution.
        near = {"rel": 2e-3, "nan_ok": True}
        assert day.origin.mean_ms == pytest.approx(found.means.origin_ms, **near)
        assert day.region.mean_ms == pytest.approx(found.means.region_ms, **near)
        assert day.service.mean_ms[..., 0] == pytest.approx(found.means.service_ms, **near)


def test_states_do_not_depend_on_those_beside_them() -> None:
    problem, solution = lossy(2)
    found = simulate(problem, solution, late_counts=False)
    together = distribution(problem, found)
    for k in range(len(problem.axes.states)):
        alone = distribution(problem, found, states=[k])
        for by in ("origin", "region", "service"):
            mine, one = getattr(together, by), getattr(alone, by)
            assert mine.p99_ms[k] == pytest.approx(one.p99_ms[0], abs=0.02, nan_ok=True)
            assert mine.within_share[k] == pytest.approx(one.within_share[0], abs=1e-4, nan_ok=True)


def test_tables_leave_out_who_is_not_served() -> None:
    problem, solution = lossy(1)
    found = simulate(problem, solution, late_counts=False)
    worst = distribution(problem, found, over="worst hour", by=["region"])
    table = worst.table("region")
    assert not table.isna().any(axis=None)
    assert worst.region is not None
    assert len(table) == int((~np.isnan(worst.region.mean_ms)).sum())
    assert set(table["hour_utc"]) <= set(problem.axes.hours)
    with pytest.raises(KeyError, match="by origin was not asked for"):
        worst.table("origin")


def test_a_given_hour_is_that_of_a_problem_with_this_hour_alone() -> None:
    problem = random_problem(3, hours=3)
    solution = random_solution(problem, 3, plenty=2)
    one = replace(
        problem,
        demand_rps=problem.demand_rps[..., [1]],
        axes=replace(problem.axes, hours=problem.axes.hours[1:2]),
    )
    found = distribution(problem, simulate(problem, solution), over=1)
    alone = distribution(one, simulate(one, solution))
    assert found.origin is not None
    assert alone.origin is not None
    assert found.origin.p95_ms == pytest.approx(alone.origin.p95_ms, abs=0.011, nan_ok=True)
    assert found.origin.mean_ms == pytest.approx(alone.origin.mean_ms, nan_ok=True)
