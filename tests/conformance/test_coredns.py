"""The exported Corefile and zones in the real CoreDNS, on loopback.

Needs a ``coredns`` binary (COREDNS, ``.ci/tools`` or PATH) and the packages ``mmdb-writer`` and
``netaddr``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
import yaml

from planner.exporters import export
from tests.conformance.dns_servers import lookups_to_see
from tests.conformance.tools import tool
from tests.exporters.plans import ADDRESSES, HOSTS, REGIONS, USERS, small_plan

pytestmark = pytest.mark.slow

PREFIXES = {
    "PH": "198.51.100.0/26",
    "SG": "198.51.100.64/26",
    "TW": "198.51.100.128/26",
    "HK": "198.51.100.192/26",
    "JP": "203.0.113.0/26",
    "US": "203.0.113.64/26",
    "DE": "203.0.113.128/26",
    "NA": "192.0.2.0/25",
}
SOURCES = {"PH": "127.0.11.5", "TW": "127.0.13.5", "JP": "127.0.15.5", "US": "127.0.16.5"}
IDS = 2**16
IN_FLIGHT = 128
MAIN = {"api.company.com": "losangeles tokyo", "static.company.com": "losangeles taipei"}


def find_coredns() -> str:
    return os.environ.get("COREDNS") or tool("coredns")


def write_database(path: Path) -> None:
    """Countries of the test, nested as MaxMind does, every IPv4 prefix in its mapped form too."""
    writers = pytest.importorskip("mmdb_writer", reason="the package mmdb-writer is not installed")
    netaddr = pytest.importorskip("netaddr", reason="the package netaddr is not installed")
    writer = writers.MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="GeoLite2-Country",
        languages=["en"],
        int_type="u32",
    )
    sources = {country: f"{address[:-1]}0/24" for country, address in SOURCES.items()}
    for country, prefix in (*PREFIXES.items(), *sources.items()):
        entry = {"country": {"iso_code": country, "names": {"en": country}}}
        address, length = prefix.split("/")
        for network in (prefix, f"::ffff:{address}/{96 + int(length)}"):
            writer.insert_network(netaddr.IPSet([network]), entry)
    writer.to_db_file(str(path))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def localised(corefile: str, folder: Path, port: int) -> str:
    """Put ports and folders of the test in place of the exported ones; nothing else."""
    replaced = corefile.replace(":53 {", f":{port} {{")
    for exported in ("0.0.0.0:9153", "0.0.0.0:8080", "0.0.0.0:8181"):
        replaced = replaced.replace(exported, f"127.0.0.1:{free_port()}")
    replaced = replaced.replace("/etc/coredns/geoip/country.mmdb", str(folder / "country.mmdb"))
    return replaced.replace("/etc/coredns/zones", str(folder / "live"))


def lay_out(folder: Path) -> None:
    """Write the export and the countries of the test."""
    write_database(folder / "country.mmdb")
    for manifest in export(small_plan(), "coredns"):
        path = folder / manifest.path.relative_to("dns/coredns")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = manifest.content
        path.write_text(content if isinstance(content, str) else yaml.safe_dump_all(content))


class Server:
    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def switch(self, state: str) -> None:
        command = ["sh", str(self.folder / "switch.sh"), state, str(self.folder / "live")]
        subprocess.run(command, check=True, capture_output=True)

    def ask(self, host: str, subnet: str | None = None, kind: str = "A", **options: str):
        edns = [dns.edns.ECSOption(subnet, 26, 0)] if subnet else []
        query = dns.message.make_query(f"{host}.", kind, use_edns=0, options=edns)
        return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=3, **options)

    def answer(self, host: str, subnet: str | None = None, kind: str = "A", **options: str):
        reply = self.ask(host, subnet, kind, **options)
        wanted = dns.rdatatype.from_text(kind)
        return tuple(sorted(r.to_text() for rr in reply.answer if rr.rdtype == wanted for r in rr))

    def every_id(self, host: str, subnet: str) -> Counter[tuple[str, ...]]:
        """Ask once with each query id; return how many ids get each answer."""
        options = [dns.edns.ECSOption(subnet, 26, 0)]
        body = dns.message.make_query(f"{host}.", "A", use_edns=0, options=options).to_wire()[2:]
        bodies: dict[int, bytes] = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect(("127.0.0.1", self.port))
            asking.settimeout(2.0)
            for first in range(0, IDS, IN_FLIGHT):
                self._ask_ids(asking, range(first, first + IN_FLIGHT), body, bodies)
        counts: Counter[tuple[str, ...]] = Counter()
        for wire, times in Counter(bodies.values()).items():
            records = [r for rr in dns.message.from_wire(b"\0\0" + wire).answer for r in rr]
            counts[tuple(sorted(r.to_text() for r in records))] += times
        return counts

    @staticmethod
    def _ask_ids(asking: socket.socket, ids: range, body: bytes, bodies: dict[int, bytes]) -> None:
        """Ask with some ids at once until each is answered; a datagram may be lost."""
        end = time.monotonic() + 30
        while missing := [number for number in ids if number not in bodies]:
            assert time.monotonic() < end, f"no answer to the query id {missing[0]}"
            for number in missing:
                asking.send(number.to_bytes(2, "big") + body)
            try:
                for _ in missing:
                    reply = asking.recv(4096)
                    bodies[int.from_bytes(reply[:2], "big")] = reply[2:]
            except TimeoutError:
                pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    binary = find_coredns()
    folder = tmp_path_factory.mktemp("coredns")
    lay_out(folder)
    server = Server(folder, free_port())
    server.switch("up")
    corefile = localised((folder / "Corefile").read_text(), folder, server.port)
    (folder / "Corefile.test").write_text(corefile)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [binary, "-conf", str(folder / "Corefile.test")], stdout=log, stderr=log
        )
        try:
            wait_until(lambda: bool(server.answer("api.company.com")), 20, folder / "log")
            yield server
        finally:
            process.terminate()
            process.wait(10)


def wait_until(condition, seconds: float, log: Path) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except (dns.exception.DNSException, OSError):
            pass
        time.sleep(0.1)
    pytest.fail(f"no answer within {seconds} s; CoreDNS says: {log.read_text()[-2000:]}")


def wanted(host: str, country: str, lost: str | None) -> dict[tuple[str, ...], float]:
    """IPv4 answers and shares of a country by the plan."""
    own = [origin for origin, (code, _) in USERS.items() if code == country]
    users = sum(USERS[origin][1] for origin in own)
    parts = [
        (share * USERS[origin][1] / users, order)
        for origin in own
        for share, order in HOSTS[host][origin]
    ] or [(1.0, MAIN[host])]
    shares: Counter[tuple[str, ...]] = Counter()
    for share, order in parts:
        region = next(r for r in order.split() if r != lost)
        shares[tuple(sorted(a for a in ADDRESSES[region] if ":" not in a))] += share
    return dict(shares)


def test_every_country_is_answered_as_planned_by_subnet(server):
    for host in HOSTS:
        for country, prefix in PREFIXES.items():
            want = wanted(host, country, None)
            subnet = prefix.split("/")[0]
            got = {server.answer(host, subnet) for _ in range(lookups_to_see(want))}
            assert got == want.keys(), (host, country)


def test_countries_are_told_by_source_address_too(server):
    for country, address in SOURCES.items():
        want = wanted("static.company.com", country, None)
        assert {server.answer("static.company.com", source=address)} == want.keys()


def test_an_address_that_the_database_lacks_gets_the_answer_of_most_users(server):
    want = (ADDRESSES["losangeles"][0],)
    assert server.answer("api.company.com", "8.8.8.0") == want


@pytest.mark.parametrize("country", ["PH", "JP", "US"])
def test_a_divided_country_gets_the_plans_shares_of_all_query_ids_exactly(server, country):
    counts = server.every_id("api.company.com", PREFIXES[country].split("/")[0])
    want = wanted("api.company.com", country, None)
    assert counts.total() == IDS
    assert counts.keys() == want.keys()
    for answer, share in want.items():
        # A boundary stands at a whole id: each end of a range is off by half of one at most.
        assert abs(counts[answer] - share * IDS) <= 1, (answer, counts[answer] / IDS, share)


def test_zones_are_whole(server):
    assert server.answer("api.company.com", PREFIXES["JP"].split("/")[0], "NS") == (
        "ns1.company.com.",
        "ns2.company.com.",
    )
    reply = server.ask("api.company.com", PREFIXES["SG"].split("/")[0])
    assert reply.flags & dns.flags.AA
    assert [rr.ttl for rr in reply.answer] == [30]
    assert server.ask("elsewhere.org").rcode() == dns.rcode.REFUSED


def test_the_subnet_is_not_returned_as_the_readme_says(server):
    reply = server.ask("api.company.com", PREFIXES["SG"].split("/")[0])
    assert not [option for option in reply.options if isinstance(option, dns.edns.ECSOption)]


def test_a_switch_is_served_within_seconds_in_every_state_and_back(server):
    subnets = {country: prefix.split("/")[0] for country, prefix in PREFIXES.items()}
    for lost in ("taipei", "losangeles", None):
        server.switch(f"lost.{lost}" if lost else "up")
        start = time.monotonic()

        def is_served(lost=lost) -> bool:
            return all(
                server.answer(host, subnets[c]) in wanted(host, c, lost)
                for host in HOSTS
                for c in ("TW", "HK", "SG", "DE", "US")
            )

        wait_until(is_served, 15, server.folder / "log")
        # The blocks read their zones at slightly different times; a full period later all have.
        time.sleep(max(0.0, 6.0 - (time.monotonic() - start)))
        for host in HOSTS:
            for country, subnet in subnets.items():
                want = wanted(host, country, lost)
                got = {server.answer(host, subnet) for _ in range(20)}
                assert got <= want.keys(), (host, country, lost)
    assert set(REGIONS) >= {"taipei", "losangeles"}


@pytest.mark.parametrize(
    ("file", "exported", "mutated"),
    [
        ("Corefile", "    view ", "    viev "),
        ("Corefile", "metadata('geoip/country/code') in [", "metadata('geoip/country/code') im ["),
        ("Corefile", "edns-subnet", "edns-subnett"),
    ],
)
def test_a_mutated_file_is_refused(tmp_path, file, exported, mutated):
    binary, port = find_coredns(), free_port()
    lay_out(tmp_path)
    text = localised((tmp_path / file).read_text(), tmp_path, port)
    assert exported in text
    (tmp_path / file).write_text(text.replace(exported, mutated, 1))
    done = subprocess.run(
        [binary, "-conf", str(tmp_path / file)], capture_output=True, timeout=30, check=False
    )
    assert done.returncode != 0


def test_a_mutated_zone_is_not_served(tmp_path):
    binary, port = find_coredns(), free_port()
    lay_out(tmp_path)
    for path in (tmp_path / "zones" / "up").glob("*.zone"):
        path.write_text(path.read_text().replace(" IN A ", " IN A x", 1))
    server = Server(tmp_path, port)
    server.switch("up")
    (tmp_path / "Corefile").write_text(
        localised((tmp_path / "Corefile").read_text(), tmp_path, port)
    )
    done = subprocess.run(
        [binary, "-conf", str(tmp_path / "Corefile")], capture_output=True, timeout=30, check=False
    )
    assert done.returncode != 0
    assert b"bad A" in done.stdout + done.stderr
