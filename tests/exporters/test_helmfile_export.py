"""helmfile.yaml: every file of values has a release, pinned, in an order without circles."""

from graphlib import TopologicalSorter

import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.helmfile import RELEASES, export_helmfile
from planner.exporters.versions import COMPONENTS
from planner.exporters.wave_table import WAVES
from tests.exporters.network_plans import with_place, with_platform_fields
from tests.exporters.ownership import variant
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan
from tests.exporters.whole import documents_of, whole


def helmfile(plan=None):
    (manifest,) = export_helmfile(plan or taiwan_plan())
    (document,) = manifest.content
    return document


def identity(release):
    return f"{release['kubeContext']}/{release['namespace']}/{release['name']}"


@pytest.mark.parametrize(
    ("controller", "rollout"), [("kubefed", False), ("karmada", False), ("karmada", True)]
)
def test_every_file_of_values_is_that_of_one_release(controller, rollout):
    other = {"kubefed": "karmada", "karmada": "kubefed"}[controller]
    document = helmfile(variant(controller, rollout=rollout))
    listed = [path for release in document["releases"] for path in release["values"]]
    assert len(listed) == len(set(listed))
    there = {path for path in whole(controller, rollout=rollout) if path.endswith("values.yaml")}
    assert set(listed) == there - {f"federation/{other}/values.yaml"}


def test_charts_are_pinned_to_the_table_and_their_repositories_are_inputs():
    document = helmfile()
    known = {c.chart: c for c in COMPONENTS.values() if c.chart}
    addresses = {entry["name"]: entry["url"] for entry in document["repositories"]}
    given = taiwan_plan().scenario.platform.chart_repositories
    assert addresses == {name: given[name] for name in addresses}
    for release in document["releases"]:
        repository, chart = release["chart"].split("/")
        assert repository in addresses
        assert release["version"] == known[chart].version


def test_needs_are_releases_of_the_same_cluster_and_make_no_circle():
    releases = {identity(r): r for r in helmfile()["releases"]}
    assert len(releases) == len(helmfile()["releases"])
    graph = {name: set(release.get("needs", [])) for name, release in releases.items()}
    order = [wave.name for wave in WAVES]
    for name, needs in graph.items():
        assert needs <= set(releases)
        assert {need.split("/")[0] for need in needs} <= {name.split("/")[0]}
        for need in needs:
            own, first = (order.index(releases[n]["labels"]["wave"]) for n in (name, need))
            assert first <= own
    list(TopologicalSorter(graph).static_order())


def test_steering_is_installed_only_where_somebody_turns_it_on():
    document = helmfile()
    (values,) = document["values"]
    for release in document["releases"]:
        steering = release["labels"]["wave"] == "steering"
        assert ("condition" in release) is steering
        if steering:
            assert release["condition"] == f"{release['name']}.enabled"
            assert values[release["name"]] == {"enabled": False}


def test_a_registry_is_written_without_its_scheme():
    given = dict(taiwan_plan().scenario.platform.chart_repositories)
    plan = with_platform_fields(
        chart_repositories=given | {"metallb": "oci://registry.company.com/charts"}
    )
    (entry,) = (e for e in helmfile(plan)["repositories"] if e["name"] == "metallb")
    assert entry == {"name": "metallb", "url": "registry.company.com/charts", "oci": True}


def test_missing_repositories_are_listed_together_and_none_is_made_up():
    for plan in (with_platform_fields(chart_repositories={}), bare_taiwan_plan()):
        with pytest.raises(MissingInputs) as caught:
            export_helmfile(plan)
        (paths,) = caught.value.missing.values()
        assert "platform.chart_repositories.kubefed" in paths
        assert len(paths) >= 3


def test_a_hostile_cluster_is_refused():
    with pytest.raises(UnfaithfulExport, match="no DNS-1123 name"):
        export_helmfile(with_place("tokyo", cluster="{{ exec `id` }}"))


def test_a_release_is_of_a_target_whose_wave_it_shares():
    waves = {wave.name for wave in WAVES}
    assert all(release.wave in waves for release in RELEASES)
    assert documents_of("helmfile.yaml")[0] == helmfile()
