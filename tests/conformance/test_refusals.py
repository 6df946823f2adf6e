"""A real API server refuses one mutated file of every kind that any mode exports: it does judge."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from planner.exporters import naming
from tests.conformance.control_plane import ControlPlane
from tests.conformance.roll_out import site
from tests.conformance.schemas import shared
from tests.conformance.type_schemas import interpreter_crd
from tests.exporters.variants import applied_together, documents_of

pytestmark = pytest.mark.slow

Document = dict[str, Any]
Kind = tuple[str, str]

NEVER_SERVED = {"kustomize", "kubeadm", "kubelet", "kubeproxy"}
"""Groups, by their first word, of files that commands read; no server has them."""


def kinds() -> dict[Kind, Document]:
    """Return the first object of every kind, over all modes."""
    found: dict[Kind, Document] = {}
    for _, _, _, manifests in applied_together():
        for _, document in documents_of(manifests):
            if is_object(document):
                found.setdefault((document["apiVersion"], document["kind"]), document)
    return found


def is_object(document: Document) -> bool:
    """Whether a server has such objects: values of charts and files of commands are none."""
    whole = {"apiVersion", "kind", "metadata"} <= document.keys()
    return whole and document["apiVersion"].partition(".")[0] not in NEVER_SERVED


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One server with every CRD, which no real cluster has."""
    with site(tmp_path_factory.mktemp("plane"), naming.cluster_context("any")) as there:
        there.plane.install(shared("crds", "karmada"))
        there.plane.define([interpreter_crd()])
        yield there.plane


def misspelt(document: Document) -> tuple[Document, str]:
    """Misspell a field of an object: the first of its `spec`, or of the object itself."""
    wrong = copy.deepcopy(document)
    own = [name for name in wrong if name not in {"apiVersion", "kind", "metadata"}]
    place = wrong["spec"] if wrong.get("spec") else wrong
    field = next(iter(place)) if place is not wrong else (own or ["spec"])[0]
    place[f"{field}z"] = place.pop(field, {})
    return wrong, f"{field}z"


def test_every_kind_is_accepted_and_refused_with_one_field_misspelt(plane: ControlPlane) -> None:
    found = kinds()
    assert len(found) >= 45
    for name in sorted({d["metadata"].get("namespace", "default") for d in found.values()}):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        assert plane.apply([namespace]).returncode == 0
    for document in found.values():
        done = plane.apply([document])
        assert done.returncode == 0, (document, done.stderr)
    for kind, document in found.items():
        wrong, field = misspelt(document)
        done = plane.apply([wrong])
        assert done.returncode != 0, (kind, field)
        assert field in done.stderr, (kind, done.stderr)
