"""Alertmanager's values: fields of chart and operator, secrets by name, what mutes what."""

import copy
import re

import pytest
import yaml

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.alertmanager import alertmanager_config, export_alertmanager
from planner.exporters.alerts import REGION_DOWN
from planner.exporters.secrets import secrets_of
from tests.conformance.schemas import unknown_values, validate
from tests.exporters.monitored import HOSTILE, alerts, monitoring_changed, scenario_changed
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

OLD = {"match", "match_re", "source_match", "source_match_re", "target_match", "target_match_re"}


def values(plan):
    return {
        manifest.path.parts[1]: manifest.content[0]
        for manifest in export_alertmanager(plan)
        if manifest.path.name == "values.yaml"
    }


def test_values_are_those_that_the_chart_has_and_the_spec_is_the_operators():
    for each in values(taiwan_plan()).values():
        found = copy.deepcopy(each)
        # Of lists the table knows the keys of the defaults only; amtool judges the others.
        config = found["alertmanager"].pop("config")
        assert set(config) <= {"global", "route", "inhibit_rules", "receivers"}
        assert unknown_values("kube-prometheus-stack", found) == []
        validate(
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "Alertmanager",
                "metadata": {"name": "a", "namespace": "monitoring"},
                "spec": found["alertmanager"]["alertmanagerSpec"],
            }
        )


def test_the_home_and_its_watcher_have_an_alertmanager():
    assert set(values(taiwan_plan())) == {"taiwan-master", "tokyo-edge"}
    federation = taiwan_plan().scenario.federation.model_copy(update={"standby_region": None})
    assert set(values(scenario_changed(taiwan_plan(), federation=federation))) == {"taiwan-master"}
    read = monitoring_changed(taiwan_plan(), collection="federation")
    assert set(values(read)) == {"taiwan-master"}
    standby = taiwan_plan().scenario.federation.model_copy(update={"standby_region": "taipei"})
    assert set(values(scenario_changed(taiwan_plan(), federation=standby))) == {"taiwan-master"}


def test_the_receivers_address_is_read_from_a_secret():
    (found, _) = values(taiwan_plan()).values()
    secret = taiwan_plan().scenario.platform.monitoring.webhook_secret
    assert found["alertmanager"]["alertmanagerSpec"]["secrets"] == [secret]
    receivers = {r["name"]: r for r in found["alertmanager"]["config"]["receivers"]}
    (webhook,) = receivers["on-call"]["webhook_configs"]
    assert webhook["url_file"] == f"/etc/alertmanager/secrets/{secret}/url"
    (note,) = (note for note in secrets_of(taiwan_plan()) if note.name == secret)
    assert note.keys == ("url",)
    assert set(note.clusters) == set(values(taiwan_plan()))


def test_no_deprecated_key_is_used():
    def keys(value):
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    assert not keys(alertmanager_config(taiwan_plan())) & OLD


def test_every_alert_that_is_named_exists_and_alerts_about_one_region_group_by_it():
    text = yaml.safe_dump(alertmanager_config(taiwan_plan()))
    for name in (REGION_DOWN, "RegionSilent", "MetricAbsent", "P95AbovePlan", "P95AboveObjective"):
        assert f'alertname="{name}"' in text
        assert name in alerts()
    assert alertmanager_config(taiwan_plan())["route"]["group_by"] == ["region"]


def mutes(rule, source, target):
    """Whether an alert mutes another, as Alertmanager's documentation defines it."""

    def fits(matchers, labels):
        pairs = (re.fullmatch(r'(\w+)="([^"]*)"', matcher).groups() for matcher in matchers)
        return all(labels.get(name, "") == value for name, value in pairs)

    return (
        fits(rule["source_matchers"], source)
        and fits(rule["target_matchers"], target)
        and all(source.get(name, "") == target.get(name, "") for name in rule["equal"])
    )


def test_a_lost_region_mutes_its_own_symptoms_and_no_others():
    rules = alertmanager_config(taiwan_plan())["inhibit_rules"]
    down = {"alertname": REGION_DOWN, "severity": "critical", "kind": "cause", "region": "tokyo"}
    for name, named in alerts().items():
        for alert in named:
            labels = alert["labels"] | {"alertname": name}
            here, there = labels | {"region": "tokyo"}, labels | {"region": "taipei"}
            symptom = labels["kind"] == "symptom" or name == "RegionSilent"
            assert any(mutes(rule, down, here) for rule in rules) == symptom, name
            assert not any(mutes(rule, down, there) for rule in rules)
            assert not any(mutes(rule, down, labels) for rule in rules)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["receiver", "webhook_secret"])
def test_hostile_names_are_refused(field, name):
    with pytest.raises(UnfaithfulExport):
        export_alertmanager(monitoring_changed(taiwan_plan(), **{field: name}))


def test_everything_that_is_missing_is_listed_at_once():
    with pytest.raises(MissingInputs) as refusal:
        export_alertmanager(bare_taiwan_plan())
    assert refusal.value.missing == {
        "alertmanager": ("platform.monitoring.home", "platform.monitoring.webhook_secret")
    }


def test_the_same_plan_gives_the_same_files():
    assert export_alertmanager(taiwan_plan()) == export_alertmanager(taiwan_plan())
