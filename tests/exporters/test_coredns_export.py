"""The exported Corefile and zones, read back by an independent reader."""

import csv
import io
import json
import re
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import UnfaithfulExport
from planner.exporters import export
from planner.exporters.steering import host_steering, promised_states
from planner.exporters.views import QUERY_IDS, views
from tests.conformance.schemas import unknown_values
from tests.exporters.corefile import answers, breakpoints, read_corefile, read_zone
from tests.exporters.plans import ADDRESSES, HOSTS, REGIONS, USERS, read, small_data, small_plan

CODES = [*sorted({country for country, _ in USERS.values()}), "DE", ""]


def files(plan):
    return {str(m.path.relative_to("dns/coredns")): m.content for m in export(plan, "coredns")}


def zones_of(found, state):
    prefix = f"zones/{state}/"
    return {
        name.removeprefix(prefix): read_zone(text)
        for name, text in found.items()
        if name.startswith(prefix)
    }


def mixed(host, country):
    """(share, order) of a country, its origins mixed by users; of everybody for an unknown one."""
    own = [origin for origin, (code, _) in USERS.items() if code == country]
    total = sum(USERS[origin][1] for origin in own)
    return [
        (share * USERS[origin][1] / total, order.split())
        for origin in own
        for share, order in HOSTS[host][origin]
    ]


def expected(host, country, lost, main):
    """Addresses and shares that the plan wants in a state."""
    shares = {}
    for share, order in mixed(host, country) or [(1.0, main)]:
        region = next(r for r in order if r not in lost)
        key = tuple(sorted(ADDRESSES[region]))
        shares[key] = shares.get(key, 0.0) + share
    return shares


@pytest.mark.parametrize("host", HOSTS)
def test_every_country_gets_the_plans_split_in_every_state(host):
    found = files(small_plan())
    lost_sets = [(), *[(r,) for r in REGIONS]]
    for lost in lost_sets:
        zones = zones_of(found, ".".join(("lost", *lost)) if lost else "up")
        for country in CODES:
            got = answers(found["Corefile"], host, country, zones)
            got = {tuple(sorted(addresses)): share for addresses, share in got.items()}
            # Most users are in the United States.
            want = expected(
                host, country, lost, ["losangeles", "tokyo" if "api" in host else "taipei"]
            )
            assert got.keys() == want.keys(), (country, lost)
            for addresses, share in want.items():
                assert got[addresses] == pytest.approx(share, abs=1e-4), (country, lost)


def test_regions_that_begin_alike_answer_as_any_others():
    text = json.dumps(small_data())
    alike = {name: f"{'p' * 50}-{name}" for name in ("taipei", "singapore")}
    for name, long in alike.items():
        text = text.replace(f'"{name}"', f'"{long}"')
    found, usual = files(read(json.loads(text))), files(small_plan())
    for lost in (None, *REGIONS):
        state, own = (f"lost.{lost}", f"lost.{alike.get(lost, lost)}") if lost else ("up", "up")
        for host in HOSTS:
            for country in CODES:
                want = answers(usual["Corefile"], host, country, zones_of(usual, state))
                got = answers(found["Corefile"], host, country, zones_of(found, own))
                assert got == pytest.approx(want, abs=1e-4), (host, country, state)


def test_states_are_those_that_the_policy_promises():
    data = small_data()
    data["scenario"]["policy"]["survive"]["regions"] = 2
    names = {state.name for state in promised_states(read(data))}
    pairs = {f"lost.{a}.{b}" for a, b in combinations(REGIONS, 2)}
    assert names == {"up", *(f"lost.{r}" for r in REGIONS), *pairs}


def test_some_region_always_survives():
    data = small_data()
    data["active_regions"] = ["taipei", "tokyo"]
    data["scenario"]["policy"]["survive"]["regions"] = 3
    assert [s.name for s in promised_states(read(data))] == ["up", "lost.taipei", "lost.tokyo"]


def test_an_order_that_is_too_short_is_completed_by_those_with_most_users():
    data = small_data()
    data["hosts"]["api.company.com"]["TW"] = [{"share": 1.0, "order": ["taipei"]}]
    found = files(read(data))
    lost = answers(found["Corefile"], "api.company.com", "TW", zones_of(found, "lost.taipei"))
    assert lost == {("203.0.113.40",): 1.0}


def test_a_region_in_which_nothing_runs_answers_nobody():
    data = small_data()
    data["active_regions"].remove("tokyo")
    steering = host_steering(read(data), "api.company.com")
    assert not any("tokyo" in order for order in steering.users)
    assert {order[0] for order in steering.countries["JP"]} == {"taipei", "losangeles"}


def test_blocks_are_the_distinct_answers_and_the_catch_all_is_last():
    found = files(small_plan())
    for host, count in (("api.company.com", 6), ("static.company.com", 2)):
        blocks = [b for b in read_corefile(found["Corefile"]) if b.zone == host]
        assert len(blocks) == count
        assert [b.condition is None for b in blocks] == [False] * (count - 1) + [True]
        for block in blocks[:-1]:
            assert block.plugins["geoip"] == (["/etc/coredns/geoip/country.mmdb"], ["edns-subnet"])
            assert "metadata" in block.plugins
        states = ["up", *(f"lost.{r}" for r in REGIONS)]
        answered = {
            tuple(str(zones_of(found, state)[block.zone_file].get("A")) for state in states)
            for block in blocks
        }
        assert len(answered) == count


def test_zone_files_have_one_soa_the_name_servers_and_the_ttl():
    found = files(small_plan(ttl_s=45))
    text = found["zones/up/api.company.com.tokyo-1.zone"]
    assert read_zone(text) == {
        "SOA": ["ns1.company.com. hostmaster.company.com. 1 3600 600 86400 45"],
        "NS": ["ns1.company.com.", "ns2.company.com."],
        "A": ["203.0.113.30"],
        "AAAA": ["2001:db8:3::30"],
    }
    assert "@ 45 IN A 203.0.113.30\n" in text


def test_chart_values_use_keys_that_the_chart_has_and_say_the_same_as_the_files():
    found = files(small_plan())
    (values,) = found["values.yaml"]
    assert unknown_values("coredns", values) == []
    blocks = read_corefile(found["Corefile"])
    assert [s["zones"][0]["zone"] for s in values["servers"]] == [f"{b.zone}." for b in blocks]
    for server, block in zip(values["servers"], blocks, strict=True):
        plugins = {p["name"]: p for p in server["plugins"]}
        assert plugins.keys() == block.plugins.keys()
        assert plugins["file"]["parameters"] == f"/etc/coredns/{block.zone_file} {block.zone}"
        if "view" in plugins:
            assert [plugins["view"]["configBlock"]] == block.plugins["view"][1]
    for state, document in {
        "up": values,
        "lost.taipei": found["states/lost.taipei.yaml"][0],
    }.items():
        zones = {entry["filename"]: entry["contents"] for entry in document["zoneFiles"]}
        own = {n.removeprefix(f"zones/{state}/"): t for n, t in found.items() if f"/{state}/" in n}
        assert zones == own
        assert all(set(e) == {"filename", "domain", "contents"} for e in document["zoneFiles"])


def test_an_id_range_is_a_share_of_the_ids_but_a_remainder_would_not_be():
    below_half = sum(query_id % 10_000 < 5_000 for query_id in range(QUERY_IDS))
    assert below_half / QUERY_IDS == pytest.approx(0.534, abs=1e-3)
    corefile = files(small_plan())["Corefile"]
    assert "%" not in corefile
    assert round(0.7 * QUERY_IDS) in breakpoints(corefile)


@pytest.mark.parametrize(
    "address", ["taipei", "1.2.3", "fe80::1%eth0", "1.2.3.4\n@ 1 IN A 6.6.6.6", "::1%\n@ IN A 6.6"]
)
def test_an_address_that_is_none_is_refused(address):
    data = small_data()
    data["scenario"]["regions"]["tokyo"]["ingress_addresses"] = [address]
    with pytest.raises(UnfaithfulExport, match="tokyo"):
        export(read(data), "coredns")


def test_shares_that_do_not_sum_to_one_are_refused():
    data = small_data()
    data["hosts"]["api.company.com"]["PH"][0]["share"] = 0.5
    with pytest.raises(UnfaithfulExport, match=r"'PH'.*do not sum to 1"):
        export(read(data), "coredns")


def test_a_database_in_the_root_is_refused():
    with pytest.raises(UnfaithfulExport, match="geoip_database"):
        export(small_plan(geoip_database="/country.mmdb"), "coredns")


orders = st.permutations(list(REGIONS)).map(tuple)
splits = st.lists(st.tuples(st.integers(1, 1000), orders), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(USERS, splits)), st.integers(0, 2))
def test_any_split_is_kept_to_a_ten_thousandth(parts, depth):
    data = small_data()
    data["scenario"]["policy"]["survive"]["regions"] = depth
    data["hosts"] = {
        "api.company.com": {
            origin: [
                {"share": weight / sum(w for w, _ in own), "order": list(order)}
                for weight, order in own
            ]
            for origin, own in parts.items()
        }
    }
    plan = read(data)
    states = promised_states(plan)
    steering = host_steering(plan, "api.company.com")
    shown = views(steering, states)
    assert len({view.name for view in shown}) == len(shown)
    assert [view.catches_all for view in shown] == [False] * (len(shown) - 1) + [True]
    for origin in ("TW", "JP"):
        for place, state in enumerate(states):
            got = dict.fromkeys(REGIONS, 0)
            left = QUERY_IDS
            for view in shown[:-1]:
                taken = sum(b - a for c, a, b in view.slices if c == origin)
                taken += QUERY_IDS * (origin in view.countries)
                got[view.regions[place]] += taken
                left -= taken
            got[shown[-1].regions[place]] += left
            total = sum(weight for weight, _ in parts[origin])
            for region in REGIONS:
                want = sum(
                    weight
                    for weight, order in parts[origin]
                    if next(r for r in order if r not in state.lost) == region
                )
                assert got[region] / QUERY_IDS == pytest.approx(want / total, abs=1e-4)


def test_the_realised_shares_are_what_an_independent_reader_finds_in_the_files():
    plan = small_plan()
    found = files(plan)
    regions = {tuple(sorted(addresses)): name for name, addresses in ADDRESSES.items()}
    clusters = {name: region.cluster for name, region in plan.scenario.regions.items()}
    rows = list(csv.DictReader(io.StringIO(found["realised.csv"])))
    assert {row["state"] for row in rows} == {"up", *(f"lost.{r}" for r in REGIONS)}
    for state, host, country in {(r["state"], r["host"], r["country"]) for r in rows}:
        got = answers(found["Corefile"], host, country, zones_of(found, state))
        read = {clusters[regions[tuple(sorted(a))]]: share for a, share in got.items()}
        own = [r for r in rows if (r["state"], r["host"], r["country"]) == (state, host, country)]
        for row in own:
            realised = float(row["realised_share"])
            assert realised == pytest.approx(read.get(row["cluster"], 0.0), abs=1e-6)
    assert sum(float(r["realised_share"]) for r in rows) == pytest.approx(
        len({(r["state"], r["host"], r["origin"]) for r in rows})
    )


def test_an_order_that_only_an_origin_without_users_follows_has_no_block():
    data = small_data()
    data["scenario"]["origins"]["US-EAST"]["internet_users"] = 0.0
    data["hosts"]["api.company.com"]["US-EAST"] = [{"share": 1.0, "order": ["tokyo", "singapore"]}]
    plan = read(data)
    assert ("tokyo", "singapore") not in {
        o[:2] for o in host_steering(plan, "api.company.com").users
    }
    realised = csv.DictReader(io.StringIO(files(plan)["realised.csv"]))
    served = {
        row["cluster"]
        for row in realised
        if (row["state"], row["country"], row["host"]) == ("up", "US", "api.company.com")
        and float(row["realised_share"]) > 0
    }
    assert served == {"losangeles-edge"}


def test_the_readme_prints_the_realised_split_of_every_state_and_host():
    readme = files(small_plan())["README.md"]
    rows = [line.split("|")[1:5] for line in readme.splitlines() if "planned" not in line]
    found = {(r[0].strip(), r[1].strip(" `")) for r in rows if len(r) == 4}
    states = ["up", *(f"lost.{r}" for r in REGIONS)]
    assert found >= {(state, host) for state in states for host in HOSTS}
    # Two origins of one country are mixed.
    assert re.search("The largest difference: .* origin US-(EAST|WEST), ", readme)
