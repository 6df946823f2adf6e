"""One writer for every object, over all trees together, and the table says which."""

import pytest

from planner.exporters import TARGETS
from planner.exporters.external_dns import export_external_dns
from planner.exporters.karmada import export_karmada
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubernetes import export_kubernetes
from planner.exporters.writers import (
    FEDERATIONS,
    SCALERS,
    TABLE,
    federated_kinds,
    writer_of,
)
from planner.model.scenario import Scenario
from tests.exporters.ownership import KARMADA_SERVER, objects, variant, writers
from tests.exporters.platforms import taiwan_plan

HOURLY = {name: [s.total - 1] * 12 + [s.total] * 12 for name, s in taiwan_plan().services.items()}
CASES = [
    (federation, scaler, rollout)
    for federation in FEDERATIONS
    for scaler in SCALERS
    for rollout in (False, True)
    if scaler != "federated" or (federation == "karmada" and not rollout)
]


def exported(federation, scaler, rollout):
    """The plan and all trees that are applied together."""
    controller = "kubefed" if federation == "none" else federation
    plan = variant(controller, scaler, rollout)
    trees = [*export_kubernetes(plan, federation=federation), *export_external_dns(plan)]
    if federation == "kubefed":
        trees += export_kubefed(plan)
    if federation == "karmada":
        trees += export_karmada(plan, hourly=HOURLY)
    return plan, list({manifest.path: manifest for manifest in trees}.values())


@pytest.mark.parametrize(("federation", "scaler", "rollout"), CASES)
def test_no_object_has_two_writers(federation, scaler, rollout):
    found = writers(*exported(federation, scaler, rollout))
    assert {key: files for key, files in found.items() if len(files) > 1} == {}
    assert len(found) > 80


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_no_object_has_two_writers_over_all_targets_that_there_are(controller):
    plan = variant(controller)
    other = {"kubefed": "karmada", "karmada": "kubefed"}[controller]
    trees = {m.path: m for name, export in TARGETS.items() if name != other for m in export(plan)}
    trees |= {m.path: m for m in export_kubernetes(plan)}
    found = writers(plan, trees.values())
    assert {key: files for key, files in found.items() if len(files) > 1} == {}


def test_a_second_writer_is_found():
    plan, manifests = exported("karmada", "pinned", False)
    twice = [m for m in export_kubernetes(plan, federation="none") if "service-api" in str(m.path)]
    found = writers(plan, [*manifests, *twice])
    doubled = {key[2] for key, files in found.items() if len(files) > 1}
    assert doubled == {"Deployment", "Service", "ServiceAccount"}


@pytest.mark.parametrize(("federation", "scaler", "rollout"), CASES)
def test_each_kind_stands_in_the_tree_that_the_table_says(federation, scaler, rollout):
    plan, manifests = exported(federation, scaler, rollout)
    found = writers(plan, manifests)
    for row in TABLE:
        if row.kind == "Rollout":  # has a target of its own
            continue
        writer = writer_of(row.kind, federation, scaler, rollout=rollout)
        trees = {
            files[0].split("/")[0]
            for (_, group, kind, *_), files in found.items()
            if (group, kind) == (row.group, row.kind)
        }
        if row.kind == "DNSEndpoint":
            trees -= {"dns"}  # the steering names have one owner beside the clusters' own
        want = {"cluster": {"clusters"}, "federation": {"federation"}, None: set()}[writer]
        assert trees == want, row.kind


@pytest.mark.parametrize(("federation", "scaler", "rollout"), CASES)
def test_each_service_has_one_of_each_kind_in_each_of_its_clusters(federation, scaler, rollout):
    plan, manifests = exported(federation, scaler, rollout)
    found = writers(plan, manifests)
    core = {"ServiceAccount", "Service", "Deployment", "PodDisruptionBudget", "Role", "RoleBinding"}
    core |= {"HorizontalPodAutoscaler"}
    for kind in core:
        want = {
            (region.cluster, name)
            for name, service in plan.services.items()
            for key, region in plan.scenario.regions.items()
            if service.replicas[key] and writer_of(kind, federation, scaler, rollout=rollout)
        }
        got = {(c, n) for c, _, k, _, n in found if k == kind and c != KARMADA_SERVER}
        assert got == want, kind


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_federated_kinds_are_absent_from_the_clusters_trees(controller):
    plan = variant(controller)
    kinds = {
        (document["apiVersion"].rpartition("/")[0], document["kind"])
        for _, document in objects(export_kubernetes(plan))
    }
    assert federated_kinds() == {
        ("", "Namespace"),
        ("", "Service"),
        ("", "ServiceAccount"),
        ("apps", "Deployment"),
    }
    assert not kinds & federated_kinds()
    assert kinds <= {(row.group, row.kind) for row in TABLE}


def test_the_table_names_each_kind_once_and_every_controller():
    assert len({row.kind for row in TABLE}) == len(TABLE)
    controllers = Scenario.model_fields["federation"].annotation.model_fields["controller"]
    assert set(FEDERATIONS) == {"none", *controllers.annotation.__args__}


def test_a_deployment_and_a_rollout_exclude_each_other():
    for federation in FEDERATIONS:
        for rollout in (False, True):
            both = [writer_of(k, federation, rollout=rollout) for k in ("Deployment", "Rollout")]
            assert sum(writer is not None for writer in both) == 1


def test_replicas_are_set_by_one_at_most():
    """A field that an autoscaler owns has no second owner among the files."""
    for scaler in SCALERS:
        setters = [
            kind
            for kind in ("HorizontalPodAutoscaler", "ReplicaSchedulingPreference")
            if writer_of(kind, "kubefed", scaler)
        ]
        assert len(setters) == 1
    with pytest.raises(KeyError):
        writer_of("StatefulSet", "none")
