"""What the tests of real DNS servers share: countries, lookups, clusters on loopback, processes."""

from __future__ import annotations

import math
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
import yaml
from scipy.stats import binomtest

from planner.exporters.steering import State, host_steering
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from tests.conformance.tools import missing

PREFIXES = {
    "PH": ("198.51.100.0/26", "AS"),
    "SG": ("198.51.100.64/26", "AS"),
    "TW": ("198.51.100.128/26", "AS"),
    "HK": ("198.51.100.192/26", "EU"),  # databases disagree about continents
    "JP": ("203.0.113.0/26", "AS"),
    "US": ("203.0.113.64/26", "NA"),
    "DE": ("203.0.113.128/26", "EU"),
    "NA": ("192.0.2.0/25", "AF"),
}
"""Country to its network and continent; no plan here knows Germany."""

LOOPBACK = {
    "taipei": ["127.0.1.10"],
    "singapore": ["127.0.1.20", "127.0.1.21"],
    "tokyo": ["127.0.1.30"],
    "losangeles": ["127.0.1.40"],
}
LOOKUPS = 1200
CHANCE_OF_A_MISS = 1e-9
UP = State("up", ())


def write_database(path: Path) -> None:
    """Write the countries of the test, nested as MaxMind does."""
    try:
        import mmdb_writer
        import netaddr
    except ImportError:
        missing("no package mmdb-writer: pip install 'planner[dev]'")
    writer = mmdb_writer.MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="GeoLite2-Country",
        languages=["en"],
        int_type="u32",
    )
    for country, (prefix, continent) in PREFIXES.items():
        entry = {"continent": {"code": continent}, "country": {"iso_code": country}}
        writer.insert_network(netaddr.IPSet([prefix]), entry)
    writer.to_db_file(str(path))


def write(manifests: tuple[Manifest, ...], folder: Path, below: str) -> None:
    """Write an export as it would stand on a server."""
    for manifest in manifests:
        path = folder / manifest.path.relative_to(below)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = manifest.content
        path.write_text(
            content if isinstance(content, str) else yaml.safe_dump_all(content, sort_keys=False)
        )


def free_port(*addresses: str) -> int:
    """Return a port that is free on all of some addresses."""
    for _ in range(50):
        with socket.socket() as probe:
            probe.bind((addresses[0], 0))
            port = int(probe.getsockname()[1])
        try:
            for address in addresses:
                with socket.socket() as probe:
                    probe.bind((address, port))
        except OSError:
            continue
        return port
    raise AssertionError("no port is free on all addresses")


class _Ready(BaseHTTPRequestHandler):
    """Answers what the plan's services answer when they are ready, and nothing else."""

    def do_GET(self) -> None:
        ready = self.headers["Host"].split(":")[0] in {"api.company.com", "static.company.com"}
        self.send_response(200 if ready and self.path in {"/ready", "/healthz"} else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Clusters:
    """A small HTTP server on each address of each region."""

    def __init__(self) -> None:
        addresses = [address for own in LOOPBACK.values() for address in own]
        self.port = free_port(*addresses)
        self._servers: dict[str, ThreadingHTTPServer] = {}
        for region in LOOPBACK:
            self.start(region)

    def start(self, region: str) -> None:
        for address in LOOPBACK[region]:
            server = ThreadingHTTPServer((address, self.port), _Ready)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self._servers[address] = server

    def stop(self, *regions: str) -> None:
        for region in regions:
            for address in LOOPBACK[region]:
                server = self._servers.pop(address, None)
                if server is not None:
                    server.shutdown()
                    server.server_close()


class Server:
    """A DNS server on loopback."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self.log = port, log

    def ask(self, host: str, country: str | None, kind: str = "A") -> dns.message.Message:
        options = []
        if country is not None:
            address = PREFIXES[country][0].split("/")[0] if country in PREFIXES else country
            options = [dns.edns.ECSOption(address, 26, 0)]
        query = dns.message.make_query(f"{host}.", kind, use_edns=0, options=options)
        return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=3)

    def answer(self, host: str, country: str | None, kind: str = "A") -> tuple[str, ...]:
        wanted = dns.rdatatype.from_text(kind)
        reply = self.ask(host, country, kind)
        return tuple(sorted(r.to_text() for rr in reply.answer if rr.rdtype == wanted for r in rr))

    def counts(self, host: str, country: str, kind: str = "A") -> Counter[tuple[str, ...]]:
        return Counter(self.answer(host, country, kind) for _ in range(LOOKUPS))


@contextmanager
def running(command: list[str], port: int, log: Path, **options: object) -> Iterator[Server]:
    """Run a server until the block ends, however it ends."""
    server = Server(port, log)
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)  # type: ignore[call-overload]
        try:
            wait_until(lambda: bool(server.ask("api.company.com", None)), 15, log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def wait_until(condition: Callable[[], bool], within_s: float, log: Path) -> float:
    """Wait for a condition; return how long it took, seconds."""
    start = time.monotonic()
    while time.monotonic() < start + within_s:
        try:
            if condition():
                return time.monotonic() - start
        except (dns.exception.DNSException, OSError):
            pass
        time.sleep(0.1)
    pytest.fail(f"not so within {within_s} s; the server says: {log.read_text()[-2000:]}")


def planned(
    plan: Plan, host: str, country: str, lost: tuple[str, ...] = (), family: str = "A"
) -> dict[tuple[str, ...], float]:
    """Answers of a country and their shares by the plan; unknown countries follow most users."""
    steering, state = host_steering(plan, host), State("lost", lost)
    if country in steering.countries:
        shares = steering.shares(country, state)
    else:
        shares = {next(r for r in steering.main_order if r not in lost): 1.0}
    regions = plan.scenario.regions
    return {
        tuple(sorted(a for a in regions[r].ingress_addresses if (":" in a) == (family != "A"))): s
        for r, s in shares.items()
    }


def lookups_to_see(*wanted: dict[tuple[str, ...], float]) -> int:
    """Lookups after which each share of some answers is seen but for a chance of 1e-9."""
    rarest = min(share for shares in wanted for share in shares.values() if share > 0)
    return 1 if rarest >= 1.0 else math.ceil(math.log(CHANCE_OF_A_MISS) / math.log1p(-rarest))


def serves(server: Server, plan: Plan, lost: tuple[str, ...]) -> bool:
    """Whether each country's answers are those of a state, every one of them."""
    for host in plan.hosts:
        for country in PREFIXES:
            want = planned(plan, host, country, lost)
            times = lookups_to_see(planned(plan, host, country), want)
            if {server.answer(host, country) for _ in range(times)} != want.keys():
                return False
    return True


def assert_shares(counts: Counter[tuple[str, ...]], want: dict[tuple[str, ...], float]) -> None:
    """Assert that a binomial test does not refuse the shares at p < 1e-6."""
    assert counts.keys() <= want.keys(), (counts, want)
    total = counts.total()
    for answer, share in want.items():
        p = binomtest(counts[answer], total, min(share, 1.0)).pvalue
        assert p >= 1e-6, (answer, counts[answer] / total, share)
