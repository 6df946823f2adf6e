"""Exported routes before Alertmanager's own judge: amtool."""

from __future__ import annotations

import pytest
import yaml

from planner.exporters.alertmanager import alertmanager_config
from tests.conformance.test_prometheus import assert_passed
from tests.conformance.tools import run, tool
from tests.exporters.platforms import taiwan_plan


@pytest.fixture
def routes(tmp_path):
    path = tmp_path / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(alertmanager_config(taiwan_plan())))
    return path


def test_alertmanager_takes_its_configuration(routes):
    assert_passed(run([tool("amtool"), "check-config", routes]))
    text = routes.read_text().replace("source_matchers", "source_matcherz", 1)
    routes.write_text(text)
    refused = run([tool("amtool"), "check-config", routes])
    assert refused.returncode != 0
    assert "source_matcherz" in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=RegionDown severity=critical region=tokyo", "on-call"),
        ("alertname=ReplicasAbovePlan severity=warning region=tokyo", "on-call"),
        ("alertname=Watchdog severity=none", "nobody"),
        ("alertname=InfoInhibitor severity=none", "nobody"),
        ("alertname=SomethingElse", "on-call"),
    ],
)
def test_alerts_are_told_to_whom_they_should(routes, labels, receiver):
    command = [tool("amtool"), "config", "routes", "test", f"--config.file={routes}"]
    found = run([*command, *labels.split()])
    assert_passed(found)
    assert found.stdout.split() == [receiver]
    wrong = run([*command, "--verify.receivers=somebody", *labels.split()])
    assert wrong.returncode != 0
