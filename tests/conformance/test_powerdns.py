"""The exported configuration and zones in the real PowerDNS, clusters and server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from planner.exporters.powerdns import export_powerdns
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
from tests.exporters.steered import BOTH_FAMILIES, steered_plan

pytestmark = pytest.mark.slow

INTERVAL_S, TIMEOUT_S = 2, 1
DETECTION_S = INTERVAL_S + TIMEOUT_S
PACKAGES = "pdns-server pdns-backend-geoip"


def loopback_plan() -> Plan:
    return steered_plan(
        LOOPBACK, check_interval_s=float(INTERVAL_S), check_timeout_s=float(TIMEOUT_S)
    )


def lay_out(plan: Plan, folder: Path, check_port: int) -> int:
    """Write the export; put folders and ports of the test in place of the exported ones."""
    port = free_port("127.0.0.1")
    write(export_powerdns(plan), folder, "dns/powerdns")
    write_database(folder / "country.mmdb")
    (folder / "run").mkdir()
    config = (folder / "pdns.conf").read_text()
    for exported, own in (
        ("local-address=0.0.0.0, ::\n", f"local-address=127.0.0.1\nlocal-port={port}\n"),
        (plan.scenario.dns.geoip_database, str(folder / "country.mmdb")),
        ("/etc/powerdns/zones.yaml", str(folder / "zones.yaml")),
    ):
        assert exported in config
        config = config.replace(exported, own)
    # No question about security updates leaves the machine of a test.
    (folder / "pdns.conf").write_text(f"{config}socket-dir={folder}/run\nsecurity-poll-suffix=\n")
    zones = (folder / "zones.yaml").read_text()
    for host in HOSTS:
        assert f"http://{host}/" in zones
        zones = zones.replace(f"http://{host}/", f"http://{host}:{check_port}/")
    (folder / "zones.yaml").write_text(zones)
    return port


def command(binary: str, folder: Path) -> list[str]:
    return [binary, f"--config-dir={folder}", "--daemon=no", "--guardian=no"]


@pytest.fixture(scope="module")
def clusters() -> Iterator[Clusters]:
    clusters = Clusters()
    yield clusters
    clusters.stop(*LOOPBACK)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, clusters: Clusters) -> Iterator[Server]:
    binary = tool("pdns_server", PACKAGES)
    folder = tmp_path_factory.mktemp("powerdns")
    plan = loopback_plan()
    port = lay_out(plan, folder, clusters.port)
    with running(command(binary, folder), port, folder / "log") as server:
        for host in HOSTS:
            server.ask(host, None)
        wait_until(lambda: serves(server, plan, ()), DETECTION_S + INTERVAL_S + 2, server.log)
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


def test_zones_are_whole(server):
    assert server.answer("api.company.com", "TW", "NS") == ("ns1.company.com.", "ns2.company.com.")
    assert server.ask("elsewhere.org", None).rcode() == dns.rcode.REFUSED
    assert [rr.ttl for rr in server.ask("api.company.com", "TW").answer] == [30]


def test_ipv6_is_answered_where_every_region_has_it(tmp_path):
    binary = tool("pdns_server", PACKAGES)
    plan = steered_plan(BOTH_FAMILIES)
    port = lay_out(plan, tmp_path, 9)
    # Nobody stands behind these addresses: without checks the first of each order counts as up.
    zones = (tmp_path / "zones.yaml").read_text()
    assert "ifurlup(" in zones
    zones = zones.replace("ifurlup(", "(function(_, o) return o[1] end)(")
    (tmp_path / "zones.yaml").write_text(zones)
    with running(command(binary, tmp_path), port, tmp_path / "log") as server:
        for kind in ("A", "AAAA"):
            for country in ("TW", "SG", "HK", "NA", "DE"):
                want = planned(plan, "api.company.com", country, family=kind)
                assert {server.answer("api.company.com", country, kind)} == want.keys()
            want = planned(plan, "api.company.com", "JP", family=kind)
            assert_shares(server.counts("api.company.com", "JP", kind), want)


def test_a_mutated_file_is_refused(tmp_path):
    binary = tool("pdns_server", PACKAGES)
    port = lay_out(loopback_plan(), tmp_path, 9)
    zones = (tmp_path / "zones.yaml").read_text()
    assert zones.count("return ifurlup(") > 2
    (tmp_path / "zones.yaml").write_text(zones.replace("return ifurlup(", "retrun ifurlup("))
    with running(command(binary, tmp_path), port, tmp_path / "log") as server:
        assert server.ask("api.company.com", "TW").rcode() == dns.rcode.SERVFAIL
