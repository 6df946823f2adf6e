"""gdnsd's configuration, traced back to the plan; the real server reads it in tests/conformance."""

from __future__ import annotations

import csv
import io
import re

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters import gdnsd
from planner.exporters.gdnsd import CONTINENTS, export_gdnsd
from planner.exporters.steering import host_steering
from planner.exporters.vscf import vscf
from planner.model.plan import Plan
from tests.exporters.steered import BOTH_FAMILIES, hosted_plan, steered_plan


def files(plan: Plan) -> dict[str, str]:
    return {str(m.path.relative_to("dns/gdnsd")): str(m.content) for m in export_gdnsd(plan)}


def lists(config: str, country: str) -> list[list[str]]:
    """The data centres of a country, wherever it stands."""
    return [
        re.findall(r'"([^"]+)"', x) for x in re.findall(rf"^ +{country} => (\[.*\])$", config, re.M)
    ]


def test_a_country_that_follows_one_order_is_mapped_to_it_below_every_continent():
    plan = steered_plan()
    config = files(plan)["config"]
    steering = host_steering(plan, "api.company.com")
    for country in ("TW", "HK", "SG"):
        (order,) = steering.countries[country]
        found = lists(config, country)
        assert len(found) == len(CONTINENTS) * len(plan.hosts)
        assert [f"at-{region}" for region in order] in found


def test_a_divided_country_has_a_weighted_set_for_each_state_with_the_plans_weights():
    plan = steered_plan()
    config = files(plan)["config"]
    # Everything up; taipei lost: all of it to tokyo; tokyo lost: divided anew.
    first, second, third, *_ = lists(config, "JP")[0]
    assert (first[:6], second, third[:6]) == ("split-", "at-tokyo", "split-")
    weights = re.findall(rf"company_com_{first} => {{(.*?)\n    }}", config, re.S)[0]
    assert re.findall(r"at-(\w+) => {\s+address-1 => \[ \"[^\"]+\", (\d+) \]", weights) == [
        ("taipei", "3333"),
        ("tokyo", "6667"),
    ]
    assert "up_thresh => 1\n" in weights


def test_a_regions_weight_is_divided_over_its_addresses():
    config = files(steered_plan(BOTH_FAMILIES))["config"]
    groups = re.findall(
        r"at-singapore => {\s+address-1 => \[ \S+ (\d+) \]\s+address-2 => \[ \S+ (\d+) \]",
        config,
    )
    assert ("7000", "7000") in groups
    assert re.findall(r"at-taipei => {\s+address-1 => \[ \"[^\"]+\", (6000) \]", config)


def test_where_sets_are_too_many_one_a_country_is_left_and_its_renormalising_is_said(monkeypatch):
    plan = steered_plan()
    monkeypatch.setattr(gdnsd, "MOST_DATACENTERS", 7)
    found = files(plan)
    assert "up_thresh => 1\n" not in found["config"]
    assert "share in\nproportion, whatever the plan's orders say" in found["README.md"]
    assert "The largest difference: state lost.tokyo" in found["README.md"]
    rows = csv.DictReader(io.StringIO(found["realised.csv"]))
    lost = [r for r in rows if (r["state"], r["origin"]) == ("lost.tokyo", "JP")]
    assert {
        r["cluster"]: float(r["realised_share"]) for r in lost if r["host"] == "api.company.com"
    } == {
        "taiwan-master": 1.0,
        "losangeles-edge": 0.0,
    }
    monkeypatch.setattr(gdnsd, "MOST_DATACENTERS", 6)
    with pytest.raises(UnfaithfulExport, match=r"divides countries in 3 ways; .* has room for 2"):
        export_gdnsd(plan)


def test_checks_are_the_plans_in_whole_seconds():
    plan = steered_plan(
        check_interval_s=7.5, check_failures=4, check_successes=2, check_timeout_s=9.0
    )
    config = files(plan)["config"]
    for line in (
        "interval => 8",
        "timeout => 7",
        "down_thresh => 4",
        "up_thresh => 2",
        "ok_thresh => 1",
    ):
        assert line in config


def test_strings_are_quoted_and_what_cannot_be_written_is_refused():
    assert (
        vscf({'a"} b': ['c"\\', 0.5, 1.0, False]}) == '"a\\"} b" => [ "c\\"\\\\", 0.5, 1, false ]\n'
    )
    with pytest.raises(UnfaithfulExport):
        vscf({"a": "b\nc"})


def test_a_host_name_below_another_stands_in_its_zone():
    found = files(hosted_plan("v1.api.company.com", "api.company.com"))
    assert [path for path in found if path.startswith("zones/")] == ["zones/api.company.com"]
    zone = found["zones/api.company.com"]
    assert "\nv1 30/10 DYNA geoip!v1_api_company_com\n" in zone
    assert "\n@ 30/10 DYNA geoip!api_company_com\n" in zone
    assert "But delegate only api.company.com:" in found["README.md"]


def test_what_exceeds_the_limits_of_gdnsd_is_refused_or_shortened():
    longest = ".".join(["a" * 63] * 3 + ["b" * 49, "company.com"])
    assert len(longest) == 253
    found = files(hosted_plan(longest, "static.company.com", ttl_s=86_400))
    assert max(map(len, re.findall(r"DYNA (\S+)", found[f"zones/{longest}"]))) <= 255
    assert "@ 10800 SOA " in found[f"zones/{longest}"]
    assert "86400 10800\n" in found[f"zones/{longest}"]

    def many(prefix: int, count: int) -> list[str]:
        return [f"10.{prefix}.0.{i}" for i in range(1, count + 1)]

    with pytest.raises(UnfaithfulExport, match="'taipei' has 65 ingress addresses"):
        export_gdnsd(steered_plan({"taipei": many(1, 65)}))
    uneven = {"taipei": many(1, 1), "tokyo": many(2, 61), "losangeles": many(3, 59)}
    three = (("taipei", 4000), ("tokyo", 3000), ("losangeles", 3000))
    with pytest.raises(UnfaithfulExport, match="no small common multiple"):
        gdnsd._groups(steered_plan(uneven), three, "A")
