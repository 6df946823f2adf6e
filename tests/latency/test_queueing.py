"""The queueing functions against a table of exact values; shapes, ends and refusals.

`tests/data/erlang_reference.csv` was computed by exact rational arithmetic and rounded to 12 digits
(times: 10 digits); times are in mean service times.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from planner.latency.queueing import (
    capacity_rps,
    erlang_b,
    erlang_c,
    mean_wait_ms,
    sojourn_quantile_ms,
    sojourn_tail,
    wait_quantile_ms,
)

EXACT = 1e-9
REFERENCE = Path(__file__).parents[1] / "data" / "erlang_reference.csv"
SECOND = 1000.0  # a mean service time of one second makes rates loads and seconds service times


def _reference() -> dict[str, np.ndarray]:
    with REFERENCE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def test_the_reference_table_is_reproduced() -> None:
    table = _reference()
    servers, load = table["servers"], table["offered_erlangs"]
    np.testing.assert_allclose(erlang_b(servers, load), table["erlang_b"], rtol=EXACT)
    np.testing.assert_allclose(erlang_c(servers, load), table["erlang_c"], rtol=EXACT)
    mean = mean_wait_ms(servers, load, SECOND) / SECOND
    np.testing.assert_allclose(mean, table["mean_wait_in_service_times"], rtol=EXACT)
    for column, p in {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}.items():
        wait = wait_quantile_ms(p, servers, load, SECOND) / SECOND
        np.testing.assert_allclose(wait, table[f"wait_{column}"], rtol=EXACT)


STATIONS = st.tuples(
    st.floats(0.3, 0.999),
    st.floats(0.5, 20.0),
    st.integers(1, 3000),
    st.sampled_from([(1, 1), (0, 0.2), (0.5, 0), (0.5, 1), (1, 0.2), (1, 2), (2, 0.5), (3, 5)]),
)


@settings(max_examples=80, deadline=None)
@given(STATIONS, st.floats(0, 0.99), st.floats(1.0001, 1.5))
def test_the_tail_falls_with_time_and_grows_with_load(
    case: tuple[float, float, int, tuple[float, float]], rho: float, factor: float
) -> None:
    _, time, servers, cv2 = case
    spread = {"arrival_cv2": cv2[0], "service_cv2": cv2[1]}
    here = sojourn_tail(time * SECOND, servers, rho * servers, SECOND, **spread)
    assert 0 <= here <= 1
    later = sojourn_tail(time * factor * SECOND, servers, rho * servers, SECOND, **spread)
    assert later <= here * (1 + 1e-12)
    busier = sojourn_tail(time * SECOND, servers, factor * rho * servers, SECOND, **spread)
    assert busier >= here * (1 - 1e-10)


def test_arguments_broadcast_and_elements_do_not_mind_their_neighbours() -> None:
    generator = np.random.default_rng(4)
    servers = generator.integers(1, 500, (5, 1, 1))
    load = servers * generator.uniform(0, 1.1, (1, 40, 1))
    spread = np.array([0.0, 0.5, 1.0, 2.0])
    table = sojourn_quantile_ms(0.95, servers, load, SECOND, service_cv2=spread)
    assert table.shape == (5, 40, 4)
    for i, j, k in [(0, 0, 0), (1, 7, 1), (2, 20, 2), (3, 39, 3), (4, 11, 2)]:
        alone = sojourn_quantile_ms(
            0.95, servers[i, 0, 0], load[i, j, 0], 1e3, service_cv2=spread[k]
        )
        assert alone.shape == ()
        assert table[i, j, k] == alone


def test_many_stations_cross_the_block_border_of_the_quadrature() -> None:
    load = np.linspace(0.1, 3.9, 2500)
    tail = sojourn_tail(2 * SECOND, 4, load, SECOND, service_cv2=0.5)
    single = [float(sojourn_tail(2 * SECOND, 4, x, SECOND, service_cv2=0.5)) for x in load[::173]]
    np.testing.assert_array_equal(tail[::173], single)
    assert np.all(np.diff(tail) > 0)


@pytest.mark.parametrize("spread", [{}, {"service_cv2": 0.0}, {"service_cv2": 3.0}])
def test_no_steady_state_is_infinite(spread: dict[str, float]) -> None:
    load = np.array([4.0, 4.1, 1e300, np.inf])
    assert np.all(np.isinf(sojourn_quantile_ms(0.95, 4, load, SECOND, **spread)))
    assert np.all(np.isinf(wait_quantile_ms(0.05, 4, load, SECOND, **spread)))
    assert np.all(np.isinf(mean_wait_ms(4, load, SECOND, **spread)))
    assert np.all(sojourn_tail(1e12, 4, load, SECOND, **spread) == 1.0)
    assert np.all(erlang_c(4, load) == 1.0)
    assert erlang_b(4, np.inf) == 1.0
    assert np.isinf(sojourn_quantile_ms(0.5, 0, 0.0, SECOND, **spread))


def test_an_idle_station_shows_its_service_time() -> None:
    assert wait_quantile_ms(0.999, 4, 0.0, 40.0) == 0
    assert sojourn_quantile_ms(0.95, 4, 0.0, 40.0) == pytest.approx(-40 * np.log(0.05), rel=EXACT)
    sigma = np.sqrt(np.log(3.0))
    lognormal = 40 * np.exp(sigma * norm.ppf(0.95) - sigma**2 / 2)
    got = sojourn_quantile_ms(0.95, 4, 0.0, 40.0, service_cv2=2.0)
    assert got == pytest.approx(lognormal, rel=EXACT)
    assert sojourn_quantile_ms(0.95, 4, 0.0, 40.0, service_cv2=0.0) == 40.0
    assert sojourn_tail([-3.0, 0.0, 39.9, 40.0], 4, 0.0, 40.0, service_cv2=0).tolist() == [
        1,
        1,
        1,
        0,
    ]


def test_extreme_arguments_give_numbers_and_no_warning() -> None:
    grid = np.meshgrid(
        [0, 1, 100, 10**8],
        [0, 5e-324, 1e-9, 1.0, 1e300, np.inf],
        [5e-324, 1e-6, 1e300],
        [0, 5e-324, 1.0, 1e300],
        [0, 5e-324, 1.0, 1e300],
        [1e-16, 0.5, 1 - 1e-16],
    )
    servers, rate, service, arrival, spread, p = (axis.ravel() for axis in grid)
    cv2 = {"arrival_cv2": arrival, "service_cv2": spread}
    for values in (
        erlang_b(servers, rate),
        erlang_c(servers, rate),
        mean_wait_ms(servers, rate, service, **cv2),
        wait_quantile_ms(p, servers, rate, service, **cv2),
        sojourn_tail(rate, servers, rate, service, **cv2),
        sojourn_quantile_ms(p, servers, rate, service, **cv2),
        capacity_rps(p, rate, servers, service, **cv2),
    ):
        assert not np.any(np.isnan(values))
        assert np.all(values >= 0)


def test_empty_arrays_stay_empty() -> None:
    assert erlang_b([], []).shape == (0,)
    assert sojourn_quantile_ms(0.95, [], [], 40.0, service_cv2=2.0).shape == (0,)
    assert capacity_rps(0.95, 100.0, np.empty((0, 3)), 40.0).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: erlang_b(1.5, 1.0), "servers"),
        (lambda: erlang_c(-1, 1.0), "servers"),
        (lambda: erlang_b(np.inf, 1.0), "servers"),
        (lambda: erlang_b(1, np.nan), "offered_erlangs"),
        (lambda: erlang_c(1, -0.1), "offered_erlangs"),
        (lambda: mean_wait_ms(1, np.nan, 40.0), "arrival_rps"),
        (lambda: mean_wait_ms(1, 1.0, 0.0), "service_time_ms"),
        (lambda: sojourn_tail(np.nan, 1, 1.0, 40.0), "t_ms"),
        (lambda: sojourn_tail(1.0, 1, 1.0, np.inf), "service_time_ms"),
        (lambda: wait_quantile_ms(1.0, 1, 1.0, 40.0), "probability"),
        (lambda: sojourn_quantile_ms(0.0, 1, 1.0, 40.0), "probability"),
        (lambda: sojourn_quantile_ms(0.5, 1, 1.0, 40.0, service_cv2=-1), "service_cv2"),
        (lambda: capacity_rps(0.5, 10.0, 1, 40.0, arrival_cv2=np.inf), "arrival_cv2"),
        (lambda: capacity_rps(0.5, np.nan, 1, 40.0), "limit_ms"),
        (lambda: capacity_rps(0.5, 10.0, 2.5, 40.0), "servers"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(call: object, name: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=f"`{name}` must"):
        call()
