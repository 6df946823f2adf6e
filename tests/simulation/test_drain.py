"""The drain against the published table, resolvers one by one, and its closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.simulation.drain import expected_share, linger, lost_request_s, stale_share
from tests.oracles.resolvers import stale_shares
from tests.oracles.small_passage import STEERING, steering_of

SECONDS = (0, 15, 30, 60, 120, 300, 900, 1800)
TABLE = {
    20: (100.0, 33.1, 10.6, 10.0, 8.9, 6.3, 2.0, 0.4),
    30: (100.0, 55.4, 10.8, 10.2, 9.1, 6.4, 2.0, 0.4),
    60: (100.0, 77.7, 55.4, 10.8, 9.6, 6.8, 2.2, 0.4),
    300: (100.0, 95.5, 91.1, 82.2, 64.3, 10.8, 3.4, 0.6),
}


@pytest.mark.parametrize("ttl", TABLE)
def test_the_table_of_the_reference(ttl: int) -> None:
    share = 100 * stale_share(np.array(SECONDS, float), steering_of(ttl_s=float(ttl)))
    assert share == pytest.approx(np.array(TABLE[ttl]), abs=0.1)


def test_the_two_points_that_it_is_fitted_to() -> None:
    share = stale_share([60.0, 900.0], steering_of(ttl_s=20.0))
    assert share == pytest.approx([0.10, 0.02], abs=0.001)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"ttl_s": 300.0, "publication_s": 65.0},
        {"check_interval_s": 30.0, "check_failures": 2, "ttl_s": 20.0, "violation_share": 0.2},
        {"violation_share": 0.0, "check_failures": 1, "check_timeout_s": 0.0, "ttl_s": 60.0},
    ],
)
def test_resolvers_one_by_one(changed: dict[str, float]) -> None:
    steering = steering_of(**changed)
    seconds = 1500
    found = expected_share(np.arange(seconds, dtype=float), steering)
    seen = stale_shares(steering, seconds, 25_000, seed=4)
    assert np.abs(found - seen).max() <= 0.02


@given(
    interval=st.floats(1, 60),
    failures=st.integers(1, 5),
    ttl=st.floats(5, 300),
    violation=st.floats(0, 0.3),
    tau=st.floats(60, 900),
)
def test_the_area_is_the_closed_form(
    interval: float, failures: int, ttl: float, violation: float, tau: float
) -> None:
    steering = replace(
        STEERING,
        check_interval_s=interval,
        check_failures=failures,
        ttl_s=ttl,
        violation_share=violation,
        violation_s=tau,
    )
    middle = np.arange(0.25, 20_000, 0.5)
    area = expected_share(middle, steering).sum() * 0.5
    assert area == pytest.approx(lost_request_s(steering), rel=2e-3)


@given(duration=st.floats(1, 4000))
def test_a_share_stays_a_share_and_all_come_back(duration: float) -> None:
    t = np.arange(0.0, duration + 9000, 7.0)
    share = expected_share(t, STEERING, duration)
    assert ((share >= -1e-12) & (share <= 1 + 1e-12)).all()
    assert share[-1] == pytest.approx(1.0, abs=1e-3)
    before = share[t < duration]
    assert (np.diff(before) <= 1e-12).all()


def test_short_outages_move_nobody_and_a_balancer_moves_all_at_once() -> None:
    t = np.arange(0.0, 2000.0)
    assert (expected_share(t, STEERING, 20.0) == 1.0).all()
    some = expected_share(t, STEERING, 27.0).min()
    assert 0.3 < some < 0.9
    steering = steering_of(ttl_s=0.0, violation_share=0.0)
    share = expected_share(np.array([26.9, 37.1]), steering)
    assert share == pytest.approx([1.0, 0.0])


def test_connections_outlive_answers_by_their_mean_life() -> None:
    share = np.where(np.arange(4000) < 100, 1.0, 0.0)
    kept = linger(share, np.ones(4000), 120.0)
    assert kept.sum() - share.sum() == pytest.approx(120.0, rel=0.01)
    assert (linger(share, np.ones(4000), 0.0) == share).all()
