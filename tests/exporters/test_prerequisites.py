"""What no chart of an export brings is named in OPERATIONS.md, and looked for before it is used."""

from __future__ import annotations

import re

import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.operations import export_operations, stages
from planner.exporters.prerequisites import METRICS_API, prerequisites
from tests.exporters.network_plans import with_place, with_region
from tests.exporters.platforms import taiwan_plan
from tests.exporters.variants import PLANS, documents_of, exported


def checks(plan):
    """Wave to the commands that look for something."""
    return {stage.wave.name: stage.checks for stage in stages(plan)}


def wave_of(plan, command):
    (found,) = [name for name, own in checks(plan).items() if command in own]
    return found


@pytest.mark.parametrize("name", PLANS)
def test_every_class_and_prober_that_files_name_is_looked_for_where_they_name_it(name):
    plan, manifests = exported(name)
    commands = [command for own in checks(plan).values() for command in own]
    for manifest, document in documents_of(manifests):
        cluster = manifest.path.parts[1] if len(manifest.path.parts) > 1 else ""
        spec = document.get("spec", {})
        if document.get("kind") == "Ingress":
            wanted = f"kubectl --context {cluster} get ingressclass {spec['ingressClassName']}"
        elif document.get("kind") == "Gateway":
            wanted = (
                f"kubectl --context {cluster} get gatewayclass {spec['gatewayClassName']} && "
                f"kubectl --context {cluster} get crd httproutes.gateway.networking.k8s.io"
            )
        elif document.get("kind") == "Probe":
            service, space = re.match(r"([^.]+)\.([^.]+)\.svc:9115", spec["prober"]["url"]).groups()
            wanted = f"kubectl --context {cluster} --namespace {space} get service {service}"
        elif document.get("kind") == "Middleware":
            wanted = f"kubectl --context {cluster} get crd middlewares.traefik.io"
        elif document.get("kind") == "HorizontalPodAutoscaler":
            wanted = f"kubectl --context {cluster} get apiservice {METRICS_API}"
        elif document.get("kind") == "FederatedHPA":
            wanted = f"kubectl --context karmada-apiserver get apiservice {METRICS_API}"
        else:
            continue
        assert wanted in commands, manifest.path


def test_taipei_is_told_that_nothing_brings_its_ingress_controller():
    first, second, *_ = prerequisites(taiwan_plan())
    assert first.contexts == ("taiwan-master",)
    assert "no chart here installs it" in first.what
    assert second.contexts == ("singapore-edge", "tokyo-edge", "losangeles-edge")
    assert "as K3s brings it" in second.what
    other = prerequisites(with_region("tokyo", ingress_class="other"))
    assert any("class `other`" in one.what and one.contexts == ("tokyo-edge",) for one in other)


def test_what_is_looked_for_comes_before_what_needs_it():
    plan = PLANS["karmada, autoscaler over all clusters"]()
    (manifest,) = export_operations(plan)
    lines = manifest.content.splitlines()
    for stage in stages(plan):
        heading = lines.index(f"## Wave {stage.number}: {stage.wave.title}")
        for check in stage.checks:
            place = lines.index(check)
            assert heading < place
            assert all(place < lines.index(command) for command in (*stage.charts, *stage.applies))
    adapter = f"kubectl --context karmada-apiserver get apiservice {METRICS_API}"
    assert wave_of(plan, adapter) == "federation"
    assert wave_of(plan, "kubectl --context tokyo-edge get ingressclass traefik") == "base"


def test_the_list_is_in_the_order_of_the_waves_and_names_the_endpoints():
    for name in PLANS:
        (manifest,) = export_operations(PLANS[name]())
        rows = re.findall(r"^\| (\d) \| ", manifest.content, re.MULTILINE)
        assert rows == sorted(rows)
        assert "`tokyo-edge.company.com` to the control plane of tokyo-edge" in manifest.content


def test_an_address_as_endpoint_needs_no_name():
    (manifest,) = export_operations(with_place("tokyo", api_endpoint="https://10.12.0.11:6443"))
    assert "control plane of tokyo-edge" not in manifest.content


def test_charts_are_compared_before_they_are_installed():
    (manifest,) = export_operations(taiwan_plan())
    lines = manifest.content.splitlines()
    for stage in stages(taiwan_plan()):
        if stage.wave.name != "steering":
            for command in stage.charts:
                assert lines.index(command.replace(" apply", " diff")) < lines.index(command)


def test_every_wave_with_a_chart_waits_for_it():
    for stage in stages(taiwan_plan()):
        if stage.charts and stage.wave.name != "steering":
            assert stage.ready, stage.wave.name
    waits = " ".join(w for stage in stages(taiwan_plan()) for w in stage.ready)
    assert "--namespace monitoring wait --for=condition=Available prometheus --all" in waits


def test_a_hostile_class_or_namespace_is_refused_and_a_missing_one_listed():
    with pytest.raises(UnfaithfulExport, match="ingress_class"):
        export_operations(with_region("tokyo", ingress_class="a; id"))
    with pytest.raises(MissingInputs, match="ingress_class"):
        export_operations(with_region("tokyo", ingress_class=None))
