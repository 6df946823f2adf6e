"""After a roll-out as OPERATIONS.md says a cluster has no drift, until somebody edits an object."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from planner.cli import app
from planner.exporters import export, workload
from planner.exporters.operations import stages
from planner.io.manifests import write_manifests
from planner.io.plans import write_plan
from planner.model.scenario import digest
from tests.conformance.control_plane import ControlPlane, control_plane
from tests.conformance.schemas import shared
from tests.conformance.tools import run, tool
from tests.exporters.platforms import taiwan_plan

pytestmark = pytest.mark.slow

CONTEXT = "tokyo-edge"
CRDS = ("external-dns", "calico", "metallb", "prometheus-operator")


@pytest.fixture
def plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    """A server that stands for the cluster in Tokyo, as the kubectl in PATH sees it."""
    folder = tmp_path / "plane"
    folder.mkdir()
    with control_plane(folder) as started:
        config = ("--kubeconfig", folder / "kubeconfig", "config")
        known = run((started.kubectl, *config, "current-context")).stdout.strip()
        renamed = run((started.kubectl, *config, "rename-context", known, CONTEXT))
        assert renamed.returncode == 0, renamed.stderr
        monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
        monkeypatch.setenv("PATH", f"{Path(tool('kubectl')).parent}:/usr/bin:/bin")
        started.install(*(shared("crds", name) for name in CRDS))
        yield started


def rolled_out(plane: ControlPlane, folder: Path) -> list[str]:
    """Apply what OPERATIONS.md applies to the cluster, in its order; return the commands."""
    done = []
    namespaces = [workload.namespace(taiwan_plan().scenario)]
    namespaces.append(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "metallb-system"}}
    )
    plane.apply(namespaces)  # the federation and a chart bring these
    operations = (folder / "OPERATIONS.md").read_text(encoding="utf-8").splitlines()
    for stage in stages(taiwan_plan()):
        for tried, applied in zip(stage.tries, stage.applies, strict=True):
            if f"--context {CONTEXT} " in applied:
                assert {tried, applied} <= set(operations)
                for command in (tried, applied):
                    _, *words = shlex.split(command)
                    # Paths are relative to the export.
                    answer = plane.ask(*words[:-1], folder / words[-1])
                    # A first dry run may lack the namespace that stands in the same folder.
                    fresh = command is tried and "not found" in answer.stderr
                    assert answer.returncode == 0 or fresh, (command, answer.stderr)
                done.append(applied)
    return done


def check(plan: Path) -> Result:
    words = ["export", str(plan), "--check", "--live", "--context", CONTEXT]
    return CliRunner().invoke(app, words, prog_name="planner")


def test_a_roll_out_leaves_no_drift_and_an_edit_is_reported(
    plane: ControlPlane, tmp_path: Path
) -> None:
    known = taiwan_plan()
    plan = tmp_path / "plan.yaml"
    write_plan(known.model_copy(update={"scenario_digest": digest(known.scenario)}), plan)
    folder = tmp_path / "export"
    write_manifests(export(known), folder)
    before = check(plan)
    assert before.exit_code in (1, 2), before.output  # nothing is there yet

    assert len(rolled_out(plane, folder)) >= 6
    current = check(plan)
    assert current.exit_code == 0, current.output
    assert current.stdout == f"{CONTEXT}: current\n"

    namespace = known.scenario.namespace
    edit = '{"spec": {"maxUnavailable": 3}}'
    plane.do("patch", "poddisruptionbudget", "api", "-n", namespace, "--type=merge", "-p", edit)
    drifted = check(plan)
    assert drifted.exit_code == 1, drifted.output
    assert "-  maxUnavailable: 3" in drifted.stdout
    assert "+  maxUnavailable: 1" in drifted.stdout
    assert f"{CONTEXT}: drift in clusters/{CONTEXT}/workloads\n" in drifted.stdout
    plane.do("delete", "networkpolicy", "default-deny", "-n", namespace)
    assert "+kind: NetworkPolicy" in check(plan).stdout
