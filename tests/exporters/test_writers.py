"""One writer for every object, over all trees together, and the table says which."""

import pytest

from planner.exporters.external_dns import export_external_dns
from planner.exporters.karmada import export_karmada
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubernetes import export_kubernetes
from planner.exporters.writer_rows import CONTROLLERS, FEDERATIONS, SCALERS, SERVICES, TABLE
from planner.exporters.writers import federated_kinds, row_writer, rows_of, writer_of
from planner.model.manifest import Manifest
from planner.model.scenario import Scenario
from tests.exporters.hourly_plans import hourly_plan
from tests.exporters.ownership import KARMADA_SERVER, objects, variant, writers
from tests.exporters.variants import PLANS, applied_together
from tests.exporters.variants import exported as exported_all

CASES = [
    (federation, scaler, rollout)
    for federation in FEDERATIONS
    for scaler in SCALERS
    for rollout in (False, True)
    if scaler != "federated" or (federation != "none" and not rollout)
]


def exported(federation, scaler, rollout):
    """The plan and all trees that are applied together."""
    controller = "kubefed" if federation == "none" else federation
    by_hour = scaler == "federated"
    plan = hourly_plan(controller) if by_hour else variant(controller, scaler, rollout)
    trees = [*export_kubernetes(plan, federation=federation), *export_external_dns(plan)]
    if federation == "kubefed":
        trees += export_kubefed(plan)
    if federation == "karmada":
        trees += export_karmada(plan)
    return plan, list({manifest.path: manifest for manifest in trees}.values())


@pytest.mark.parametrize(("federation", "scaler", "rollout"), CASES)
def test_no_object_has_two_writers(federation, scaler, rollout):
    found = writers(*exported(federation, scaler, rollout))
    assert {key: files for key, files in found.items() if len(files) > 1} == {}
    assert len(found) > 80


@pytest.mark.parametrize("name", PLANS)
def test_no_object_has_two_writers_over_all_targets_that_there_are(name):
    found = writers(*exported_all(name))
    assert {key: files for key, files in found.items() if len(files) > 1} == {}
    assert len(found) > 80


def outside(manifests, federation):
    """Objects that belong to no row of the table, or to several."""
    return [
        (str(manifest.path), document["kind"])
        for manifest, document in objects(manifests)
        if len(rows_of(*group_and_kind(document), manifest.path, federation)) != 1
    ]


def group_and_kind(document):
    return document["apiVersion"].rpartition("/")[0], document["kind"]


def test_every_object_of_every_tree_is_in_the_table_once():
    for name, _, federation, manifests in applied_together():
        assert outside(manifests, federation) == [], name


def test_every_row_of_the_table_is_exported_where_it_says():
    """A row without a condition is in every mode that it names; one with a condition in some."""
    modes = {(row.kind, row.subject): set() for row in TABLE}
    for _, _, federation, manifests in applied_together():
        for manifest, document in objects(manifests):
            for row in rows_of(*group_and_kind(document), manifest.path, federation):
                # KubeFed takes namespaces' services, accounts and Deployments in a wrapper.
                kind = row.kind.removeprefix("Federated") if "kubefed" in row.group else row.kind
                modes[row.kind, row.subject].add(federation)
                modes.get((kind, row.subject), set()).add(federation)
    for row in TABLE:
        found, wanted = modes[row.kind, row.subject], set(row.federations)
        if row.writer not in ("cluster", "federation") or row.subject not in (SERVICES, "cluster"):
            wanted &= set(CONTROLLERS)  # without a federation only the clusters' trees are read
        if row.rollout:
            wanted -= {"none"}
        assert found if row.when else found >= wanted, row


def test_a_kind_that_the_table_lacks_is_found():
    _, manifests = exported_all("karmada")
    at = next(m for m in manifests if m.path.name == "rights.yaml")
    strange = Manifest(at.path, ({**at.content[0], "kind": "ClusterRole"},))
    assert outside([strange], "karmada") == [(str(at.path), "ClusterRole")]
    moved = Manifest(at.path.parents[1] / "metallb" / "a.yaml", at.content[:1])
    assert outside([moved], "karmada") == [(str(moved.path), "Role")]


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
        if row.subject not in (SERVICES, "hours") or (row.writer == "cluster" and row.rollout):
            continue  # Rollouts have a target of their own
        writer = row_writer(row, federation, scaler, rollout=rollout)
        trees = {
            files[0].split("/")[0]
            for (_, group, kind, *_), files in found.items()
            if (group, kind) == (row.group, row.kind)
            and ("hours.yaml" in files[0]) == (row.subject == "hours")
        }
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
        got = {
            (c, n)
            for (c, _, k, _, n), files in found.items()
            if k == kind and c != KARMADA_SERVER and "hours.yaml" not in files[0]
        }
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


def test_the_table_names_each_kind_once_for_each_end_and_every_controller():
    assert len({(row.group, row.kind, row.subject) for row in TABLE}) == len(TABLE)
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
