"""The validation itself: what must be refused is refused."""

import copy

import jsonschema
import kubernetes_validate
import pytest

from tests.conformance.schemas import shared, unknown_values, validate

PREFERENCE = {
    "apiVersion": "scheduling.kubefed.io/v1alpha1",
    "kind": "ReplicaSchedulingPreference",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"targetKind": "FederatedDeployment", "totalReplicas": 3, "clusters": {"a": {}}},
}
FEDERATED = {
    "apiVersion": "types.kubefed.io/v1beta1",
    "kind": "FederatedService",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"template": {"metadata": {}, "spec": {"ports": [{"port": 80}]}}},
}


def changed(document, *path, value):
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


def test_a_right_document_passes():
    validate(PREFERENCE)
    validate(FEDERATED)


@pytest.mark.parametrize(
    "document",
    [
        changed(PREFERENCE, "spec", "weightMap", value={"a": 1}),
        changed(PREFERENCE, "spec", "clusters", "a", "weigth", value=1),
        changed(PREFERENCE, "spec", "totalReplicas", value="3"),
        changed(FEDERATED, "spec", "overrides", value={"clusters": []}),
        changed(FEDERATED, "spec", "scheduling", value={}),
    ],
)
def test_a_wrong_custom_document_is_refused(document):
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_a_wrong_field_inside_a_federated_template_is_refused():
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(changed(FEDERATED, "spec", "template", "spec", "prots", value=[]))


def test_values_that_a_chart_lacks_are_found():
    values = {"controllermanager": {"controller": {"replicaCount": 2, "replicas": 2}}}
    assert unknown_values("kubefed", values) == ["controllermanager.controller.replicas"]
    assert unknown_values("coredns", {"geoip": {"customDBURL": "x"}}) == ["geoip"]
    assert unknown_values("external-dns", {"provider": "cloudflare"}) == ["provider"]


def test_missing_schemas_fail_under_ci_and_skip_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("PLANNER_SHARED", str(tmp_path / "nowhere"))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="nowhere"):
        shared("crds")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="nowhere"):
        shared("crds")
