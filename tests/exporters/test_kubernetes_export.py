"""The clusters' own trees: valid, complete, stable, and refused where something is missing."""

import posixpath

import kubernetes_validate
import pytest
import yaml

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters import export
from planner.exporters.karmada import export_karmada
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubernetes import export_kubernetes
from planner.exporters.secrets import secrets_of
from planner.io.manifests import render
from planner.model.platform import Platform
from tests.conformance.schemas import validate
from tests.exporters.cluster_trees import (
    REGIONS,
    SERVICES,
    changed,
    needing,
    of_kind,
    routes_of,
    scenario_changed,
)
from tests.exporters.ownership import objects, variant
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan, with_platform


@pytest.mark.parametrize("version", ["1.31", "1.36"])
@pytest.mark.parametrize("federation", ["kubefed", "none"])
@pytest.mark.parametrize("scaler", ["pinned", "member"])
def test_every_built_in_object_is_valid_strictly(version, federation, scaler):
    manifests = export_kubernetes(
        needing(variant(scaler=scaler), {"api": 2}), federation=federation
    )
    count = 0
    for _, document in objects(manifests):
        if document["kind"] != "DNSEndpoint":
            kubernetes_validate.validate(document, version, strict=True)
            count += 1
    assert count > 50


@pytest.mark.parametrize("exporter", [export_kubefed, export_karmada])
@pytest.mark.parametrize("scaler", ["pinned", "member"])
def test_what_the_federations_write_is_valid_strictly(exporter, scaler):
    controller = exporter.__name__.removeprefix("export_")
    for _, document in objects(exporter(variant(controller, scaler))):
        validate(document)
        if document["kind"] == "FederatedServiceAccount":
            core = {"apiVersion": "v1", "kind": "ServiceAccount", **document["spec"]["template"]}
            kubernetes_validate.validate(core, "1.36", strict=True)


@pytest.mark.parametrize("federation", ["kubefed", "none"])
def test_each_file_is_listed_by_one_kustomization(federation):
    manifests = export_kubernetes(variant(scaler="member"), federation=federation)
    paths = {str(m.path) for m in manifests}
    listed = []
    for manifest in manifests:
        if manifest.path.name == "kustomization.yaml":
            for resource in manifest.content[0]["resources"]:
                path = posixpath.join(str(manifest.path.parent), resource)
                listed.append(path if path in paths else f"{path}/kustomization.yaml")
    assert len(listed) == len(set(listed))
    roots = {f"clusters/{r.cluster}/kustomization.yaml" for r in _regions()}
    assert set(listed) | roots | {"clusters/README.md"} == {
        p for p in paths if not p.endswith("values.yaml")
    }


def _regions():
    return taiwan_plan().scenario.regions.values()


def test_the_same_plan_gives_the_same_bytes_without_aliases():
    first = [render(m) for m in export_kubernetes(needing(variant(scaler="member"), {}))]
    again = [render(m) for m in export_kubernetes(needing(variant(scaler="member"), {}))]
    assert first == again
    assert not any(b"&id" in data for data in first)


def test_the_target_clusters_holds_the_same_files_on_a_known_platform():
    plan = taiwan_plan()
    found = {m.path: m for m in export(plan, "clusters")}
    own = {m.path: m for m in export_kubernetes(plan)}
    assert {str(path) for path in found.keys() - own.keys()} == {"README.md"}
    assert {path: found[path] for path in own} == own
    readme = next(m.content for m in found.values() if str(m.path) == "README.md")
    assert "OPERATIONS.md" in readme


def test_a_plan_without_a_platform_exports_what_it_always_did():
    documents = [d for _, d in objects(export(bare_taiwan_plan(), ["clusters", "kubefed"]))]
    kinds = {document["kind"] for document in documents}
    assert "FederatedServiceAccount" not in kinds
    assert "NetworkPolicy" not in kinds
    pods = [
        d["spec"]["template"]["spec"]["template"]["spec"]
        for d in documents
        if d["kind"] == "FederatedDeployment"
    ]
    assert all(set(pod) == {"containers"} for pod in pods)


def test_everything_that_is_missing_is_named_at_once():
    plan = with_platform(bare_taiwan_plan(), Platform())
    with pytest.raises(MissingInputs) as caught:
        export_kubernetes(plan)
    missing = set(caught.value.missing["kubernetes"])
    fields = ("image_digest", "readiness_path", "liveness_path", "run_as_user", "ingress_path")
    networks = ("node_cidr", "pod_cidr", "service_cidr", "gateway_endpoint", "gateway_server")
    assert missing == {
        *(f"platform.services.{name}.{field}" for name in SERVICES for field in fields),
        *(f"platform.regions.{region}.ingress_class" for region in REGIONS),
        *(f"platform.regions.{home}.{field}" for home in ("taipei", "tokyo") for field in networks),
        "platform.mesh.cidr",
        "platform.tls_secret",
    }
    for exporter, target in ((export_kubefed, "kubefed"), (export_karmada, "karmada")):
        with pytest.raises(MissingInputs) as caught:
            exporter(plan)
        assert set(caught.value.missing[target]) == {
            f"platform.services.{name}.{field}" for name in SERVICES for field in fields[:-1]
        }
    with pytest.raises(MissingInputs):
        export_kubernetes(bare_taiwan_plan())


HOSTILE = [
    "x\n  privileged: true\n# ",
    "a: b\n---\nkind: ClusterRoleBinding",
    "../../etc",
    "'; rm -rf / #",
    "{{ 7*7 }}",
    "a\n",
    "A",
]


def _hostile_plans(text):
    plan = taiwan_plan()
    scenario, platform = plan.scenario, plan.scenario.platform
    regions = dict(platform.regions)
    regions["tokyo"] = regions["tokyo"].model_copy(update={"ingress_class": text})
    tokyo = scenario.regions["tokyo"].model_copy(update={"cluster": text})
    api = scenario.services["api"]
    yield scenario_changed(plan, namespace=text)
    yield scenario_changed(plan, scenario=text)
    yield scenario_changed(plan, regions=scenario.regions | {"tokyo": tokyo})
    yield scenario_changed(
        plan, services=scenario.services | {"api": api.model_copy(update={"host": text})}
    )
    yield changed(plan, tls_secret=text)
    yield changed(plan, ingress_controller_namespace=text)
    yield changed(plan, monitoring_namespace=text)
    yield changed(plan, regions=regions)
    services = {(text if k == "api" else k): v for k, v in scenario.services.items()}
    known = {(text if k == "api" else k): v for k, v in platform.services.items()}
    planned = {(text if k == "api" else k): v for k, v in plan.services.items()}
    renamed = scenario_changed(plan, services=services)
    renamed = renamed.model_copy(update={"services": planned})
    yield with_platform(renamed, platform.model_copy(update={"services": known}))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_refused_in_a_sentence(text):
    for plan in _hostile_plans(text):
        with pytest.raises(UnfaithfulExport, match=r"no DNS-1123 name|cannot hold"):
            export_kubernetes(plan)


@pytest.mark.parametrize("text", [t for t in HOSTILE if t not in ("../../etc", "A")])
def test_hostile_images_are_refused_and_hostile_paths_stay_in_their_field(text):
    plan = taiwan_plan()
    api = plan.scenario.services["api"].model_copy(update={"image": text})
    for exporter in (export_kubefed, export_karmada):
        with pytest.raises(UnfaithfulExport, match="no image reference"):
            exporter(scenario_changed(plan, services=plan.scenario.services | {"api": api}))
    odd = changed(plan, {"api": {"readiness_path": f"/{text}", "ingress_path": f"/{text}"}})
    for manifest in export_kubernetes(odd, federation="none"):
        if isinstance(manifest.content, str):
            assert text not in manifest.content
        else:
            assert tuple(yaml.safe_load_all(render(manifest))) == manifest.content
    assert ("api.company.com", f"/{text}") in routes_of(export_kubernetes(odd), "tokyo")


def test_hosts_that_would_share_an_object_are_refused():
    plan = taiwan_plan()
    services = dict(plan.scenario.services)
    for name, host in (("api", "a.b-c.com"), ("static", "a-b.c.com")):
        services[name] = services[name].model_copy(update={"host": host})
    with pytest.raises(UnfaithfulExport, match="would share the object 'a-b-c-com'"):
        export_kubernetes(scenario_changed(plan, services=services))


def test_no_secret_is_written_and_each_that_is_named_is_noted():
    manifests = export_kubernetes(taiwan_plan(), federation="none")
    assert "Secret" not in {d["kind"] for _, d in objects(manifests)}
    named = {
        t["secretName"] for d in of_kind(manifests, "Ingress").values() for t in d["spec"]["tls"]
    }
    notes = {note.name: note for note in secrets_of(taiwan_plan())}
    assert named <= set(notes)
    note = notes["company-com-tls"]
    assert note.namespace == "prod-api"
    assert set(note.clusters) == {region.cluster for region in _regions()}
    assert note.keys == ("tls.crt", "tls.key")
    assert "/dev/stdin" in note.command
