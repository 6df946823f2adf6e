"""Monitoring of a plan: values that the chart has, objects for the operator, the plan's numbers."""

import csv
import io

import jsonschema
import numpy as np
import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters import naming, prometheus
from planner.exporters.metrics_contract import BY_NAME, CONTRACT
from planner.exporters.monitoring import availability_objective, requests_month
from planner.exporters.planned_series import heirs, share_noise
from planner.exporters.prometheus import export_prometheus
from planner.exporters.secrets import secrets_of
from planner.exporters.steering import host_steering
from planner.failures.states import failure_states
from planner.model.plan import Plan
from planner.problem.build import build_problem
from planner.units import HOURS_PER_MONTH, SECONDS_PER_HOUR
from tests.conformance.schemas import unknown_values, validate
from tests.exporters.monitored import (
    HOSTILE,
    alerts,
    documents,
    expressions,
    monitoring_changed,
    platform_changed,
    recorded,
    renamed,
    rules,
    scenario_changed,
    selectors,
)
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

NAMED = (
    "plan:traffic_share:up",
    "plan:reroute_share:lost",
    "plan:replicas:planned",
)
REGIONS = ("taipei", "singapore", "tokyo", "losangeles")


def values(plan, region):
    cluster = plan.scenario.regions[region].cluster
    (found,) = (
        manifest.content[0]
        for manifest in export_prometheus(plan)
        if manifest.path.parts == ("monitoring", cluster, "prometheus", "values.yaml")
    )
    return found


def federating():
    return monitoring_changed(taiwan_plan(), collection="federation", remote_write_url=None)


def test_every_object_is_valid_and_bears_the_release_that_the_chart_looks_for():
    kinds = set()
    for document in documents(export_prometheus(taiwan_plan())):
        if "kind" not in document or document["kind"] in ("Kustomization", "Middleware"):
            continue
        validate(document)
        kinds.add(document["kind"])
        if document["kind"] != "Namespace":
            assert document["metadata"]["labels"]["release"] == naming.MONITORING_RELEASE
    assert kinds == {"Namespace", "PodMonitor", "Probe", "PrometheusRule"}


@pytest.mark.parametrize("plan", [taiwan_plan(), federating()], ids=["written", "read"])
@pytest.mark.parametrize("region", REGIONS)
def test_values_are_those_that_the_chart_has(plan, region):
    assert unknown_values("kube-prometheus-stack", values(plan, region)) == []


def test_a_misspelt_value_is_found():
    assert unknown_values("kube-prometheus-stack", {"prometheus": {"prometheusSpecs": {}}}) == [
        "prometheus.prometheusSpecs"
    ]


def test_what_the_chart_passes_on_is_what_the_operator_takes():
    for region in REGIONS:
        spec = values(taiwan_plan(), region)["prometheus"]["prometheusSpec"]
        metadata = {"name": region, "namespace": "monitoring"}
        document = {"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus"}
        validate(document | {"metadata": metadata, "spec": spec})
    spec["scrapeClasses"][0]["relabellings"] = []
    with pytest.raises(jsonschema.ValidationError, match="relabellings"):
        validate(document | {"metadata": metadata, "spec": spec})


def test_the_place_is_on_every_series_and_every_cluster_writes_to_the_home():
    plan = taiwan_plan()
    for region in REGIONS:
        spec = values(plan, region)["prometheus"]["prometheusSpec"]
        where = {"region": region, "cluster": plan.scenario.regions[region].cluster}
        assert spec["externalLabels"] == where
        (scrape_class,) = spec["scrapeClasses"]
        assert scrape_class["default"] is True
        set_at_scrape = {r["targetLabel"]: r["replacement"] for r in scrape_class["relabelings"]}
        assert set_at_scrape == where
        assert ("remoteWrite" in spec) == (region != "taipei")
        assert ("enableRemoteWriteReceiver" in spec) == (region == "taipei")


def test_writers_send_exactly_the_contract_and_present_a_secret():
    (write,) = values(taiwan_plan(), "tokyo")["prometheus"]["prometheusSpec"]["remoteWrite"]
    assert write["url"] == "https://metrics.company.com/api/v1/write"
    (keep,) = write["writeRelabelConfigs"]
    assert keep["action"] == "keep"
    assert set(keep["regex"].split("|")) == set(BY_NAME)
    notes = {note.name: note for note in secrets_of(taiwan_plan())}
    assert set(notes[write["basicAuth"]["password"]["name"]].clusters) == {
        region.cluster for region in taiwan_plan().scenario.regions.values()
    }


def test_the_receiver_is_published_only_where_it_can_ask_for_a_password():
    home = values(taiwan_plan(), "taipei")["prometheus"]["ingress"]
    assert home["hosts"] == ["metrics.company.com"]
    assert home["paths"] == ["/api/v1/write"]
    annotations = home["annotations"]
    assert annotations["traefik.ingress.kubernetes.io/router.middlewares"] == (
        "monitoring-remote-write@kubernetescrd"
    )
    (middleware,) = (
        d for d in documents(export_prometheus(taiwan_plan())) if d.get("kind") == "Middleware"
    )
    assert middleware["spec"]["basicAuth"]["secret"] == naming.REMOTE_WRITE_SECRET
    platform = taiwan_plan().scenario.platform
    regions = platform.regions | {
        "taipei": platform.regions["taipei"].model_copy(update={"ingress_class": "nginx"})
    }
    other = platform_changed(taiwan_plan(), regions=regions)
    assert "ingress" not in values(other, "taipei")["prometheus"]
    readme = next(m for m in export_prometheus(other) if m.path.name == "README.md")
    assert "receiver is not published here" in readme.content


def test_a_home_that_reads_asks_the_gateways_of_the_others():
    plan = federating()
    spec = values(plan, "taipei")["prometheus"]["prometheusSpec"]
    (job,) = spec["additionalScrapeConfigs"]
    assert job["honor_labels"] is True
    targets = job["static_configs"][0]["targets"]
    assert targets == ["10.11.0.11:30090", "10.12.0.11:30090", "10.13.0.11:30090"]
    (match,) = job["params"]["match[]"]
    (selector,) = selectors(match)
    assert set(selector.matchers.matchers[0].value.split("|")) == set(BY_NAME)
    assert values(plan, "tokyo")["prometheus"]["service"] == {"type": "NodePort", "nodePort": 30090}
    assert "remoteWrite" not in values(plan, "tokyo")["prometheus"]["prometheusSpec"]
    assert [r for r in rules(plan) if r.get("alert") == "MonitoringHomeUnreachable"] == []


def test_replicas_of_the_plan_are_thresholds():
    plan, series = taiwan_plan(), recorded()
    for name, service in plan.services.items():
        surge = plan.scenario.services[name].surge_replicas
        for region, planned in service.replicas.items():
            labels = (("region", region), ("service", name))
            for what, want in (
                ("planned", planned),
                ("fewest", planned),
                ("most", planned + surge),
            ):
                got = series.pop((f"plan:replicas:{what}", labels), None)
                assert got == (want if planned else None)
    assert not [key for key in series if key[0].startswith("plan:replicas:")]


def test_a_scaler_may_start_what_the_pools_hold():
    known = taiwan_plan().scenario.platform.services
    services = known | {"api": known["api"].model_copy(update={"scaler": "member"})}
    series = recorded(platform_changed(taiwan_plan(), services=services))
    assert series["plan:replicas:most", (("region", "taipei"), ("service", "api"))] == 51
    assert series["plan:replicas:fewest", (("region", "taipei"), ("service", "api"))] == 27


def test_latencies_capacities_and_promises_are_the_plans():
    plan, series = taiwan_plan(), recorded()
    for name, service in plan.services.items():
        own = plan.scenario.services[name]
        for region, p95_ms in service.p95_ms.items():
            key = ("plan:p95_seconds:planned", (("region", region), ("service", name)))
            assert series[key] == pytest.approx(p95_ms / 1000)
        label = (("service", name),)
        assert series["plan:p95_seconds:normal", label] == own.objective.p95_ms / 1000
        assert series["plan:p95_seconds:emergency", label] == own.objective.emergency_p95_ms / 1000
        rps = own.workers_per_replica * 1000 / own.service_time_ms
        ceiling = plan.scenario.policy.ceiling_emergency_share
        assert series["plan:replica_capacity:rps", label] == pytest.approx(rps * ceiling)
    assert series["plan:headroom:factor", ()] == plan.headroom.factor


def test_shares_of_each_country_and_of_each_lost_region_sum_to_one():
    sums = {}
    for (name, labels), value in recorded().items():
        if name in ("plan:traffic_share:up", "plan:reroute_share:lost"):
            key = (name, *(pair for pair in labels if pair[0] != "region"))
            sums[key] = sums.get(key, 0.0) + value
    assert len(sums) > 90
    assert all(total == pytest.approx(1, abs=1e-6) for total in sums.values())


def test_a_lost_regions_users_go_where_their_orders_say():
    plan = taiwan_plan()
    steering = host_steering(plan, "api.company.com")
    origins = plan.scenario.origins
    moved = {}
    for origin, parts in plan.hosts["api.company.com"].items():
        users = origins[origin].internet_users * origins[origin].propensity_share
        for part in parts:
            if part.order[0] == "singapore":
                heir = part.order[1]
                moved[heir] = moved.get(heir, 0.0) + users * part.share
    total = sum(moved.values())
    assert heirs(steering.users, "singapore") == pytest.approx(
        {region: users / total for region, users in moved.items()}
    )


def test_a_months_requests_are_those_that_the_plan_was_made_for():
    scenario = bare_taiwan_plan().scenario
    problem = build_problem(scenario, failure_states(scenario))
    rps = problem.demand_rps.mean(axis=2).sum()
    want = rps * HOURS_PER_MONTH * SECONDS_PER_HOUR
    assert requests_month(bare_taiwan_plan()) == pytest.approx(want, rel=1e-3)


def headroom(series, demand_rps, service, host):
    """What the rules would compute for one service and hour, as plainly as can be."""
    labels = {
        name: [(dict(key[1]), v) for key, v in series.items() if key[0] == name] for name in NAMED
    }
    served = {
        (at["country"], at["region"]): share * demand_rps[at["country"]]
        for at, share in labels["plan:traffic_share:up"]
        if at["host"] == host
    }
    capacity = series["plan:replica_capacity:rps", (("service", service),)]
    ready = {
        at["region"]: count
        for at, count in labels["plan:replicas:planned"]
        if at["service"] == service
    }
    for lost in ready:
        for region in set(ready) - {lost}:
            load = sum(rps for (_, at), rps in served.items() if at == region)
            load += sum(
                share * served.get((at["country"], lost), 0.0)
                for at, share in labels["plan:reroute_share:lost"]
                if (at["service"], at["lost_region"], at["region"]) == (service, lost, region)
            )
            yield ready[region] * capacity / load


def test_at_the_demand_planned_for_every_single_loss_leaves_just_enough():
    plan, series = taiwan_plan(), recorded()
    scenario = bare_taiwan_plan().scenario
    problem = build_problem(scenario, failure_states(scenario))
    countries = [scenario.origins[origin].country for origin in problem.axes.origins]
    assert len(set(countries)) == len(countries)
    for s, service in enumerate(problem.axes.services):
        host = plan.scenario.services[service].host
        worst = min(
            ratio
            for hour in range(problem.demand_rps.shape[2])
            for ratio in headroom(
                series,
                dict(zip(countries, problem.demand_rps[s, :, hour], strict=True)),
                service,
                host,
            )
        )
        # The plan's own headroom is 1: something is full, and nothing is more than full.
        assert worst == pytest.approx(1, abs=1e-6)


def test_the_objective_is_stated_or_the_plans_own_and_never_made_up():
    plan = taiwan_plan()
    own, source = availability_objective(plan, "prometheus")
    assert own == pytest.approx(1 - plan.cost.lost_requests_month / requests_month(plan))
    assert "the plan's own" in source
    stated = monitoring_changed(plan, availability_share=0.999)
    assert availability_objective(stated, "prometheus")[0] == 0.999
    assert recorded(stated)["plan:availability:objective", ()] == 0.999
    cost = plan.cost.model_copy(update={"lost_requests_month": 0.0})
    with pytest.raises(MissingInputs) as refusal:
        export_prometheus(plan.model_copy(update={"cost": cost}))
    assert refusal.value.missing == {"prometheus": ("platform.monitoring.availability_share",)}
    with pytest.raises(UnfaithfulExport, match="too low"):
        export_prometheus(monitoring_changed(plan, availability_share=0.9))


def test_no_expression_reads_a_metric_that_is_not_in_the_contract():
    series = {rule["record"] for rule in rules() if "record" in rule}
    read = {found.name for each in expressions() for found in selectors(each)}
    assert read - series == set(BY_NAME)
    assert {name for name in series if name.startswith("plan:")} - read <= {"plan:headroom:factor"}


def test_every_metric_of_the_contract_is_missed_when_it_is_absent():
    missed = {rule["labels"]["metric"]: rule["expr"] for rule in alerts()["MetricAbsent"]}
    assert set(missed) == set(BY_NAME)
    assert all(expression.startswith(f"absent({name})") for name, expression in missed.items())


def test_the_contract_is_written_for_people_and_for_programs():
    files = {manifest.path.name: manifest.content for manifest in export_prometheus(taiwan_plan())}
    rows = list(csv.DictReader(io.StringIO(files["metrics.csv"])))
    assert [row["name"] for row in rows] == [metric.name for metric in CONTRACT]
    assert {row["exists"] for row in rows} == {"yes", "to be instrumented"}
    for metric in CONTRACT:
        assert f"| `{metric.name}` |" in files["metrics.md"]


def test_no_threshold_is_typed():
    typed = {0.0, 1.0, 0.95}
    factors = {14.4, 6.0}
    waits = {92.0}  # three checks, 10 s apart, 2 s of patience, two scrapes of 30 s
    parser = pytest.importorskip("promql_parser")
    seen = set()
    for named in alerts().values():
        for rule in named:
            numbers = set()
            parser.walk(
                parser.parse(rule["expr"]),
                lambda node, found=numbers: found.add(getattr(node, "val", None)),
            )
            numbers = {value for value in numbers if isinstance(value, float)}
            seen |= numbers
            assert numbers <= typed | factors | waits, (rule["alert"], numbers)
    assert seen >= factors | waits


def test_waits_follow_the_scenario():
    dns = taiwan_plan().scenario.dns.model_copy(update={"check_interval_s": 7.0})
    plan = scenario_changed(taiwan_plan(), dns=dns)
    assert alerts()["RegionDown"][0]["for"] == "32s"
    assert alerts(plan)["RegionDown"][0]["for"] == "23s"


def test_alerts_that_nothing_could_set_off_are_left_out():
    policy = taiwan_plan().scenario.policy
    survive = policy.survive.model_copy(update={"regions": 0})
    plan = scenario_changed(taiwan_plan(), policy=policy.model_copy(update={"survive": survive}))
    assert "HeadroomBelowReserve" in alerts()
    assert "HeadroomBelowReserve" not in alerts(plan)
    adaptive = taiwan_plan().model_copy(update={"steering": "adaptive"})
    assert not {"HeadroomBelowReserve", "TrafficShareDrift"} & set(alerts(adaptive))
    bare = {
        name: known.model_copy(update={"metrics_port": None})
        for name, known in taiwan_plan().scenario.platform.services.items()
    }
    unwatched = platform_changed(taiwan_plan(), services=bare)
    assert not {"P95AbovePlan", "ErrorBudgetBurn"} & set(alerts(unwatched))
    assert {r["labels"]["metric"] for r in alerts(unwatched)["MetricAbsent"]}.isdisjoint(
        {"http_requests_total", "client_request_duration_seconds_bucket"}
    )


def test_links_are_probed_from_both_ends_and_regions_from_every_other():
    plan = taiwan_plan()
    pairs, links = set(), {}
    for manifest in export_prometheus(plan):
        if manifest.path.name == "probes.yaml":
            for probe in manifest.content:
                labels = probe["spec"]["targets"]["staticConfig"]["labels"]
                at = manifest.path.parts[1]
                if probe["spec"]["jobName"] == "mesh":
                    links.setdefault(labels["link"], set()).add(at)
                else:
                    pairs.add((at, labels["to_region"]))
    assert len(pairs) == 4 * 3
    cluster = {name: region.cluster for name, region in plan.scenario.regions.items()}
    assert links == {
        name: {cluster[link.from_region], cluster[link.to_region]}
        for name, link in plan.scenario.links.items()
    }


def test_probes_of_regions_and_links_that_begin_alike_stay_apart():
    plan = taiwan_plan()
    text = plan.model_dump_json(by_alias=True)
    # Cut after 63 characters, each name would end with the hyphen.
    for length, names in ((59, REGIONS[1:]), (57, plan.scenario.links)):
        for number, name in enumerate(names):
            text = text.replace(f'"{name}"', f'"{"p" * length}-{number}"')
    for manifest in export_prometheus(Plan.model_validate_json(text)):
        if manifest.path.name == "probes.yaml":
            names = [probe["metadata"]["name"] for probe in manifest.content]
            naming.refuse_bad_names({name: name for name in names})
            assert len(set(names)) == len(names) == 6


def test_pods_are_asked_on_the_port_that_their_containers_name():
    services = dict(taiwan_plan().scenario.services)
    services["api"] = services["api"].model_copy(update={"port": 9090})
    ports = {
        document["metadata"]["name"]: document["spec"]["podMetricsEndpoints"][0]["port"]
        for document in documents(
            export_prometheus(scenario_changed(taiwan_plan(), services=services))
        )
        if document.get("kind") == "PodMonitor"
    }
    assert ports == {"api": "http", "orders": "metrics", "static": "metrics"}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("section", ["regions", "services", "links", "risk_groups"])
def test_hostile_names_are_refused(section, name):
    members = getattr(taiwan_plan().scenario, section)
    plan = scenario_changed(taiwan_plan(), **{section: renamed(members, next(iter(members)), name)})
    with pytest.raises(UnfaithfulExport, match="no object can bear"):
        export_prometheus(plan)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_country_or_cluster_is_refused(name):
    scenario = taiwan_plan().scenario
    origins = scenario.origins | {"TW": scenario.origins["TW"].model_copy(update={"country": name})}
    regions = scenario.regions | {
        "tokyo": scenario.regions["tokyo"].model_copy(update={"cluster": name})
    }
    for parts in ({"origins": origins}, {"regions": regions}):
        with pytest.raises(UnfaithfulExport):
            export_prometheus(scenario_changed(taiwan_plan(), **parts))


@pytest.mark.parametrize("url", ["oci://metrics.company.com/write", "http://a", "https://a\nb: c"])
def test_an_address_that_cannot_be_written_to_is_refused(url):
    with pytest.raises(UnfaithfulExport, match="no https address"):
        export_prometheus(monitoring_changed(taiwan_plan(), remote_write_url=url))


def test_everything_that_is_missing_is_listed_at_once():
    with pytest.raises(MissingInputs) as refusal:
        export_prometheus(bare_taiwan_plan())
    missing = refusal.value.missing["prometheus"]
    assert missing[:3] == tuple(
        f"platform.{path}"
        for path in ("monitoring.home", "monitoring.remote_write_url", "mesh.cidr")
    )
    assert "platform.regions.tokyo.gateway_server" in missing
    mesh = taiwan_plan().scenario.platform.mesh.model_copy(update={"cidr": None})
    plan = platform_changed(monitoring_changed(taiwan_plan(), remote_write_url=None), mesh=mesh)
    with pytest.raises(MissingInputs) as refusal:
        export_prometheus(plan)
    assert refusal.value.missing == {
        "prometheus": ("platform.monitoring.remote_write_url", "platform.mesh.cidr")
    }


def test_a_large_plan_is_divided_into_objects_that_the_operator_can_copy(monkeypatch):
    whole = rules()
    monkeypatch.setattr(prometheus, "MOST_RULES", 50)
    found = [
        document
        for document in documents(export_prometheus(taiwan_plan()))
        if document.get("kind") == "PrometheusRule"
        and document["metadata"]["name"].startswith("planner-plan-")
    ]
    assert rules() == whole
    groups = [group for document in found for group in document["spec"]["groups"]]
    assert max(len(group["rules"]) for group in groups) == 50
    assert len({group["name"] for group in groups}) == len(groups) == len(found) > 5


def test_the_same_plan_gives_the_same_files():
    assert export_prometheus(taiwan_plan()) == export_prometheus(taiwan_plan())


def test_chance_explains_the_distance_that_it_should():
    generator = np.random.default_rng(5)
    shares, n = np.array([0.5, 0.3, 0.2]), 400
    counts = generator.multinomial(n, shares, size=20_000)
    distances = np.abs(counts / n - shares).sum(axis=1) / 2
    assert distances.max() < (share_noise(3) / n) ** 0.5
