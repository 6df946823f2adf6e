"""The report's Kubernetes 1.28: whole where components allow it, marked, and refused where not."""

from __future__ import annotations

import re

import pytest

from planner.exporters import TARGETS, export_each
from tests.exporters.network_plans import with_platform_fields
from tests.exporters.platforms import taiwan_plan

OLD = {"kubernetes": "1.28.15", "k3s": "v1.28.15+k3s1"}


def exported(**fields):
    return export_each(with_platform_fields(versions=OLD, **fields))


def test_with_replicated_storage_it_is_refused_by_who_installs_it():
    refusals = exported().refusals
    assert set(refusals) == {"rook", "helmfile", "operations"}
    for error in refusals.values():
        assert "rook-ceph v1.20.6 runs on Kubernetes 1.31 to 1.36, not on kubernetes 1.28" in str(
            error
        )


def test_without_it_every_other_target_is_written_and_says_that_it_is_past_its_end():
    done = exported(storage=None)
    assert set(done.refusals) == {"rook"}
    files = {str(m.path): m.content for m in done.manifests}
    for path in (
        "OPERATIONS.md",
        "clusters/README.md",
        "hosts/taiwan-master/kubeadm/README.md",
        "hosts/tokyo-edge/k3s/README.md",
    ):
        assert re.search("past (its end of life|the end of its life)", files[path]), path
    (configuration, *_) = files["hosts/taiwan-master/kubeadm/main-1/init.yaml"]
    assert configuration["apiVersion"] == "kubeadm.k8s.io/v1beta3"
    assert len(TARGETS) > 20


def test_the_default_is_the_tested_one_and_is_not_marked():
    files = {str(m.path): m.content for m in export_each(taiwan_plan()).manifests}
    assert (
        "| kubernetes | 1.36.3 | 1.36.3 | 1.28 to 1.36 | what the tests run |"
        in files["OPERATIONS.md"]
    )
    marked = [
        path
        for path, content in files.items()
        if isinstance(content, str) and "no fixes come any more" in content
    ]
    assert marked == []


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        ({"kubernetes": "1.36.3", "k3s": "v1.33.1+k3s1"}, "more than one series apart"),
        ({"metallb": "0.15.0"}, "exports are written for 0.16.1"),
        ({"nomad": "1.0"}, "no such component"),
        ({"kubernetes": "1.27.1", "k3s": "v1.27.1+k3s1"}, "runs on Kubernetes 1.28"),
    ],
)
def test_clashes_are_refused(versions, sentence):
    done = export_each(with_platform_fields(versions=versions))
    assert any(sentence in str(error) for error in done.refusals.values())
    assert "kubernetes" in done.refusals
