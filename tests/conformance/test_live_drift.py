"""``planner export --check --live`` after a roll-out: no drift, until somebody edits an object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from planner.cli import app
from planner.exporters import export
from planner.io.manifests import write_manifests
from planner.io.plans import write_plan
from planner.model.scenario import digest
from tests.conformance.roll_out import Site, carry_out, commands, namespaces_of_others, site
from tests.exporters.platforms import taiwan_plan

pytestmark = pytest.mark.slow

CONTEXT = "tokyo-edge"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server that stands for the cluster in Tokyo, as the kubectl in PATH sees it."""
    folder = tmp_path / "plane"
    folder.mkdir()
    with site(folder, CONTEXT) as started:
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        yield started


def check(plan: Path) -> Result:
    words = ["export", str(plan), "--check", "--live", "--context", CONTEXT]
    return CliRunner().invoke(app, words, prog_name="planner")


def test_a_roll_out_leaves_no_drift_and_an_edit_is_reported(there: Site, tmp_path: Path) -> None:
    known = taiwan_plan()
    plan = tmp_path / "plan.yaml"
    write_plan(known.model_copy(update={"scenario_digest": digest(known.scenario)}), plan)
    folder = tmp_path / "export"
    write_manifests(export(known), folder)
    before = check(plan)
    assert before.exit_code in (1, 2), before.output  # nothing is there yet

    there.plane.prepare(namespaces_of_others(known, CONTEXT))
    operations = (folder / "OPERATIONS.md").read_text(encoding="utf-8")
    carry_out(there, folder, commands(operations, CONTEXT))
    current = check(plan)
    assert current.exit_code == 0, current.output
    assert current.stdout == f"{CONTEXT}: current\n"

    namespace = known.scenario.namespace
    edit = '{"spec": {"maxUnavailable": 3}}'
    budget = ("poddisruptionbudget", "api", "-n", namespace)
    there.plane.do("patch", *budget, "--type=merge", "-p", edit)
    drifted = check(plan)
    assert drifted.exit_code == 1, drifted.output
    assert "-  maxUnavailable: 3" in drifted.stdout
    assert "+  maxUnavailable: 1" in drifted.stdout
    assert f"{CONTEXT}: drift in clusters/{CONTEXT}/workloads\n" in drifted.stdout
    there.plane.do("delete", "networkpolicy", "default-deny", "-n", namespace)
    assert "+kind: NetworkPolicy" in check(plan).stdout
