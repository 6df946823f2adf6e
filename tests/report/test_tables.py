"""What a plan says, as tables."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.plan import OrderedShare, Plan
from planner.report import tables


def test_serving_shares_follow_the_first_region_of_each_order(plan: Plan) -> None:
    served = tables.serving_shares(plan)
    assert served.loc["JP"].to_dict() == {"taipei": 0.25, "singapore": 0.0, "tokyo": 0.75}
    assert np.allclose(served.sum(axis=1), 1.0)
    assert tables.main_regions(plan) == {
        "TW": "taipei",
        "SG": "singapore",
        "JP": "tokyo",
        "PH": "taipei",
    }


def test_hosts_weigh_by_the_requests_a_user_makes(plan: Plan) -> None:
    # api and orders stand behind one host with 44 requests a day; one with 22 moved away.
    services = plan.scenario.services
    moved = services["orders"].model_copy(
        update={"host": "orders.example.com", "requests_per_user_day": 10.0}
    )
    scenario = plan.scenario.model_copy(
        update={"services": {"api": services["api"], "orders": moved}}
    )
    elsewhere = {"TW": (OrderedShare(share=1.0, order=("tokyo",)),)}
    two = plan.model_copy(
        update={"scenario": scenario, "hosts": {**plan.hosts, "orders.example.com": elsewhere}}
    )
    assert tables.serving_shares(two).loc["TW"].to_dict() == pytest.approx(
        {"taipei": 0.8, "singapore": 0.0, "tokyo": 0.2}
    )


def test_an_origin_that_no_host_serves_has_no_main_region(plan: Plan) -> None:
    hosts = {"api.example.com": {"TW": plan.hosts["api.example.com"]["TW"]}}
    few = plan.model_copy(update={"hosts": hosts})
    assert tables.main_regions(few)["JP"] is None
    assert tables.serving_shares(few).loc["JP"].sum() == 0.0


def test_users_are_internet_users_times_propensity_or_else_equal(plan: Plan) -> None:
    assert tables.users_by_origin(plan.scenario)["TW"] == pytest.approx(21_700_000 * 0.02)
    # TW 434,000, SG 112,000, JP 210,000 (three quarters in Tokyo), PH 240,000.
    shares = tables.users_by_region(plan)
    total = 434_000 + 112_000 + 210_000 + 240_000
    assert shares["tokyo"] == pytest.approx(0.75 * 210_000 / total)
    assert list(shares.index) == ["taipei", "tokyo", "singapore"]
    nobody = {
        code: origin.model_copy(update={"internet_users": 0.0})
        for code, origin in plan.scenario.origins.items()
    }
    empty = plan.scenario.model_copy(update={"origins": nobody})
    assert tables.users_by_origin(empty).to_list() == [1.0] * 4


def test_origins_with_equal_steering_share_a_row(plan: Plan) -> None:
    rows = {row.shares: row.origins for row in tables.share_groups(plan).itertuples()}
    assert rows == {
        "taipei > tokyo": "TW, PH",
        "singapore > taipei": "SG",
        "75 % tokyo > taipei, 25 % taipei > tokyo": "JP",
    }


def test_hosts_with_equal_steering_share_a_row(plan: Plan) -> None:
    origins = plan.hosts["api.example.com"]
    two = plan.model_copy(update={"hosts": {"api.example.com": origins, "b.example.com": origins}})
    groups = tables.share_groups(two)
    assert set(groups.hosts) == {"api.example.com, b.example.com"}
    assert len(groups) == 3


def test_the_telling_origins_are_the_regions_the_largest_and_the_slowest(plan: Plan) -> None:
    assert tables.telling_origins(plan, most=0) == ["TW", "PH", "JP", "SG"]
    scenario = plan.scenario
    abroad = {
        r: region.model_copy(update={"country": "FR"}) for r, region in scenario.regions.items()
    }
    far = plan.model_copy(update={"scenario": scenario.model_copy(update={"regions": abroad})})
    assert tables.telling_origins(far, most=1) == ["TW", "PH"]


def test_latency_tables_have_every_region_and_what_is_promised(plan: Plan) -> None:
    table = tables.serving_p95(plan)
    assert table.loc["api"].to_dict() == {
        "taipei": 105.0,
        "singapore": 103.0,
        "tokyo": 102.0,
        "promised": 400.0,
    }
    assert np.isnan(table.loc["orders", "tokyo"])
    assert tables.origin_p95(plan).loc["PH"].to_dict() == {"api": 130.0, "orders": 130.0}


def test_cost_parts_sum_to_the_objective(plan: Plan) -> None:
    assert tables.cost_parts(plan).usd_month.sum() == pytest.approx(plan.proof.objective)
