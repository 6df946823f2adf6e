"""The Taiwan scenarios say what the report says and agree with the tables beside them."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pandas as pd
import pytest

from planner.io.datasets import dataset_folder, read_table
from planner.io.scenarios import check_scenario
from planner.model.scenario import Scenario


@pytest.fixture(scope="module")
def taiwan() -> Scenario:
    return accepted("scenario.yaml")


@pytest.fixture(scope="module")
def single_region() -> Scenario:
    return accepted("single-region.yaml")


def accepted(name: str) -> Scenario:
    """The scenario, which must be without a fault and without a warning."""
    checked = check_scenario(dataset_folder() / "taiwan" / name)
    assert checked.faults == checked.warnings == ()
    assert checked.scenario is not None
    return checked.scenario


def test_the_clusters_are_those_of_the_report(taiwan: Scenario) -> None:
    clusters = {name: region.cluster for name, region in taiwan.regions.items()}
    assert clusters == {
        "taipei": "taiwan-master",
        "singapore": "singapore-edge",
        "tokyo": "tokyo-edge",
        "losangeles": "losangeles-edge",
    }
    assert taiwan.namespace == "prod-api"
    assert taiwan.services["api"].host == "api.company.com"
    assert taiwan.regions["taipei"].uplink_gbps == 1.03
    assert taiwan.regions["taipei"].pools["main"].servers == 3
    assert (taiwan.federation.host_region, taiwan.federation.standby_region) == ("taipei", "tokyo")
    assert taiwan.policy.survive.regions == 1


def test_every_pair_of_regions_has_a_tunnel(taiwan: Scenario) -> None:
    pairs = {frozenset((link.from_region, link.to_region)) for link in taiwan.links.values()}
    assert len(pairs) == len(taiwan.links) == 6


def test_origins_agree_with_the_table_of_countries(taiwan: Scenario) -> None:
    countries = {row["country"]: row for row in read_table("origins").to_dict("records")}
    assert len(taiwan.origins) >= 40
    columns = ["name", "latitude_deg", "longitude_deg", "internet_users", "utc_offset_h"]
    for code, origin in taiwan.origins.items():
        assert code == origin.country
        for column in columns:
            assert getattr(origin, column) == countries[code][column]


def test_servers_leave_no_more_than_the_table_of_server_types(taiwan: Scenario) -> None:
    table = {row["server_type"]: row for row in read_table("server_types").to_dict("records")}
    for name, server in taiwan.server_types.items():
        assert server.cpu_cores <= table[name]["cpu_cores"]
        assert server.memory_gib <= table[name]["memory_gib"]
        assert server.comparable_cloud_type == table[name]["comparable_cloud_type"]


def test_a_tunnel_falls_with_every_corridor_that_leaves_it_no_cable(taiwan: Scenario) -> None:
    cables = read_table("cable_segments")
    in_service = cables[cables["status"] != "planned"]
    for group_name, group in taiwan.risk_groups.items():
        spared = [
            group.corridor not in str(corridors).replace("_", "-").split()
            for corridors in in_service["corridors"]
        ]
        graph = nx.from_pandas_edgelist(in_service[spared], "from_metro", "to_metro")
        for link in taiwan.links.values():
            ends = [taiwan.regions[end].metro for end in (link.from_region, link.to_region)]
            if not (set(ends) <= set(graph) and nx.has_path(graph, *ends)):
                assert group_name in link.risk_groups


def test_corridors_are_those_of_the_table(taiwan: Scenario) -> None:
    known = set(read_table("corridors")["corridor"].str.replace("_", "-"))
    assert {group.corridor for group in taiwan.risk_groups.values()} <= known


def test_what_is_ours_says_so(taiwan: Scenario, single_region: Scenario) -> None:
    for scenario in (taiwan, single_region):
        parts: list[Any] = [
            *scenario.services.values(),
            *scenario.links.values(),
            *scenario.origins.values(),
            *(group.failure for group in scenario.risk_groups.values()),
            *(region.failure for region in scenario.regions.values()),
            *(pool for region in scenario.regions.values() for pool in region.pools.values()),
            scenario.policy,
            scenario.growth,
        ]
        assert all("ours" in str(part.basis) for part in parts)


def test_before_and_after_have_the_same_users_and_services(
    taiwan: Scenario, single_region: Scenario
) -> None:
    own = {"home_regions", "max_replicas", "basis"}
    assert single_region.origins == taiwan.origins
    assert single_region.calendar == taiwan.calendar
    assert single_region.risk_groups == taiwan.risk_groups
    for name, service in taiwan.services.items():
        before = single_region.services[name]
        assert service.model_dump(exclude=own) == before.model_dump(exclude=own)
    assert list(single_region.services) == list(taiwan.services)
    assert list(single_region.regions) == ["singapore"]
    assert single_region.policy.survive.regions == 0


def test_static_is_most_of_the_traffic_and_needs_more_than_the_main_region(
    taiwan: Scenario,
) -> None:
    curve = read_table("diurnal")
    weekday = curve[curve["curve"] == "weekday"]["relative_load"].to_numpy()
    peak = pd.Series(0.0, index=list(taiwan.services))
    total = 0.0
    for hour in range(24):
        users = sum(
            o.internet_users * o.propensity_share * weekday[int(hour + o.utc_offset_h) % 24]
            for o in taiwan.origins.values()
        )
        gbps = pd.Series(
            {
                name: users * s.requests_per_user_day / 86400 * s.payload_kib * 8192 / 1e9
                for name, s in taiwan.services.items()
            }
        )
        if gbps.sum() > total:
            total, peak = gbps.sum(), gbps
    uplinks = {name: region.uplink_gbps for name, region in taiwan.regions.items()}
    peak_factor = taiwan.calendar.peak_factor
    assert peak["static"] > peak.sum() / 2
    assert peak_factor * total > 2 * uplinks["taipei"]
    assert peak_factor * total < min(sum(uplinks.values()) - lost for lost in uplinks.values())
