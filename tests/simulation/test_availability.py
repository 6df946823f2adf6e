"""Availability against a year played out, and its interval against its own rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.simulation.availability import Transients, availability, nines
from planner.simulation.drain import lost_request_s
from planner.simulation.transients import transient
from tests.oracles.small_passage import CONTROL, STEERING, first_share, recovery_of, two_regions

HOURS = 8760.0


def test_a_region_that_fails_now_and_then_second_by_second() -> None:
    """Every failure loses what the drain loses until its repair, counted second by second."""
    mtbf_h, mttr_h, share, rate = 1000.0, 4.0, 0.5, 100.0
    problem = two_regions(rate)
    solution = first_share(problem, share, (20, 7))
    recovery = recovery_of(control=replace(CONTROL, redivision_s=np.inf))
    found_transient = transient(
        problem, solution, recovery, state=1, repair_s=mttr_h * 3600, horizon_s=7200.0
    )
    down = mttr_h / (mtbf_h + mttr_h)
    steady = 1 - 70 / 100
    found = availability(
        ("api",),
        ("TW",),
        mean_rps=np.array([[rate]]),
        probability=np.array([1 - down, down]),
        loss_share=np.array([[[0.0]], [[steady]]]),
        uncovered_probability=0.0,
        transients=Transients(np.array([HOURS / (mtbf_h + mttr_h)]), found_transient[None]),
    )
    count = HOURS / (mtbf_h + mttr_h)
    # Once drained 100 arrive at 70; while a part of the half is stale, it is lost and makes room.
    second = np.arange(0.5, mttr_h * 3600)
    lost_rps = _stale(second - 2 - 5) * share * rate
    lost_rps += np.maximum(rate - lost_rps - 70, 0)
    # After the return they go back as slowly, and until then 70 is too little.
    back_rps = np.maximum(50 + _stale(np.arange(0.5, 7200) - 5) * 50 - 70, 0)
    lost = count * (lost_rps.sum() + back_rps.sum()) / (rate * HOURS * 3600)
    assert found.low[0] == pytest.approx(1 - lost, abs=1e-7)
    assert found.low == found.high


def _stale(since: np.ndarray) -> np.ndarray:
    """Return the model of the reference in plain numbers, averaged over the phase of checks."""
    total = np.zeros_like(since)
    for phase in np.arange(0.05, 10, 0.1):
        x = since - 2 * 10 - phase
        cache = np.clip(1 - x / 30, 0, 1)
        tail = np.where(x <= 30, 1.0, np.exp(-np.maximum(x - 30, 0) / 522))
        total += np.where(x < 0, 1.0, 0.892 * cache + 0.108 * tail)
    return total / 100


def test_a_transient_is_cut_at_the_repair() -> None:
    problem = two_regions(100.0)
    solution = first_share(problem, 1.0, (20, 20))
    short, long = (
        transient(problem, solution, recovery_of(), state=1, repair_s=r, step_s=1.0).sum()
        for r in (300.0, 7200.0)
    )
    assert long == pytest.approx(100 * lost_request_s(STEERING), rel=5e-3)
    tail = 100 * 0.108 * 522 * np.exp(-(300 - 62) / 522)
    assert short == pytest.approx(long - tail, rel=0.01)


def test_what_takes_longer_than_is_looked_at_is_lost_all_the_same() -> None:
    """A TTL of four hours: half of the answers are old after two, whatever the horizon."""
    problem = two_regions(100.0)
    solution = first_share(problem, 1.0, (20, 20))
    slow = recovery_of(replace(STEERING, ttl_s=14_400.0, violation_share=0.0))
    found = transient(problem, solution, slow, state=1, repair_s=14_400.0, horizon_s=3600.0)
    assert found.sum() == pytest.approx(100 * 14_400 / 2, rel=0.02)
    whole = transient(problem, solution, slow, state=1, repair_s=14_400.0, horizon_s=14_400.0)
    assert found.sum() == pytest.approx(whole.sum(), rel=1e-3)


@given(
    seed=st.integers(0, 1000),
    missing=st.floats(0, 0.2),
    events=st.floats(0, 10),
)
def test_the_bound_is_as_wide_as_what_is_left_out(seed: int, missing: float, events: float) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(5)) * (1 - missing)
    loss = rng.uniform(0, 0.3, (5, 2, 3))
    found = availability(
        ("a", "b"),
        ("X", "Y", "Z"),
        mean_rps=rng.uniform(1, 9, (2, 3)),
        probability=probability,
        loss_share=loss,
        uncovered_probability=missing,
        transients=Transients(np.array([events]), rng.uniform(0, 1e4, (1, 2, 3))),
    )
    assert found.kind == "bound"
    assert found.high - found.low == pytest.approx(missing)
    assert (found.origin_low <= found.origin_high + 1e-15).all()
    assert (found.low >= found.origin_low.min(axis=1) - 1e-12).all()
    assert (found.low <= found.origin_low.max(axis=1) + 1e-12).all()
    assert found.table.shape == (2, 7)
    assert found.origin_table.shape == (2, 3)


def test_a_confidence_interval_holds_the_truth_about_19_times_in_20() -> None:
    rng = np.random.default_rng(11)
    true_p, loss = np.array([0.9, 0.06, 0.04]), np.array([0.0, 0.3, 1.0])
    truth = 1 - true_p @ loss
    hits, rounds, samples = 0, 400, 1000
    for _ in range(rounds):
        seen = rng.multinomial(samples, true_p) / samples
        found = availability(
            ("a",),
            ("X",),
            mean_rps=np.ones((1, 1)),
            probability=seen,
            loss_share=loss[:, None, None],
            uncovered_probability=0.0,
            samples=samples,
        )
        assert found.kind == "confidence"
        hits += bool(found.low[0] <= truth <= found.high[0])
    assert 0.92 <= hits / rounds <= 0.98


def test_no_loss_in_any_draw_is_the_rule_of_three() -> None:
    found = availability(
        ("a",),
        ("X",),
        mean_rps=np.ones((1, 1)),
        probability=np.ones(1),
        loss_share=np.zeros((1, 1, 1)),
        uncovered_probability=0.0,
        samples=3000,
    )
    assert (found.low[0], found.high[0]) == (0.999, 1.0)
    assert nines(found.low)[0] == pytest.approx(3.0)


def test_an_origin_without_demand_has_no_availability() -> None:
    found = availability(
        ("a",),
        ("X", "Y"),
        mean_rps=np.array([[1.0, 0.0]]),
        probability=np.ones(1),
        loss_share=np.array([[[0.1, 0.0]]]),
        uncovered_probability=0.0,
    )
    assert np.isnan(found.origin_low[0]).tolist() == [False, True]
    assert found.low[0] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("probability", "loss", "missing", "message"),
    [
        ([0.5, 0.4], [0.0, 0.0], 0.0, "sum to 1"),
        ([1.1, -0.1], [0.0, 0.0], 0.0, "at least 0"),
        ([0.5, 0.5], [0.0, 1.2], 0.0, "within"),
    ],
)
def test_numbers_that_do_not_fit(
    probability: list[float], loss: list[float], missing: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        availability(
            ("a",),
            ("X",),
            mean_rps=np.ones((1, 1)),
            probability=np.array(probability),
            loss_share=np.array(loss)[:, None, None],
            uncovered_probability=missing,
        )
