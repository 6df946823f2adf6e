"""Cloudflare's objects, traced back to the plan."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from planner.exporters import cloudflare
from planner.exporters.cloudflare import export_cloudflare
from planner.exporters.steering import State, host_steering, promised_states
from planner.model.plan import Plan
from tests.exporters.plans import read
from tests.exporters.platforms import taiwan_plan
from tests.exporters.steered import steered_data, steered_plan


def documents(plan: Plan) -> dict[str, Any]:
    return {
        str(m.path.relative_to("dns/cloudflare")): json.loads(str(m.content))
        for m in export_cloudflare(plan)
        if m.path.suffix == ".json"
    }


@pytest.mark.parametrize("plan", [taiwan_plan, steered_plan])
def test_a_country_has_the_order_that_most_of_its_users_follow(plan):
    plan = plan()
    found = documents(plan)
    for host in plan.hosts:
        body = found[f"api/load-balancers/{host}.json"]
        steering = host_steering(plan, host)
        assert body["steering_policy"] == "geo"
        assert body["country_pools"].keys() == steering.countries.keys()
        for country, pools in body["country_pools"].items():
            order = tuple(pool.removeprefix("pool:") for pool in pools)
            parts = steering.countries[country]
            assert parts[order] == max(parts.values())
        assert body["default_pools"] == [f"pool:{r}" for r in steering.main_order]
        assert body["fallback_pool"] == body["default_pools"][0]


def test_an_undivided_country_gets_the_plans_cluster_in_every_promised_state():
    plan = steered_plan()
    body = documents(plan)["api/load-balancers/api.company.com.json"]
    steering = host_steering(plan, "api.company.com")
    for country in ("TW", "HK", "SG", "NA"):
        for state in promised_states(plan):
            pools = [p.removeprefix("pool:") for p in body["country_pools"][country]]
            first = next(region for region in pools if region not in state.lost)
            assert steering.shares(country, state) == {first: 1.0}


def test_pools_hold_the_regions_addresses_and_share_one_monitor():
    plan = taiwan_plan()
    found = documents(plan)
    for region in plan.active_regions:
        pool = found[f"api/pools/{region}.json"]
        addresses = [origin["address"] for origin in pool["origins"]]
        assert addresses == list(plan.scenario.regions[region].ingress_addresses)
        assert pool["monitor"] == "monitor:regions"
        assert pool["minimum_origins"] == 1
    monitor = found["api/monitor.json"]
    assert monitor["consecutive_down"] == plan.scenario.dns.check_failures
    assert monitor["interval"] == 15


def test_pool_sets_divide_exactly_the_divided_countries_in_hundredths():
    plan = steered_plan()
    found = documents(plan)
    assert "api/pool-sets/static.company.com.json" not in found
    sets = found["api/pool-sets/api.company.com.json"]["pool_sets"]
    steering = host_steering(plan, "api.company.com")
    up = promised_states(plan)[0]
    assert [s["match"]["topology"]["countries"] for s in sets] == [["JP"], ["PH"], ["US"]]
    for own in sets:
        (country,) = own["match"]["topology"]["countries"]
        weights = own["overrides"]["pool_weights"]
        assert list(weights) == own["overrides"]["pools"]
        assert sum(weights.values()) == pytest.approx(1)
        for region, share in steering.shares(country, up).items():
            assert weights[f"pool:{region}"] == pytest.approx(share, abs=0.01)


def test_names_are_proxied_only_where_the_plan_counts_on_spilling_over():
    plain = documents(steered_plan())["api/load-balancers/api.company.com.json"]
    assert (plain["proxied"], plain["ttl"]) == (False, 30)
    assert plain["adaptive_routing"] == {"failover_across_pools": False}
    spilling = documents(steered_plan(spill_over=True))["api/load-balancers/api.company.com.json"]
    assert spilling["proxied"] is True
    assert "ttl" not in spilling
    assert spilling["adaptive_routing"] == {"failover_across_pools": True}


def test_terraform_refers_to_resources_that_exist():
    resources = documents(taiwan_plan())["main.tf.json"]["resource"]
    known = {f"${{{kind}.{label}.id}}" for kind, found in resources.items() for label in found}
    text = json.dumps(resources)
    used = {f"${{{part.split('}')[0]}}}" for part in text.split("${")[1:]}
    assert used
    assert used <= known
    for found in resources.values():
        assert all(
            label[0].isalpha() and label.replace("_", "").replace("-", "").isalnum()
            for label in found
        )


def test_where_all_pools_of_a_set_are_lost_its_fallback_is_another():
    data = steered_data()
    data["scenario"]["policy"]["survive"]["regions"] = 2
    plan = read(data)
    sets = documents(plan)["api/pool-sets/api.company.com.json"]["pool_sets"]
    (philippines,) = (s["overrides"] for s in sets if s["name"] == "divided-PH")
    assert philippines["pools"] == ["pool:singapore", "pool:taipei"]
    fallback = philippines["fallback_pool"].removeprefix("pool:")
    assert fallback in {"tokyo", "losangeles"}
    content = next(
        str(m.content) for m in export_cloudflare(plan) if m.path.name == "realised-pool-sets.csv"
    )
    realised = {
        row["cluster"]: float(row["realised_share"])
        for row in csv.DictReader(io.StringIO(content))
        if (row["state"], row["origin"], row["host"])
        == ("lost.taipei.singapore", "PH", "api.company.com")
    }
    assert realised[plan.scenario.regions[fallback].cluster] == 1.0


def test_a_set_of_all_pools_says_that_its_fallback_may_be_lost():
    rule = cloudflare._PoolSet((("tokyo", 60), ("taipei", 40)), ("tokyo", "taipei"))
    assert rule.shares(State("lost.tokyo", ("tokyo",))) == {"taipei": 1.0}
    assert rule.shares(State("lost", ("tokyo", "taipei"))) == {"tokyo": 1.0}
