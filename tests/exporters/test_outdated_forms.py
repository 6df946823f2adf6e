"""What the source report has and no longer works is named, and stands nowhere in the files."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

import pytest

from planner.exporters import export
from planner.exporters.waves import matches
from tests.exporters.corefile import read_corefile
from tests.exporters.plans import small_plan
from tests.exporters.variants import PLANS, documents_of, exported
from tests.exporters.whole import text_of, walked, whole

FORMS = {
    "weightMap": "federation/kubefed/README.md",
    "geoip": "dns/coredns/README.md",
    "Bitnami": "dns/external-dns/README.md",
    "configInline": "network/metallb/README.md",
    "graph": "monitoring/*/grafana/README.md",
    "ingress-nginx": "clusters/README.md",
    "1.28": "hosts/*/kubeadm/README.md",
    "RAID 1": "network/rook/README.md",
}
"""Word of each form to the README that says more."""


@pytest.mark.parametrize("word", FORMS)
def test_each_form_is_named_with_what_stands_instead_and_where_more_is_said(word):
    (row,) = [
        line
        for line in text_of("README.md").splitlines()
        if line.startswith("| ") and word in line.split("|")[1]
    ]
    pattern = FORMS[word]
    assert f"`{pattern.replace('*', '<cluster>')}`" in row
    there = [path for path in whole() if matches(pattern, PurePosixPath(path))]
    assert there
    for path in there:
        assert word in text_of(path)


def test_without_a_platform_only_what_is_exported_then_is_named():
    (readme,) = [m.content for m in export(small_plan()) if str(m.path) == "README.md"]
    assert "weightMap" in readme
    assert "configInline" not in readme


@pytest.mark.parametrize("name", PLANS)
def test_no_form_that_no_longer_works_is_written(name):
    _, manifests = exported(name)
    for manifest, document in documents_of(manifests):
        text = json.dumps(document)
        assert not re.search(r'"(configInline|weightMap|ingressClass|psp)":', text), manifest.path
        assert "kubernetes.io/ingress.class" not in text, manifest.path
        assert "metallb.universe.tf" not in text, manifest.path
        if document.get("kind") == "FederatedDeployment":
            assert set(document["spec"]) <= {"template", "placement", "overrides", "retainReplicas"}
        for path, value in walked(document):
            key = path[-1]
            if key in ("ingressClassName", "chart"):
                assert "nginx" not in value
                assert "bitnami" not in value
            if key.startswith("planner-") and key.endswith(".json"):
                types = {panel["type"] for panel in json.loads(value)["panels"]}
                assert not types & {"graph", "singlestat", "table-old", "worldmap"}
    for manifest in manifests:
        if manifest.path.name == "Corefile":
            for block in read_corefile(manifest.content):
                asked = {"metadata", "geoip", "view"} & set(block.plugins)
                assert asked in (set(), {"metadata", "geoip", "view"})
