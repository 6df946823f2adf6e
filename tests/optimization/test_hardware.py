"""Buying and renting agrees with brute force over server vectors, and every answer fits."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from planner.errors import Infeasible, SolverStopped
from planner.optimization import horizon
from planner.optimization.horizon import Hardware, choose
from planner.optimization.month import month_program
from planner.optimization.month_search import Cheapest, cheapest
from planner.optimization.purchase import growing_prices, supply_usd
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Problem
from planner.problem.offers import Offers, month_problem
from tests.oracles import brute_force, purchases
from tests.oracles.instances import random_problem
from tests.oracles.offered import random_offers, tightened
from tests.oracles.packing import region_fits

SEEDS = [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 24))]


def drawn(
    seed: int, steering: Literal["static", "adaptive"] = "static", months: int = 2
) -> tuple[Problem, Offers]:
    """A small problem whose servers are just too small in the last month, and what can be had."""
    problem = random_problem(
        seed,
        services=2 if seed % 2 else 1,
        origins=3,
        regions=2,
        hours=2,
        order=1,
        steering=steering,
        split_origins=seed % 4 != 3,
    )
    loose = replace(
        problem,
        uplink_gbps=problem.uplink_gbps * 1000,
        max_replicas=problem.max_replicas * 2,
        survive_server_loss=seed % 3 == 0,
    )
    for share in np.geomspace(1.0, 0.05, 16):
        tight = tightened(loose, float(share))
        offers = random_offers(tight, seed, months=months)
        last = month_problem(tight, offers, months - 1)
        if not np.isfinite(brute_force.solve(last)):
            break
    return tight, offers


@pytest.mark.parametrize("steering", ["static", "adaptive"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_month_at_given_prices_agrees_with_brute_force(
    seed: int, steering: Literal["static", "adaptive"]
) -> None:
    problem, offers = drawn(seed, steering)
    price = np.linspace(60.0, 10.0, offers.pools.region.size)
    costs = purchases.month_costs(problem, offers, 1)
    least = min((usd + float(price @ np.array(x)) for x, usd in costs.items()), default=np.inf)
    found = cheapest(month_program(problem, offers, 1, 0), price, gap=1e-6, stop=NEVER)
    assert found.bound <= least + 1e-4 * abs(least) or not np.isfinite(least)
    if np.isfinite(least):
        assert found.plan is not None
        assert found.plan.cost_usd(price) == pytest.approx(least, rel=1e-4)
        assert found.bound == pytest.approx(least, rel=1e-4)
    else:
        assert found.plan is None
        assert found.bound == np.inf


def assert_kept(problem: Problem, offers: Offers, found: Hardware) -> None:
    """Every month fits in any order, within stock, supply and power."""
    for month, plan in enumerate(found.plans):
        added = tuple(int(n) for n in plan.added)
        grown = purchases.resulting(month_problem(problem, offers, month), offers, added)
        for region in range(len(problem.axes.regions)):
            assert region_fits(grown, region, plan.replicas[:, region].tolist())
        assert added in purchases.vectors(offers, month)
        had = found.bought[:, : month + 1].sum(axis=1) + found.rented[:, month]
        assert (np.bincount(offers.pool, had, minlength=len(added)) >= added).all()
        assert (np.bincount(offers.offer, had) <= offers.stock).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_months_together_agree_with_brute_force(seed: int) -> None:
    problem, offers = drawn(seed)
    least = purchases.least_usd(problem, offers)
    if not np.isfinite(least):
        with pytest.raises(Infeasible, match="month"):
            choose(problem, offers, gap=1e-6)
        return
    found = choose(problem, offers, gap=1e-5)
    assert_kept(problem, offers, found)
    assert found.bound <= least * (1 + 1e-6)
    assert found.objective >= least * (1 - 1e-6)
    # Prices leave at most the gap that they tell.
    assert found.objective - found.bound <= found.gap * found.objective + 1e-6
    if found.status == "optimal":
        assert found.objective == pytest.approx(least, rel=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_earns_at_the_prices_of_growing_demand(seed: int) -> None:
    """They are feasible duals: buying and renting is never worth more than it costs."""
    _, offers = drawn(seed, months=3)
    assert supply_usd(offers, growing_prices(offers), NEVER) == pytest.approx(0.0, abs=1e-7)


def pressed_at(words: str, seed: int) -> tuple[list[str], Hardware]:
    """Choose, and let Ctrl-C come at a step; return the steps and what was chosen."""
    steps: list[str] = []

    def step(text: str) -> None:
        steps.append(text)
        if text == words:
            signal.raise_signal(signal.SIGINT)

    problem, offers = drawn(seed, months=3)
    found = choose(problem, offers, gap=1e-9, step=step)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return steps, found


def test_ctrl_c_keeps_the_purchase_found_so_far() -> None:
    steps, found = pressed_at("round 1: plan of month 2", 1)
    assert steps[-1] == "round 1: plan of month 2"
    assert found.interrupted
    assert len(found.plans) == 3
    assert 0 <= found.bound <= found.objective
    assert found.objective >= choose(*drawn(1, months=3), gap=1e-9).bound * (1 - 1e-9)


def test_ctrl_c_after_the_first_month_buys_what_that_needs() -> None:
    steps, found = pressed_at("round 1: month 2", 1)
    assert "round 1: month 1" not in steps
    assert found.interrupted
    assert found.status == "limit"
    assert 0 <= found.bound < found.objective < np.inf


def test_ctrl_c_before_any_purchase_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(horizon, "cheapest", lambda *_, **__: Cheapest(None, -np.inf))
    with pytest.raises(SolverStopped, match="was found before the search ended"):
        pressed_at("round 1: month 3", 1)
