"""What holds for every DNS target that looks at regions."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
import yaml

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.cloudflare import export_cloudflare
from planner.exporters.coredns import export_coredns
from planner.exporters.gdnsd import export_gdnsd
from planner.exporters.geodns import check_of, families
from planner.exporters.hosted_zone import export_route53
from planner.exporters.powerdns import export_powerdns
from planner.exporters.steering import promised_states
from planner.io.manifests import write_manifests
from planner.model.plan import Plan
from tests.exporters.plans import HOSTS, read, small_plan
from tests.exporters.platforms import taiwan_plan
from tests.exporters.steered import BOTH_FAMILIES, hosted_plan, steered_data, steered_plan

TARGETS = {
    "gdnsd": export_gdnsd,
    "powerdns": export_powerdns,
    "route53": export_route53,
    "cloudflare": export_cloudflare,
}
ROUNDING = {"gdnsd": 1e-4, "powerdns": 2e-4, "route53": 3 / 255}
"""Largest difference of a share from the plan, where a target keeps the plan."""

HOSTILE = (
    'a"b',
    "a'b",
    "a\nb",
    "a}b",
    "a;b",
    "a${file(1)}b",
    "a%{if x}b",
    "a]]b",
    "a\\b",
    "a b",
    "a\0b",
    "$INCLUDE",
)


@pytest.fixture(params=TARGETS)
def target(request) -> str:
    return request.param


def files(target: str, plan: Plan) -> dict[str, str]:
    """Path to text, YAML documents written out."""
    return {
        str(m.path.relative_to(f"dns/{target}")): m.content
        if isinstance(m.content, str)
        else yaml.safe_dump_all(m.content)
        for m in TARGETS[target](plan)
    }


def table(target: str, plan: Plan) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files(target, plan)["realised.csv"])))


def test_the_same_plan_gives_the_same_bytes(target):
    assert files(target, taiwan_plan()) == files(target, taiwan_plan())


def test_files_can_be_written_and_stay_in_the_targets_folder(target, tmp_path):
    manifests = TARGETS[target](taiwan_plan())
    write_manifests(manifests, tmp_path)
    assert all(m.path.parts[:2] == ("dns", target) for m in manifests)
    assert len({m.path for m in manifests}) == len(manifests)


def test_missing_inputs_are_listed_together(target):
    with pytest.raises(MissingInputs) as caught:
        TARGETS[target](small_plan())
    missing = set(caught.value.missing[target])
    assert missing == {
        "cloudflare": {
            f"platform.cloudflare.{n}" for n in ("account_id", "zone_id", "health_path")
        },
        "route53": {"platform.route53.zone_id", "platform.route53.health_path"},
    }.get(
        target,
        {
            f"platform.services.{service}.{field}"
            for service in ("api", "orders", "static")
            for field in ("readiness_path", "ingress_path")
        },
    )


def test_the_table_has_every_promised_state_host_and_origin(target):
    plan = steered_plan()
    found = {(r["state"], r["host"], r["origin"]) for r in table(target, plan)}
    states = [state.name for state in promised_states(plan)]
    assert found == {(s, h, o) for s in states for h, own in HOSTS.items() for o in own}


@pytest.mark.parametrize("target", ROUNDING)
def test_the_plan_is_kept_in_every_promised_state_up_to_rounding(target):
    for plan in (taiwan_plan(), steered_plan()):
        shared = {"US"} if plan.scenario.scenario == "small" else set()
        for row in table(target, plan):
            if row["country"] not in shared:
                difference = float(row["planned_share"]) - float(row["realised_share"])
                assert abs(difference) <= ROUNDING[target], row


@pytest.mark.parametrize("target", ROUNDING)
def test_two_promised_losses_are_kept_too(target):
    data = steered_data()
    data["scenario"]["policy"]["survive"]["regions"] = 2
    for row in table(target, read(data)):
        if row["country"] != "US":
            difference = float(row["planned_share"]) - float(row["realised_share"])
            assert abs(difference) <= ROUNDING[target], row


def test_origins_that_share_a_country_get_the_mix_of_its_users(target):
    rows = table(target, steered_plan())
    up = [
        r for r in rows if (r["state"], r["host"], r["country"]) == ("up", "api.company.com", "US")
    ]
    tokyo = {r["origin"]: r for r in up if r["cluster"] == "tokyo-edge"}
    if target == "cloudflare":
        assert all(float(r["realised_share"]) == 0 for r in tokyo.values())
    else:
        mixed = 0.1 * 180 / 240
        assert float(tokyo["US-WEST"]["planned_share"]) == 0
        assert float(tokyo["US-EAST"]["planned_share"]) == pytest.approx(0.1)
        assert all(
            float(r["realised_share"]) == pytest.approx(mixed, abs=4e-3) for r in tokyo.values()
        )


def test_the_readme_prints_the_realised_split_and_what_cannot_be_kept(target):
    readme = files(target, steered_plan())["README.md"]
    assert "## What is realised" in readme
    assert "## What this target cannot keep" in readme
    assert "| lost.tokyo | `api.company.com` | taiwan-master |" in readme
    assert "Origins within a country (US)" in readme
    assert "- IPv6: not every active region" in readme
    assert "{{" not in readme
    assert "{%" not in readme


def test_ipv6_is_left_out_where_a_region_lacks_it_and_written_where_all_have_it(target):
    assert families(steered_plan()) == ("A",)
    without = "".join(v for k, v in files(target, steered_plan()).items() if k != "README.md")
    assert "2001:db8" not in without
    assert families(steered_plan(BOTH_FAMILIES)) == ("A", "AAAA")
    both = "".join(files(target, steered_plan(BOTH_FAMILIES)).values())
    for region in BOTH_FAMILIES.values():
        for address in region:
            assert address in both


def test_regions_without_a_common_family_are_refused(target):
    addresses = {**BOTH_FAMILIES, "taipei": ["2001:db8::1"], "tokyo": ["192.0.2.1"]}
    with pytest.raises(UnfaithfulExport, match="some regions have only IPv4 and others only IPv6"):
        TARGETS[target](steered_plan(addresses))


def renamed(plan: Plan, what: str, name: str) -> Plan:
    """Put a hostile name into a plan, past all checks."""
    scenario = plan.scenario
    if what == "host":
        hosts = dict(plan.hosts)
        hosts[name] = hosts.pop("api.company.com")
        return plan.model_copy(update={"hosts": hosts})
    if what == "region":
        regions = dict(scenario.regions)
        regions[name] = regions.pop("losangeles")
        scenario = scenario.model_copy(update={"regions": regions})
        active = ("taipei", "singapore", "tokyo", name)
        return plan.model_copy(update={"scenario": scenario, "active_regions": active})
    if what == "cluster":
        region = scenario.regions["taipei"].model_copy(update={"cluster": name})
        regions = {**scenario.regions, "taipei": region}
        scenario = scenario.model_copy(update={"regions": regions})
    elif what == "country":
        origin = scenario.origins["TW"].model_copy(update={"country": name})
        scenario = scenario.model_copy(update={"origins": {**scenario.origins, "TW": origin}})
    else:
        dns = scenario.dns.model_copy(update={what: name})
        scenario = scenario.model_copy(update={"dns": dns})
    return plan.model_copy(update={"scenario": scenario})


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("what", ["host", "region", "cluster", "country", "hostmaster", "zone"])
def test_a_hostile_name_is_refused_with_a_sentence(target, what, name):
    with pytest.raises(UnfaithfulExport, match="names cannot be written"):
        TARGETS[target](renamed(steered_plan(), what, name))


@pytest.mark.parametrize("path", ['/a"b', "/a'b", "/a\nb", "/${file(1)}", "/%{if x}", "/a\\b"])
def test_a_hostile_path_cannot_leave_its_field(target, path):
    plan = steered_plan()
    platform = plan.scenario.platform
    assert platform is not None
    services = {
        name: own.model_copy(update={"readiness_path": path, "ingress_path": "/"})
        for name, own in platform.services.items()
    }
    update = {
        "services": services,
        "cloudflare": platform.cloudflare.model_copy(update={"health_path": path}),
        "route53": platform.route53.model_copy(update={"health_path": path}),
    }
    scenario = plan.scenario.model_copy(update={"platform": platform.model_copy(update=update)})
    plan = plan.model_copy(update={"scenario": scenario})
    if target == "powerdns" or (target == "gdnsd" and "\n" in path):
        with pytest.raises(UnfaithfulExport, match="cannot stand in"):
            TARGETS[target](plan)
        return
    found = files(target, plan)
    if target == "gdnsd":
        (line,) = {x.strip() for x in found["config"].splitlines() if "url_path" in x}
        quoted = line.removeprefix("url_path => ")
        assert re.fullmatch(r'"([^"\\]|\\.)*"', quoted)
        assert re.sub(r"\\(.)", r"\1", quoted[1:-1]) == path
    elif target == "route53":
        for name, text in found.items():
            if name.startswith("health-checks/"):
                assert json.loads(text)["HealthCheckConfig"]["ResourcePath"] == path
    else:
        monitors = json.loads(found["main.tf.json"])["resource"]["cloudflare_load_balancer_monitor"]
        said = monitors["regions"]["path"]
        assert said.replace("$${", "${").replace("%%{", "%{") == path
        assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", said)
        assert json.loads(found["api/monitor.json"])["path"] == path


@pytest.mark.parametrize("target", ["route53", "cloudflare"])
def test_a_host_outside_the_zone_is_refused(target):
    with pytest.raises(UnfaithfulExport, match="outside the zone"):
        TARGETS[target](steered_plan(zone="company.org"))


@pytest.mark.parametrize("target", ["gdnsd", "powerdns"])
def test_a_host_whose_services_are_ready_at_no_path_of_their_own_is_refused(target):
    data = steered_data()
    services = {"static": {"readiness_path": "/ready", "ingress_path": "/static"}}
    platform = data["scenario"]["platform"]
    data["scenario"]["platform"] = {**platform, "services": {**platform["services"], **services}}
    with pytest.raises(UnfaithfulExport, match=r"no service of 'static\.company\.com' is ready"):
        TARGETS[target](read(data))


def test_a_region_is_checked_at_a_path_that_its_ingress_sends_to_the_service():
    assert check_of(steered_plan(), "api.company.com").path == "/ready"
    data = steered_data()
    platform = data["scenario"]["platform"]
    services = {
        **platform["services"],
        "api": {"readiness_path": "/orders/ready", "ingress_path": "/"},
        "orders": {"readiness_path": "/orders/live", "ingress_path": "/orders"},
    }
    data["scenario"]["platform"] = {**platform, "services": services}
    # The ingress sends /orders/ready to orders, which is not ready there.
    assert check_of(read(data), "api.company.com").path == "/orders/live"


def test_no_file_holds_a_secret(target):
    text = "".join(files(target, taiwan_plan()).values()).lower()
    for word in ("password", "api_key", "secret_access_key", "bearer"):
        assert word not in text


def test_a_plan_that_steers_nothing_is_refused(target):
    plan = steered_plan().model_copy(update={"hosts": {}})
    with pytest.raises(UnfaithfulExport, match="steers no host name"):
        TARGETS[target](plan)


@pytest.mark.parametrize("export", [export_coredns, export_gdnsd, export_powerdns])
def test_a_host_name_that_cannot_be_delegated_is_refused(export):
    with pytest.raises(UnfaithfulExport, match=r"'company\.com' is the zone itself"):
        export(hosted_plan("company.com", "static.company.com"))
    inside = steered_plan(name_servers=["ns1.api.company.com", "ns2.company.com"])
    with pytest.raises(UnfaithfulExport, match=r"'ns1\.api\.company\.com' lies in 'api\."):
        export(inside)
    assert export(hosted_plan("v1.api.company.com", "api.company.com"))
