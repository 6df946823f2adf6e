"""The exported configuration and zones in the real gdnsd, clusters and server on loopback."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.exporters import gdnsd
from planner.exporters.gdnsd import export_gdnsd
from planner.model.plan import Plan
from tests.conformance.dns_servers import (
    LOOPBACK,
    PREFIXES,
    Clusters,
    Server,
    assert_shares,
    free_port,
    lookups_to_see,
    planned,
    running,
    serves,
    wait_until,
    write,
    write_database,
)
from tests.conformance.tools import tool
from tests.exporters.plans import HOSTS
from tests.exporters.platforms import taiwan_plan
from tests.exporters.steered import BOTH_FAMILIES, hosted_plan, steered_plan

pytestmark = pytest.mark.slow

INTERVAL_S, FAILURES, TIMEOUT_S = 2, 2, 1
DETECTION_S = INTERVAL_S * FAILURES + TIMEOUT_S


def loopback_plan() -> Plan:
    return steered_plan(
        LOOPBACK,
        check_interval_s=float(INTERVAL_S),
        check_failures=FAILURES,
        check_successes=2,
        check_timeout_s=float(TIMEOUT_S),
    )


def lay_out(plan: Plan, folder: Path, check_port: int) -> int:
    """Write the export; put folders and ports of the test in place of the exported ones."""
    port = free_port("127.0.0.1")
    write(export_gdnsd(plan), folder, "dns/gdnsd")
    write_database(folder / "country.mmdb")
    for name in ("run", "state"):
        (folder / name).mkdir()
    config = (folder / "config").read_text()
    for exported, own in (
        (
            'listen => "any"',
            f'listen => [ "127.0.0.1:{port}" ]\n  run_dir => "{folder}/run"\n'
            f'  state_dir => "{folder}/state"',
        ),
        ("port => 80\n", f"port => {check_port}\n"),
        (plan.scenario.dns.geoip_database, str(folder / "country.mmdb")),
    ):
        assert exported in config
        config = config.replace(exported, own)
    (folder / "config").write_text(config)
    return port


@pytest.fixture(scope="module")
def clusters() -> Iterator[Clusters]:
    clusters = Clusters()
    yield clusters
    clusters.stop(*LOOPBACK)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, clusters: Clusters) -> Iterator[Server]:
    binary = tool("gdnsd", "gdnsd")
    folder = tmp_path_factory.mktemp("gdnsd")
    port = lay_out(loopback_plan(), folder, clusters.port)
    with running([binary, "-c", str(folder), "start"], port, folder / "log") as server:
        yield server


def test_every_country_is_answered_as_planned(server):
    for host in HOSTS:
        for country in PREFIXES:
            want = planned(loopback_plan(), host, country)
            got = {server.answer(host, country) for _ in range(lookups_to_see(want))}
            assert got == want.keys(), (host, country)


def test_an_address_that_the_database_lacks_gets_the_answer_of_most_users(server):
    want = planned(loopback_plan(), "api.company.com", "nowhere")
    assert {server.answer("api.company.com", "8.8.8.0")} == want.keys()


@pytest.mark.parametrize("country", ["PH", "JP", "US"])
def test_a_divided_country_gets_the_plans_shares(server, country):
    want = planned(loopback_plan(), "api.company.com", country)
    assert len(want) > 1
    assert_shares(server.counts("api.company.com", country), want)


def test_the_client_subnet_is_returned_with_a_scope(server):
    (option,) = server.ask("api.company.com", "TW").options
    assert option.scopelen > 0


@pytest.mark.parametrize("lost", ["tokyo", "singapore", "taipei", "losangeles"])
def test_a_lost_cluster_is_left_in_time_for_the_plans_next_with_the_plans_shares(
    server, clusters, lost
):
    plan = loopback_plan()
    clusters.stop(lost)
    try:
        wait_until(lambda: serves(server, plan, (lost,)), DETECTION_S + INTERVAL_S, server.log)
        for country in ("PH", "JP", "US"):
            want = planned(plan, "api.company.com", country, (lost,))
            assert_shares(server.counts("api.company.com", country), want)
    finally:
        clusters.start(lost)
    wait_until(lambda: serves(server, plan, ()), 30, server.log)


def test_a_single_weighted_set_is_renormalised_as_its_table_says(tmp_path, clusters, monkeypatch):
    binary = tool("gdnsd", "gdnsd")
    monkeypatch.setattr(gdnsd, "MOST_DATACENTERS", 7)
    plan = loopback_plan()
    port = lay_out(plan, tmp_path, clusters.port)
    rows = list(csv.DictReader((tmp_path / "realised.csv").read_text().splitlines()))
    regions = {own.cluster: own for own in plan.scenario.regions.values()}

    def realised(state: str, origin: str) -> dict[tuple[str, ...], float]:
        wanted = (state, "api.company.com", origin)
        return {
            tuple(sorted(regions[r["cluster"]].ingress_addresses)): float(r["realised_share"])
            for r in rows
            if (r["state"], r["host"], r["origin"]) == wanted and float(r["realised_share"]) > 0
        }

    assert realised("lost.tokyo", "JP") == {("127.0.1.10",): 1.0}
    with running([binary, "-c", str(tmp_path), "start"], port, tmp_path / "log") as server:
        assert_shares(server.counts("api.company.com", "JP"), realised("up", "JP"))
        clusters.stop("tokyo")
        try:
            moved = {("127.0.1.10",)}
            wait_until(
                lambda: {server.answer("api.company.com", "JP") for _ in range(150)} == moved,
                DETECTION_S + INTERVAL_S,
                server.log,
            )
            for origin, country in (("JP", "JP"), ("PH", "PH"), ("US-EAST", "US")):
                want = realised("lost.tokyo", origin)
                assert_shares(server.counts("api.company.com", country), want)
        finally:
            clusters.start("tokyo")


def test_ipv6_is_answered_where_every_region_has_it(tmp_path):
    binary = tool("gdnsd", "gdnsd")
    plan = steered_plan(BOTH_FAMILIES)
    port = lay_out(plan, tmp_path, 9)
    # Nobody stands behind these addresses: without checks all of them count as up.
    config = (tmp_path / "config").read_text()
    for host in ("api_company_com", "static_company_com"):
        config = config.replace(f'service_types => "{host}"', 'service_types => "up"')
        config = config.replace(f"  {host} => {{\n    plugin", f"  unused_{host} => {{\n    plugin")
    (tmp_path / "config").write_text(config)
    with running([binary, "-c", str(tmp_path), "start"], port, tmp_path / "log") as server:
        for kind in ("A", "AAAA"):
            for country in ("TW", "SG", "HK", "NA", "DE"):
                want = planned(plan, "api.company.com", country, family=kind)
                assert {server.answer("api.company.com", country, kind)} == want.keys()
            want = planned(plan, "api.company.com", "JP", family=kind)
            assert_shares(server.counts("api.company.com", "JP", kind), want)


def test_the_taiwan_plan_is_accepted_without_a_warning(tmp_path):
    binary = tool("gdnsd", "gdnsd")
    lay_out(taiwan_plan(), tmp_path, 9)
    check = [binary, "-S", "-c", str(tmp_path), "checkconf"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "plan",
    [
        hosted_plan("api.company.com", "v1.api.company.com"),
        hosted_plan("api.company.com", f"{'a' * 63}.{'b' * 63}.{'c' * 63}.company.com"),
        steered_plan(ttl_s=86_400),
    ],
    ids=["nested", "long", "slow"],
)
def test_odd_names_and_times_are_accepted_without_a_warning(tmp_path, plan):
    binary = tool("gdnsd", "gdnsd")
    lay_out(plan, tmp_path, 9)
    check = [binary, "-S", "-c", str(tmp_path), "checkconf"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("file", "exported", "mutated"),
    [
        ("config", "at-taipei => {\n            addrs_v4", "at-taipeh => {\n            addrs_v4"),
        ("config", "down_thresh =>", "down_threshold =>"),
        ("zones/api.company.com", "DYNA geoip!api_company_com", "DYNA geoip!api_company_org"),
    ],
)
def test_a_mutated_file_is_refused(tmp_path, file, exported, mutated):
    binary = tool("gdnsd", "gdnsd")
    lay_out(loopback_plan(), tmp_path, 9)
    check = [binary, "-c", str(tmp_path), "checkconf"]
    good = subprocess.run(check, capture_output=True, text=True, timeout=30, check=False)
    assert good.returncode == 0, good.stderr
    assert "warning" not in good.stderr, good.stderr
    text = (tmp_path / file).read_text()
    assert exported in text
    (tmp_path / file).write_text(text.replace(exported, mutated, 1))
    bad = subprocess.run(check, capture_output=True, text=True, timeout=30, check=False)
    assert bad.returncode != 0
