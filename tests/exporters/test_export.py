"""The whole export: every document is valid, hostile text stays in its field, bytes are stable."""

import posixpath
import shlex
import subprocess

import pytest
import yaml

from planner.errors import UnfaithfulExport
from planner.exporters import ALL, chosen_targets, export
from planner.exporters.rendering import text
from tests.conformance.schemas import unknown_values, validate
from tests.exporters.plans import read, small_data, small_plan

HOSTILE = [
    "x\n  privileged: true\n# ",
    "'; rm -rf / #",
    '"}}{{ 7*7 }}{% raw %}',
    "$(reboot)`reboot`",
    "a: b\n---\nkind: ClusterRoleBinding",
    "!!python/object/apply:os.system ['true']",
    "\u2028\u0085\tend",
]


PLANS = [
    ({}, False),
    ({}, True),
    ({"external_dns_provider": "aws"}, False),
]


def documents(manifests):
    for manifest in manifests:
        if not isinstance(manifest.content, str):
            yield from ((manifest, document) for document in manifest.content)


def is_object(document):
    return "kind" in document and document["kind"] != "Kustomization"


@pytest.mark.parametrize(("dns", "pin"), PLANS)
def test_every_object_is_valid_strictly(dns, pin):
    objects = [d for _, d in documents(export(small_plan(**dns), pin=pin)) if is_object(d)]
    assert len(objects) > 30
    for document in objects:
        validate(document)


@pytest.mark.parametrize(("dns", "pin"), PLANS)
def test_every_kustomization_lists_what_is_there_and_nothing_is_left_over(dns, pin):
    manifests = export(small_plan(**dns), pin=pin)
    paths = {str(m.path) for m in manifests}
    listed = set()
    for manifest, document in documents(manifests):
        if document.get("kind") == "Kustomization":
            for resource in document["resources"]:
                path = posixpath.join(manifest.path.parent, resource)
                path = path if path in paths else f"{path}/kustomization.yaml"
                assert path in paths
                listed.add(path)
    with_objects = {str(m.path) for m, d in documents(manifests) if is_object(d)}
    assert with_objects <= listed


def test_every_object_has_one_writer():
    manifests = export(small_plan())
    for other in ("karmada", "kubefed"):
        written = {}
        for manifest, document in documents(manifests):
            top, second = manifest.path.parts[:2] if len(manifest.path.parts) > 1 else ("", "")
            # Of the federations one is applied; the states of the DNS are one object in turn.
            skipped = (top, second) == (
                "federation",
                other,
            ) or manifest.path.parent.name.startswith("lost.")
            if is_object(document) and not skipped:
                where = second if top == "clusters" else "federation"
                metadata = document["metadata"]
                key = (where, document["kind"], metadata.get("namespace"), metadata["name"])
                assert written.setdefault(key, manifest.path) == manifest.path
        kinds = {kind for where, kind, *_ in written if where != "federation"}
        assert kinds == {"PodDisruptionBudget", "DNSEndpoint"}


def test_only_values_and_kustomizations_are_no_objects():
    for manifest, document in documents(export(small_plan())):
        if not is_object(document):
            is_values = manifest.path.name == "values.yaml" or manifest.path.parent.name == "states"
            assert is_values or manifest.path.name == "kustomization.yaml"


@pytest.mark.parametrize("provider", ["cloudflare", "aws"])
def test_chart_values_are_keys_of_the_charts(provider):
    manifests = export(small_plan(external_dns_provider=provider))
    seen = set()
    for manifest, document in documents(manifests):
        if manifest.path.name == "values.yaml":
            chart = manifest.path.parent.name
            seen.add(chart)
            assert unknown_values(chart, document) == []
    assert seen == {"kubefed", "karmada", "coredns", "external-dns"}


def test_the_same_plan_gives_the_same_bytes_in_order_of_path():
    first, second = export(small_plan()), export(small_plan())
    assert first == second
    assert [repr(m.content) for m in first] == [repr(m.content) for m in second]
    assert [m.path for m in first] == sorted({m.path for m in first})


def test_targets_alone_are_parts_of_the_whole():
    plan = small_plan()
    whole = {m.path: m for m in export(plan)}
    union = {}
    for target in chosen_targets([ALL], has_platform=False):
        for manifest in export(plan, [target]):
            assert whole[manifest.path] == manifest
            union[manifest.path] = manifest
    assert union == whole
    assert export(plan, "external-dns") == export(plan, ["external_dns"])


def test_an_unknown_target_is_named():
    with pytest.raises(ValueError, match=r"kubefed.*not 'nomad'"):
        export(small_plan(), ["kubefed", "nomad"])


def test_documents_share_no_parts_so_yaml_has_no_aliases():
    for manifest, _ in documents(export(small_plan())):
        assert "&id" not in yaml.safe_dump_all(manifest.content), manifest.path


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_in_its_field(hostile):
    data = small_data()
    for service in data["scenario"]["services"].values():
        service["image"] = hostile
    for origin in data["scenario"]["origins"].values():
        origin["name"] = hostile
    for region in data["scenario"]["regions"].values():
        region["name"] = region["api_endpoint"] = hostile
    data["scenario"]["description"] = hostile
    data["scenario"]["basis"] = hostile
    clean = {m.path: m.content for m in export(small_plan())}
    images = 0
    for manifest in export(read(data)):
        if isinstance(manifest.content, str):
            assert hostile not in manifest.content
            same = manifest.path.parent.name != "kubefed"  # those list clusters without endpoint
            assert not same or manifest.content == clean[manifest.path]
            continue
        for version in ("first", "second"):  # a writer may write text or unicode
            dumped = yaml.safe_dump_all(manifest.content, allow_unicode=version == "first")
            assert tuple(yaml.safe_load_all(dumped)) == manifest.content
        for document in manifest.content:
            if document.get("kind") in ("Deployment", "FederatedDeployment"):
                spec = document["spec"].get("template", {}).get("spec", {})
                container = (spec["template"]["spec"] if "template" in spec else spec)["containers"]
                assert [c["image"] for c in container] == [hostile]
                images += 1
    assert images == 6


@pytest.mark.parametrize("word", ["a'b", "$(x)", "a b;c", "a\nb"])
def test_scripts_quote_what_they_name(word):
    script = text("karmada_register.sh.j2", host=word, push=[(word, word)], pull=[(word, word)])
    called = [line for line in shlex.split(script, comments=True) if line == word]
    assert len(called) == 4


def test_a_template_refuses_a_missing_name():
    with pytest.raises(Exception, match="is undefined"):
        text("zone.j2", origin="a")


def test_scripts_are_sound_for_sh():
    scripts = [m for m in export(small_plan()) if m.executable]
    assert {m.path.name for m in scripts} == {"join.sh", "register.sh", "switch.sh"}
    for script in scripts:
        assert script.content.startswith("#!/bin/sh\n")
        assert "\nset -eu" in script.content
        subprocess.run(["sh", "-n"], input=script.content, text=True, check=True)


def test_no_secret_is_written():
    for manifest in export(small_plan(external_dns_provider="aws")):
        content = manifest.content
        words = content if isinstance(content, str) else yaml.safe_dump_all(content)
        assert "kind: Secret" not in words
        for line in words.splitlines():
            assert not line.strip().startswith(("password:", "token:", "apiToken:", "data:"))


def test_two_regions_with_one_cluster_are_refused():
    data = small_data()
    data["scenario"]["regions"]["tokyo"]["cluster"] = "taiwan-master"
    with pytest.raises(UnfaithfulExport, match="same cluster name"):
        export(read(data))


def test_a_service_without_replicas_has_no_files_and_is_named():
    data = small_data()
    data["services"]["static"] |= {"total": 0, "replicas": {}}
    manifests = {str(m.path): m.content for m in export(read(data))}
    assert not any("/services/static" in path for path in manifests)
    assert "without files: static" in manifests["README.md"]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("scenario", "federation", "host_region"), "atlantis", "'atlantis'"),
        (("scenario", "federation", "standby_region"), "atlantis", "'atlantis'"),
        (("hosts", "api.company.com", "XX"), [{"share": 1.0, "order": ["tokyo"]}], "'XX'"),
        (("hosts", "api.company.com", "TW", 0, "order"), ["atlantis"], "'atlantis'"),
        (("services", "api", "replicas", "atlantis"), 1, "'atlantis'"),
        (("services", "api", "weights"), {}, "'api'"),
    ],
)
def test_a_plan_that_names_what_its_scenario_lacks_gets_a_sentence(path, value, words):
    data = small_data()
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UnfaithfulExport, match=words):
        export(read(data))
