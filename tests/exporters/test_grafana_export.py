"""Grafana's dashboards: nothing deprecated, only recorded series, names stay in their field."""

import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.grafana import export_grafana
from planner.exporters.secrets import secrets_of
from tests.conformance.schemas import unknown_values, validate
from tests.exporters.monitored import (
    HOSTILE,
    boards,
    documents,
    monitoring_changed,
    recorded,
    renamed,
    rules,
    scenario_changed,
    selectors,
)
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

KINDS = {"timeseries", "table", "stat", "state-timeline", "geomap"}
OVERVIEWS = {
    "Ready replicas by region",
    "95th percentile: planned against measured",
    "Replicas: planned against ready",
    "Availability by region",
    "Regions",
    "Headroom after each single loss",
}


def panels(plan=None):
    return [panel for board in boards(plan).values() for panel in board["panels"]]


def test_values_are_those_that_the_chart_has_and_config_maps_are_valid():
    for document in documents(export_grafana(taiwan_plan())):
        if "grafana" in document:
            assert unknown_values("kube-prometheus-stack", document) == []
        elif document["kind"] == "ConfigMap":
            validate(document)
            assert document["metadata"]["labels"]["grafana_dashboard"] == "1"
            assert sum(map(len, document["data"].values())) < 1_000_000


def test_no_panel_is_of_a_deprecated_type_and_none_is_missing():
    assert {panel["type"] for panel in panels()} == KINDS
    assert not OVERVIEWS - {panel["title"] for panel in panels()}
    assert all("alert" not in panel for panel in panels())


def test_panels_have_numbers_of_their_own_do_not_overlap_and_name_their_source_by_uid():
    for board in boards().values():
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        taken = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24
            cells = {
                (place["x"] + x, place["y"] + y)
                for x in range(place["w"])
                for y in range(place["h"])
            }
            assert not taken & cells
            taken |= cells
            for target in panel["targets"]:
                assert target["datasource"] == {"type": "prometheus", "uid": "prometheus"}
                assert target["expr"]
            letters = [target["refId"] for target in panel["targets"]]
            assert len(set(letters)) == len(letters)


def test_dashboards_read_only_what_rules_record():
    series = {rule["record"] for rule in rules() if "record" in rule}
    read = {
        found.name
        for panel in panels()
        for target in panel["targets"]
        for found in selectors(target["expr"])
    }
    assert read <= series


def test_the_map_has_every_regions_coordinates_from_the_scenario():
    (world,) = (panel for panel in panels() if panel["type"] == "geomap")
    (layer,) = world["options"]["layers"]
    organize = world["transformations"][-1]["options"]["renameByName"]
    assert {layer["location"]["latitude"], layer["location"]["longitude"]} <= set(organize.values())
    series = recorded()
    for name, region in taiwan_plan().scenario.regions.items():
        where = (("region", name),)
        assert series["plan:region:latitude_degrees", where] == region.latitude_deg
        assert series["plan:region:longitude_degrees", where] == region.longitude_deg


def test_a_table_gives_every_query_a_heading():
    (table,) = (p for p in panels() if p["title"] == "Replicas: planned against ready")
    organize = table["transformations"][-1]["options"]
    assert set(organize["renameByName"].values()) == {"planned", "fewest", "ready", "most"}
    letters = {f"Value #{target['refId']}" for target in table["targets"]}
    assert letters == set(organize["renameByName"])


def test_the_bound_of_red_is_the_objective():
    (timeline,) = (
        panel
        for panel in panels(monitoring_changed(taiwan_plan(), availability_share=0.995))
        if panel["title"] == "Availability by region"
    )
    steps = timeline["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps[-1] == {"value": 0.995, "color": "green"}


def test_the_administrator_is_a_secret():
    (values,) = (d for d in documents(export_grafana(taiwan_plan())) if "grafana" in d)
    admin = values["grafana"]["admin"]
    (note,) = (note for note in secrets_of(taiwan_plan()) if note.name == admin["existingSecret"])
    assert note.keys == (admin["userKey"], admin["passwordKey"])
    assert "adminPassword" not in values["grafana"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_or_change_nothing_but_their_field(name):
    plan = scenario_changed(taiwan_plan(), scenario=name)
    with pytest.raises(UnfaithfulExport):
        export_grafana(plan)
    regions = taiwan_plan().scenario.regions
    with pytest.raises(UnfaithfulExport):
        export_grafana(scenario_changed(taiwan_plan(), regions=renamed(regions, "tokyo", name)))
    shown = regions | {"tokyo": regions["tokyo"].model_copy(update={"name": name})}
    assert boards(scenario_changed(taiwan_plan(), regions=shown)) == boards()


def test_everything_that_is_missing_is_listed():
    with pytest.raises(MissingInputs) as refusal:
        export_grafana(bare_taiwan_plan())
    assert refusal.value.missing == {"grafana": ("platform.monitoring.home",)}


def test_the_same_plan_gives_the_same_files():
    assert export_grafana(taiwan_plan()) == export_grafana(taiwan_plan())
