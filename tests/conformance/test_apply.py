"""Every exported tree on a real API server: accepted whole, and a second time without a change."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.exporters import export, workload
from planner.exporters.karmada import export_karmada
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubernetes import export_kubernetes
from planner.io.manifests import write_manifests
from tests.conformance.control_plane import ControlPlane, control_plane
from tests.conformance.schemas import shared
from tests.conformance.tools import run, tool
from tests.exporters.platforms import taiwan_plan

pytestmark = pytest.mark.slow

Document = dict[str, Any]
Mutation = Callable[[Document], Any]

CLUSTERS = workload.active_clusters(taiwan_plan())
NEVER_SERVED = {
    "kustomize.config.k8s.io",
    "kubeadm.k8s.io",
    "kubelet.config.k8s.io",
    "kubeproxy.config.k8s.io",
}
"""Groups of files that commands read; no server has them."""

MUTATIONS: dict[str, Mutation] = {
    "Deployment": lambda d: d["spec"]["template"]["spec"]["containers"][0].update(resourcez={}),
    "PodDisruptionBudget": lambda d: d["spec"].update(maxUnavailabel=1),
    "NetworkPolicy": lambda d: d["spec"].update(policyTypes=["Sideways"]),
    "DNSEndpoint": lambda d: d["spec"]["endpoints"][0].update(recordTTl=60),
    "FederatedDeployment": lambda d: d["spec"].update(scheduling={"weightMap": {}}),
    "ReplicaSchedulingPreference": lambda d: d["spec"].update(totalReplicas="nine"),
    "PropagationPolicy": lambda d: d["spec"]["placement"].update(replicaSchedulin={}),
    "OverridePolicy": lambda d: d["spec"].update(overrideRule=[]),
}
"""Kind to what makes a file wrong: a field that is not there, or a value that it cannot have."""

REFUSALS = (
    "not declared in schema",
    "unknown field",
    "Invalid value",
    "Unsupported value",
    "expected",
)
"""How the server begins to say what is wrong with a field."""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the export of the example for each way of propagating."""
    folder, plan = tmp_path_factory.mktemp("trees"), taiwan_plan()
    for mode in ("none", "kubefed", "karmada"):
        write_manifests(export_kubernetes(plan, federation=mode), folder / mode)
    write_manifests(export_kubefed(plan), folder / "host-kubefed")
    write_manifests(export_karmada(plan), folder / "host-karmada")
    return folder


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with control_plane(tmp_path) as started:
        yield started


def built(folder: Path) -> list[Document]:
    """Build a tree as an operator would."""
    done = run((tool("kustomize"), "build", folder))
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def namespace(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def judge(plane: ControlPlane, documents: list[Document]) -> None:
    """Apply documents, apply them again, and then each mutated kind among them."""
    first = plane.apply(documents)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) == len(documents)
    assert "Warning" not in first.stderr
    before = plane.contents(documents)
    assert len(before) == len(documents)
    again = plane.apply(documents)
    assert again.returncode == 0, again.stderr
    assert plane.contents(documents) == before
    refused = [document for document in documents if document["kind"] in MUTATIONS]
    assert refused, "no kind of this tree has a mutation"
    for document in refused:
        wrong = copy.deepcopy(document)
        MUTATIONS[document["kind"]](wrong)
        answer = plane.apply([wrong])
        assert answer.returncode != 0, wrong
        assert any(words in answer.stderr for words in REFUSALS), answer.stderr
    assert plane.contents(documents) == before


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_clusters_tree_is_accepted_and_stays(
    cluster: str, trees: Path, plane: ControlPlane
) -> None:
    plan = taiwan_plan()
    plane.install(shared("crds", "external-dns"))
    judge(plane, built(trees / "none" / "clusters" / cluster))
    assert plane.get("deployments", "--namespace", plan.scenario.namespace)


@pytest.mark.parametrize("mode", ["kubefed", "karmada"])
def test_what_a_federation_leaves_to_the_cluster_is_accepted_around_it(
    mode: str, trees: Path, plane: ControlPlane
) -> None:
    folder, plan = trees / mode / "clusters" / CLUSTERS[0], taiwan_plan()
    plane.install(shared("crds", "external-dns"))
    done = plane.apply(built(folder / "base"))
    assert done.returncode == 0, done.stderr
    # The federation brings the namespace, after `base` and before `workloads`.
    plane.apply([workload.namespace(plan.scenario)])
    judge(plane, built(folder))


@pytest.mark.parametrize("mode", ["kubefed", "karmada"])
def test_a_federations_tree_is_accepted_by_its_host_and_stays(
    mode: str, trees: Path, plane: ControlPlane
) -> None:
    plane.install(shared("crds", mode))
    documents = built(trees / f"host-{mode}" / "federation" / mode)
    # Its chart makes the controller's own namespace.
    own = {d["metadata"]["namespace"] for d in documents if d["kind"] == "KubeFedCluster"}
    assert not own or plane.apply([namespace(name) for name in own]).returncode == 0
    judge(plane, documents)


def test_every_state_of_the_dns_is_accepted_over_the_one_before_and_stays(
    plane: ControlPlane,
) -> None:
    """What no wave applies is applied by hand: the states are one object in turn."""
    plane.install(shared("crds", "external-dns"))
    files = [
        (manifest.path, [d for d in manifest.content if is_object(d)])
        for manifest in export(taiwan_plan())
        if manifest.path.parts[0] not in {"clusters", "federation", "monitoring"}
        and not isinstance(manifest.content, str)
    ]
    states = [(path, own) for path, own in files if own]
    assert {path.parts[:2] for path, _ in states} == {("dns", "external-dns")}
    assert len(states) == 1 + len(CLUSTERS)
    named = {d["metadata"].get("namespace", "default") for _, own in states for d in own}
    assert plane.apply([namespace(name) for name in sorted(named)]).returncode == 0
    before: dict[str, Document] = {}
    changed = []
    for path, own in states:
        first = plane.apply(own)
        assert first.returncode == 0, (path, first.stderr)
        changed.append(plane.contents(own) != before)
        before = plane.contents(own)
        assert plane.apply(own).returncode == 0
        assert plane.contents(own) == before, path
    turns = pairwise([[], *(own for _, own in states)])
    assert changed == [last != own for last, own in turns]


def is_object(document: Document) -> bool:
    """Whether a server has such objects: values of charts and files of commands are none."""
    whole = {"apiVersion", "kind", "metadata"} <= document.keys()
    return whole and document["apiVersion"].partition("/")[0] not in NEVER_SERVED


def test_kustomize_builds_every_folder_and_refuses_one_without_its_file(tmp_path: Path) -> None:
    write_manifests(export(taiwan_plan()), tmp_path)
    folders = sorted(path.parent for path in tmp_path.rglob("kustomization.yaml"))
    assert len(folders) >= 30
    for folder in folders:
        assert built(folder), folder
    for folder in folders:
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        file = next((name for name in listed if (folder / name).is_file()), None)
        if file is not None:
            (folder / file).rename(folder / f"{file}.away")
            assert run((tool("kustomize"), "build", folder)).returncode != 0, folder
            (folder / f"{file}.away").rename(folder / file)
