"""The pod: pinned, probed, without rights, and the same whoever delivers it."""

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters.karmada import export_karmada
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubernetes import export_kubernetes
from tests.exporters.cluster_trees import SERVICES, changed, of_kind, pod_of, scenario_changed
from tests.exporters.platforms import taiwan_plan


def test_both_federations_and_no_federation_deliver_the_same_pod():
    plan = taiwan_plan()
    none = of_kind(export_kubernetes(plan, federation="none"), "Deployment", "tokyo")
    kubefed = of_kind(export_kubefed(plan), "FederatedDeployment")
    karmada = of_kind(export_karmada(plan), "Deployment")
    for name in SERVICES:
        assert pod_of(none[name]) == pod_of(kubefed[name]) == pod_of(karmada[name])
        assert none[name]["spec"]["replicas"] == plan.services[name].replicas["tokyo"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_meets_the_restricted_level_and_its_numbers_are_the_scenarios(name):
    plan = taiwan_plan()
    pod = pod_of(of_kind(export_karmada(plan), "Deployment")[name])
    service, known = plan.scenario.services[name], plan.scenario.platform.services[name]
    (container,) = pod["containers"]
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == known.run_as_user > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not set(pod) & {"hostNetwork", "hostPID", "hostIPC", "volumes"}
    assert container["image"] == f"{service.image}@{known.image_digest}"
    assert container["resources"] == {
        "requests": {"cpu": str(service.cpu), "memory": str(service.memory)}
    }
    assert container["readinessProbe"]["httpGet"]["path"] == known.readiness_path
    assert container["livenessProbe"]["httpGet"]["path"] == known.liveness_path
    start = container["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] == 3 * service.startup_s
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": service.port, "metrics": known.metrics_port}
    (spread,) = pod["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    labels = of_kind(export_karmada(plan), "Deployment")[name]["spec"]["template"]["metadata"]
    assert spread["labelSelector"]["matchLabels"] == labels["labels"]


def test_the_namespace_admits_restricted_pods_only_wherever_it_is_written():
    plan = taiwan_plan()
    none = of_kind(export_kubernetes(plan, federation="none"), "Namespace", "tokyo")
    host = of_kind(export_kubefed(plan), "Namespace")
    members = of_kind(export_kubefed(plan), "FederatedNamespace")["prod-api"]["spec"]
    labels = none["prod-api"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == "v1.36"
    assert host["prod-api"]["metadata"]["labels"] == labels
    assert members["template"]["metadata"]["labels"] == labels


def test_the_level_is_that_of_the_older_kubernetes():
    plan = changed(taiwan_plan(), versions={"kubernetes": "1.35.2"})
    namespace = of_kind(export_kubernetes(plan, federation="none"), "Namespace")["prod-api"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/warn-version"] == "v1.35"


def test_an_image_that_is_pinned_already_stays_and_another_digest_is_refused():
    digest = f"sha256:{'a' * 64}"
    plan = taiwan_plan()
    api = plan.scenario.services["api"].model_copy(update={"image": f"r.x.com:5000/a@{digest}"})
    pinned = scenario_changed(plan, services=plan.scenario.services | {"api": api})
    with pytest.raises(UnfaithfulExport, match=r"services\.api\.image names another digest"):
        export_karmada(pinned)
    for given in (None, digest):
        fine = changed(pinned, {"api": {"image_digest": given}})
        pod = pod_of(of_kind(export_karmada(fine), "Deployment")["api"])
        assert pod["containers"][0]["image"] == f"r.x.com:5000/a@{digest}"
