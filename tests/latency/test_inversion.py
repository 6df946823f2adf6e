"""Capacities against their defining property and hand formulas, and the search behind them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.latency.bracketing import feasible_edge
from planner.latency.queueing import (
    capacity_rps,
    sojourn_quantile_ms,
    sojourn_tail,
)

SECOND = 1000.0  # a mean service time of one second makes rates loads and seconds service times


STATIONS = st.tuples(
    st.floats(0.3, 0.999),
    st.floats(0.5, 20.0),
    st.integers(1, 3000),
    st.sampled_from([(1, 1), (0, 0.2), (0.5, 0), (0.5, 1), (1, 0.2), (1, 2), (2, 0.5), (3, 5)]),
)


@settings(max_examples=150, deadline=None)
@given(STATIONS)
def test_capacity_is_the_edge_of_the_objective(
    case: tuple[float, float, int, tuple[float, float]],
) -> None:
    p, limit, servers, cv2 = case
    spread = {"arrival_cv2": cv2[0], "service_cv2": cv2[1]}
    load = capacity_rps(p, limit * SECOND, servers, SECOND, **spread)
    assert 0 <= load <= servers
    idle = sojourn_quantile_ms(p, servers, 0.0, SECOND, **spread) / SECOND
    if load == 0:
        assert idle >= limit * (1 - 1e-12)
        return
    assert sojourn_tail(limit * SECOND, servers, load, SECOND, **spread) <= 1 - p
    more = load * (1 + 1e-9)
    assert sojourn_tail(limit * SECOND, servers, more, SECOND, **spread) > 1 - p
    kept_ms = sojourn_quantile_ms(p, servers, load, SECOND, **spread)
    assert kept_ms <= limit * SECOND * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(STATIONS)
def test_capacity_grows_with_limit_and_more_than_linearly_with_servers(
    case: tuple[float, float, int, tuple[float, float]],
) -> None:
    p, limit, servers, cv2 = case
    spread = {"arrival_cv2": cv2[0], "service_cv2": cv2[1]}
    load = capacity_rps(p, limit * SECOND, servers, SECOND, **spread)
    assert capacity_rps(p, 1.1 * limit * SECOND, servers, SECOND, **spread) >= load * (1 - 1e-12)
    assert capacity_rps(p, limit * SECOND, 2 * servers, SECOND, **spread) >= 2 * load * (1 - 1e-9)


def test_capacity_of_one_server_by_hand() -> None:
    limit = np.array([10.0, 119.8, 120.0, 200.0, 1e6, np.inf])
    exact = np.maximum(1000 / 40 + np.log(0.05) * 1000 / limit, 0)
    np.testing.assert_allclose(capacity_rps(0.95, limit, 1, 40.0), exact, rtol=1e-9)
    assert capacity_rps(0.95, -5.0, 1, 40.0) == 0
    assert capacity_rps(0.95, 1e9, 0, 40.0) == 0


def test_the_search_finds_awkward_edges() -> None:
    edges = np.array([1e-3, 0.3, 0.5, 1.0 - 1e-12])
    steep = feasible_edge(
        lambda x, i: np.sign(x - edges[i]) * np.abs(x - edges[i]) ** 9, np.zeros(4), np.ones(4)
    )
    jump = feasible_edge(lambda x, i: np.where(x > edges[i], 1.0, -1e-9), np.zeros(4), np.ones(4))
    for found in (steep, jump):
        np.testing.assert_allclose(found, edges, rtol=2e-7 if found is steep else 1e-12)
        assert np.all(found <= edges)
