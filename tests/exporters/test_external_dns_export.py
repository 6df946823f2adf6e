"""ExternalDNS: who owns which name, and what Route 53 would answer."""

import csv
import io
import re

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters import export
from planner.exporters.route53 import rounded
from tests.exporters.plans import ADDRESSES, HOSTS, REGIONS, USERS, read, small_data, small_plan

CLUSTERS = {region: cluster for region, (cluster, *_) in REGIONS.items()}


def found(plan):
    return {str(m.path): m.content for m in export(plan, "external_dns")}


def endpoints(files, path):
    (document,) = files[path]
    return document["spec"]["endpoints"]


def policy(endpoint):
    return {p["name"]: p["value"] for p in endpoint["providerSpecific"]}


def test_each_cluster_publishes_its_own_name_under_its_own_owner():
    files = found(small_plan())
    owners = set()
    for region, cluster in CLUSTERS.items():
        folder = f"clusters/{cluster}/external-dns"
        targets = {
            (e["dnsName"], target)
            for e in endpoints(files, f"{folder}/endpoints.yaml")
            for target in e["targets"]
        }
        assert targets == {(f"{cluster}.company.com", a) for a in ADDRESSES[region]}
        owners.add(files[f"{folder}/values.yaml"][0]["txtOwnerId"])
    owners.add(files["dns/external-dns/values.yaml"][0]["txtOwnerId"])
    assert len(owners) == len(CLUSTERS) + 1


def test_releases_divide_the_endpoints_by_label():
    files = found(small_plan())
    for path, documents in files.items():
        if path.endswith("values.yaml"):
            values = documents[0]
            assert values["policy"] == "sync"
            assert values["sources"] == ["crd"]
            assert values["annotationPrefix"] == "external-dns.kubernetes.io/"
            _, _, role = values["labelFilter"].partition("=")
            assert role == ("cluster" if path.startswith("clusters/") else "steering")
        elif path.endswith(("endpoints.yaml", "steering.yaml")):
            role = "cluster" if path.startswith("clusters/") else "steering"
            assert documents[0]["metadata"]["labels"]["dns-role"] == role


def test_credentials_are_references():
    for provider, names in (
        ("cloudflare", {"CF_API_TOKEN"}),
        ("aws", {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}),
    ):
        values = found(small_plan(external_dns_provider=provider))["dns/external-dns/values.yaml"][
            0
        ]
        referred = {e["name"] for e in values["env"] if "secretKeyRef" in e.get("valueFrom", {})}
        assert referred == names
        assert values["provider"] == {"name": provider}


def test_cloudflare_has_one_plain_record_of_the_main_region_and_says_so():
    files = found(small_plan())
    for host in HOSTS:
        own = [
            e for e in endpoints(files, "dns/external-dns/up/steering.yaml") if e["dnsName"] == host
        ]
        assert [(e["recordType"], e["targets"]) for e in own] == [("A", ADDRESSES["losangeles"])]
        assert "setIdentifier" not in own[0]
        assert own[0]["recordTTL"] == 120
    lost = endpoints(files, "dns/external-dns/lost.losangeles/steering.yaml")
    assert {e["recordType"]: e["targets"] for e in lost if e["dnsName"] == "api.company.com"} == {
        "A": ["203.0.113.30"],
        "AAAA": ["2001:db8:3::30"],
    }
    assert "the plan is not kept" in files["dns/external-dns/README.md"]


def resolve(records, clusters, name):
    """Region to share at a name, following CNAMEs and weights."""
    if name in clusters:
        return {clusters[name]: 1.0}
    weighted = [e for e in records if e["dnsName"] == name]
    assert all(policy(e).keys() == {"aws/weight"} for e in weighted)
    total = sum(int(policy(e)["aws/weight"]) for e in weighted)
    shares = {}
    for endpoint in weighted:
        share = int(policy(endpoint)["aws/weight"]) / total
        region = clusters[endpoint["targets"][0]]
        shares[region] = shares.get(region, 0.0) + share
    return shares


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("lost", [None, *REGIONS])
def test_route_53_answers_each_country_as_planned_to_a_255th(host, lost):
    files = found(small_plan(external_dns_provider="aws"))
    state = f"lost.{lost}" if lost else "up"
    records = endpoints(files, f"dns/external-dns/{state}/steering.yaml")
    clusters = {f"{cluster}.company.com": region for region, cluster in CLUSTERS.items()}
    located = [e for e in records if e["dnsName"] == host]
    assert all(policy(e).keys() == {"aws/geolocation-country-code"} for e in located)
    by_country = {policy(e)["aws/geolocation-country-code"]: e for e in located}
    assert by_country.keys() == {"*", *(country for country, _ in USERS.values())}
    for country, endpoint in by_country.items():
        want = {}
        own = [o for o, (code, _) in USERS.items() if code == country]
        for origin in own:
            for share, order in HOSTS[host][origin]:
                region = next(r for r in order.split() if r != lost)
                part = share * USERS[origin][1] / sum(USERS[o][1] for o in own)
                want[region] = want.get(region, 0.0) + part
        if country == "*":
            second = "tokyo" if host.startswith("api") else "taipei"
            want = {second if lost == "losangeles" else "losangeles": 1.0}
        got = resolve(records, clusters, endpoint["targets"][0])
        assert got.keys() == want.keys()
        for region, share in want.items():
            assert got[region] == pytest.approx(share, abs=1 / 255)


def test_no_name_mixes_types_or_kinds_of_policy_and_identifiers_are_unique():
    files = found(small_plan(external_dns_provider="aws"))
    records = endpoints(files, "dns/external-dns/up/steering.yaml")
    kinds = {}
    for endpoint in records:
        kinds.setdefault(endpoint["dnsName"], set()).add(
            (endpoint["recordType"], *policy(endpoint).keys())
        )
    assert all(len(kind) == 1 for kind in kinds.values())
    identifiers = [(e["dnsName"], e["setIdentifier"]) for e in records]
    assert len(set(identifiers)) == len(identifiers)


def test_rounding_keeps_the_sum_and_is_off_by_less_than_one():
    shares = {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3 - 1e-4, "d": 1e-4}
    result = dict(rounded(shares, 255))
    assert sum(result.values()) == 255
    assert all(abs(result.get(name, 0) - share * 255) < 1 for name, share in shares.items())


@pytest.mark.parametrize(
    ("host", "provider", "words"),
    [
        ("api.elsewhere.org", "cloudflare", "outside the zone"),
        ("tokyo-edge.company.com", "cloudflare", "cluster 'tokyo-edge' and host"),
        ("company.com", "aws", "no CNAME"),
    ],
)
def test_names_that_the_provider_cannot_hold_are_refused(host, provider, words):
    data = small_data(external_dns_provider=provider)
    data["hosts"] = {host: data["hosts"]["api.company.com"]}
    with pytest.raises(UnfaithfulExport, match=words):
        export(read(data), "external_dns")


def test_a_host_name_by_which_route_53_divides_another_is_refused():
    host = "split-1.api.company.com"
    for provider in ("cloudflare", "aws"):
        data = small_data(external_dns_provider=provider)
        data["hosts"][host] = data["hosts"].pop("static.company.com")
        if provider == "cloudflare":
            records = endpoints(found(read(data)), "dns/external-dns/up/steering.yaml")
            assert {e["dnsName"] for e in records} == {host, "api.company.com"}
        else:
            words = f"'{host}': host 'api.company.com' and host '{host}'"
            with pytest.raises(UnfaithfulExport, match=re.escape(words)):
                export(read(data), "external_dns")


@pytest.mark.parametrize("provider", ["aws", "cloudflare"])
def test_the_realised_shares_are_those_of_the_records(provider):
    plan = small_plan(external_dns_provider=provider)
    files = found(plan)
    clusters = {f"{cluster}.company.com": cluster for cluster in CLUSTERS.values()}
    addresses = {a: CLUSTERS[region] for region, own in ADDRESSES.items() for a in own}
    rows = list(csv.DictReader(io.StringIO(files["dns/external-dns/realised.csv"])))
    assert len({row["state"] for row in rows}) == 1 + len(REGIONS)
    for row in rows:
        records = endpoints(files, f"dns/external-dns/{row['state']}/steering.yaml")
        own = [e for e in records if e["dnsName"] == row["host"]]
        if provider == "aws":
            (one,) = (e for e in own if policy(e)["aws/geolocation-country-code"] == row["country"])
            share = resolve(records, clusters, one["targets"][0]).get(row["cluster"], 0.0)
        else:
            share = float({addresses[e["targets"][0]] for e in own} == {row["cluster"]})
        assert float(row["realised_share"]) == pytest.approx(share, abs=1e-6)


def test_the_readme_prints_by_how_much_plain_records_miss_the_plan():
    readme = found(small_plan())["dns/external-dns/README.md"]
    assert re.search(r"The largest difference: .*: planned (\d+\.\d) %, realised \d", readme)
    for state in ("up", "lost.tokyo"):
        assert f"| {state} | `api.company.com` | " in readme
    assert re.search(r"\| up \| `api.company.com` \| losangeles-edge \| .* \| 100.00 % \|", readme)
