"""The record tree, followed as Route 53 documents it, against the plan."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters.hosted_zone import MOST_CHANGES, export_route53
from planner.exporters.steering import State, host_steering, promised_states
from planner.model.plan import Plan
from tests.exporters.plans import ADDRESSES, read
from tests.exporters.platforms import taiwan_plan
from tests.exporters.steered import BOTH_FAMILIES, steered_data, steered_plan


def deep_plan(addresses: dict[str, list[str]] | None = None) -> Plan:
    data = steered_data(addresses)
    data["scenario"]["policy"]["survive"]["regions"] = 2
    return read(data)


PLANS = {"taiwan": taiwan_plan, "small": steered_plan, "deep": lambda: deep_plan(BOTH_FAMILIES)}


def batches(plan: Plan) -> list[dict[str, Any]]:
    return [
        json.loads(str(m.content))
        for m in export_route53(plan)
        if m.path.name.startswith("changes-")
    ]


class Zone:
    """A hosted zone: follows policies and health from a name to addresses."""

    def __init__(self, plan: Plan, state: State) -> None:
        self.down = {a for r in state.lost for a in plan.scenario.regions[r].ingress_addresses}
        self.sets: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for batch in batches(plan):
            for change in batch["ChangeBatch"]["Changes"]:
                record = change["ResourceRecordSet"]
                self.sets[record["Name"], record["Type"]].append(record)

    def is_up(self, record: dict[str, Any]) -> bool:
        """An alias is up if any record of its target is; others by their health check."""
        if "AliasTarget" in record:
            assert record["AliasTarget"]["EvaluateTargetHealth"]
            targets = self.sets[record["AliasTarget"]["DNSName"], record["Type"]]
            return any(self.is_up(target) for target in targets)
        (value,) = record["ResourceRecords"]
        return value["Value"] not in self.down

    def answers(self, name: str, kind: str, country: str) -> dict[str, float]:
        """Address to its share."""
        records = self.sets[name, kind]
        if any("GeoLocation" in r for r in records):
            by_place = {r["GeoLocation"]["CountryCode"]: r for r in records}
            chosen = by_place.get(country, by_place["*"])
            return self.follow(chosen if self.is_up(chosen) else by_place["*"], country)
        if any("Failover" in r for r in records):
            pair = {r["Failover"]: r for r in records}
            assert pair.keys() == {"PRIMARY", "SECONDARY"}
            primary = pair["PRIMARY"]
            return self.follow(primary if self.is_up(primary) else pair["SECONDARY"], country)
        left = [r for r in records if self.is_up(r)] or records
        total = sum(r["Weight"] for r in left)
        shares: dict[str, float] = defaultdict(float)
        for record in left:
            for address, share in self.follow(record, country).items():
                shares[address] += share * record["Weight"] / total
        return shares

    def follow(self, record: dict[str, Any], country: str) -> dict[str, float]:
        if "AliasTarget" in record:
            return self.answers(record["AliasTarget"]["DNSName"], record["Type"], country)
        return {record["ResourceRecords"][0]["Value"]: 1.0}


@pytest.mark.parametrize("name", PLANS)
def test_every_country_gets_the_plans_shares_in_every_promised_state(name):
    plan = PLANS[name]()
    kinds = ("A", "AAAA") if name == "deep" else ("A",)
    for state in promised_states(plan):
        zone = Zone(plan, state)
        for host in plan.hosts:
            steering = host_steering(plan, host)
            for country in steering.countries:
                for kind in kinds:
                    got = zone.answers(f"{host}.", kind, country)
                    for region, share in steering.shares(country, state).items():
                        own = plan.scenario.regions[region].ingress_addresses
                        assert sum(got.get(a, 0.0) for a in own) == pytest.approx(
                            share, abs=3 / 255
                        )
                    assert sum(got.values()) == pytest.approx(1)


def test_unknown_countries_follow_most_users_in_every_state():
    plan = steered_plan()
    for state in promised_states(plan):
        order = host_steering(plan, "api.company.com").main_order
        region = next(r for r in order if r not in state.lost)
        got = Zone(plan, state).answers("api.company.com.", "A", "DE")
        assert got.keys() <= set(ADDRESSES[region])


def test_deeper_orders_are_chains_of_pairs_and_no_name_mixes_policies():
    zone = Zone(deep_plan(), State("up", ()))
    chained = 0
    for (name, _), records in zone.sets.items():
        policies = {p for r in records for p in ("GeoLocation", "Weight", "Failover") if p in r}
        assert len(policies) == 1, name
        assert len({r["SetIdentifier"] for r in records}) == len(records)
        for record in records:
            if record.get("Failover") == "SECONDARY":
                chained += "order-" in record["AliasTarget"]["DNSName"]
    assert chained > 0
    up = Zone(steered_plan(), State("up", ()))
    seconds = [r for rs in up.sets.values() for r in rs if r.get("Failover") == "SECONDARY"]
    assert seconds
    assert all(".at." in r["AliasTarget"]["DNSName"] for r in seconds)


def test_targets_stand_before_their_aliases_and_every_address_is_checked():
    for plan in (taiwan_plan(), deep_plan(BOTH_FAMILIES)):
        known: set[tuple[str, str]] = set()
        checks = {
            f"health-check:{m.path.stem}": json.loads(str(m.content))["HealthCheckConfig"]
            for m in export_route53(plan)
            if m.path.parent.name == "health-checks"
        }
        for batch in batches(plan):
            assert len(batch["ChangeBatch"]["Changes"]) <= MOST_CHANGES
            for change in batch["ChangeBatch"]["Changes"]:
                record = change["ResourceRecordSet"]
                if "AliasTarget" in record:
                    assert (record["AliasTarget"]["DNSName"], record["Type"]) in known
                else:
                    (value,) = record["ResourceRecords"]
                    assert checks[record["HealthCheckId"]]["IPAddress"] == value["Value"]
                known.add((record["Name"], record["Type"]))


def test_a_check_is_created_anew_only_when_it_changes():
    def references(plan: Plan) -> dict[str, str]:
        return {
            m.path.stem: json.loads(str(m.content))["CallerReference"]
            for m in export_route53(plan)
            if m.path.parent.name == "health-checks"
        }

    before, after = references(steered_plan()), references(steered_plan(check_failures=5))
    assert before == references(steered_plan(ttl_s=60))
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert len(set(before.values())) == len(before)


def test_intervals_are_those_that_the_service_knows():
    for asked, given in ((5.0, 10), (10.0, 10), (20.0, 10), (30.0, 30), (60.0, 30)):
        plan = steered_plan(check_interval_s=asked)
        config = next(
            json.loads(str(m.content))["HealthCheckConfig"]
            for m in export_route53(plan)
            if m.path.parent.name == "health-checks"
        )
        assert config["RequestInterval"] == given


@pytest.mark.parametrize("name", ["order-1", "split-1", "taipei.at"])
def test_a_host_name_that_stands_in_anothers_tree_is_refused(name):
    host = f"{name}.api.company.com"
    data = steered_data()
    data["hosts"][host] = data["hosts"].pop("static.company.com")
    words = f"'{host}': host 'api.company.com' and host '{host}'"
    with pytest.raises(UnfaithfulExport, match=re.escape(words)):
        export_route53(read(data))


def test_a_host_name_below_another_may_have_a_tree_of_its_own():
    data = steered_data()
    data["hosts"]["tw.api.company.com"] = data["hosts"].pop("static.company.com")
    assert ("tw.api.company.com.", "A") in Zone(read(data), State("up", ())).sets


def test_a_host_name_without_room_for_its_tree_is_refused():
    long = ".".join(["a" * 57] * 4) + ".company.com"
    data = steered_data()
    data["hosts"] = {long: data["hosts"]["api.company.com"]}
    with pytest.raises(UnfaithfulExport, match="too long for a DNS name"):
        export_route53(read(data))
