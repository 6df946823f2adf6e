"""``planner export --check --live``: what kubectl is asked, and what its answers become."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from planner.io.plans import write_plan
from planner.model.scenario import digest
from tests.cli.runs import Run
from tests.exporters.platforms import taiwan_plan

KUBECTL = """#!/bin/sh
printf '%s\\n' "$*" >>"$ASKED"
test -z "$KUBECTL_EXTERNAL_DIFF" || exit 9
for word; do folder=$word; done
test -f "$folder/kustomization.yaml" || { echo "no $folder" >&2; exit 7; }
case $folder in
    "$DRIFTED") printf -- '-  replicas: 3\\n+  replicas: 4\\n'; exit 1 ;;
    "$REFUSED") echo 'error: the server could not find the requested resource' >&2; exit 2 ;;
esac
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """The Taiwan plan with its platform, as a file."""
    known = taiwan_plan()
    path = tmp_path / "plan.yaml"
    write_plan(known.model_copy(update={"scenario_digest": digest(known.scenario)}), path)
    return path


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kubectl in PATH was asked; it finds no difference."""
    tools = tmp_path / "tools"
    tools.mkdir()
    kubectl = tools / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", "colordiff")
    for name in ("DRIFTED", "REFUSED"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    return tmp_path / "asked"


def check(run: Run, plan: Path, *more: str):
    return run("export", plan, "--check", "--live", "--context", *more)


def test_every_folder_of_a_cluster_is_compared_on_the_server(
    run: Run, plan: Path, asked: Path
) -> None:
    result = check(run, plan, "tokyo-edge")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "tokyo-edge: current\n"
    lines = asked.read_text().splitlines()
    for line in lines:
        assert line.startswith("--context=tokyo-edge ")
        assert " diff --server-side --field-manager=planner --force-conflicts -k " in line
    folders = [line.rpartition(" ")[2] for line in lines]
    names = ("calico", "metallb", "base", "workloads", "external-dns")
    assert {f"clusters/tokyo-edge/{name}" for name in names} <= set(folders)
    assert all("tokyo-edge" in folder for folder in folders)


def test_the_federations_host_is_compared_with_the_federations_tree(
    run: Run, plan: Path, asked: Path
) -> None:
    assert check(run, plan, "taiwan-master").exit_code == 0
    folders = [line.rpartition(" ")[2] for line in asked.read_text().splitlines()]
    assert "federation/kubefed" in folders
    assert "federation/karmada" not in folders
    asked.unlink()
    assert run("export", plan, "kubefed", "--check", "--live", "--context", "taiwan-master")
    assert len(asked.read_text().splitlines()) == 1


def test_a_difference_is_a_finding_with_its_lines(
    run: Run, plan: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTED", "clusters/tokyo-edge/workloads")
    result = check(run, plan, "tokyo-edge")
    assert result.exit_code == 1
    assert "-  replicas: 3\n+  replicas: 4\n" in result.stdout
    assert "tokyo-edge: drift in clusters/tokyo-edge/workloads" in result.stdout
    answer = json.loads(check(run, plan, "tokyo-edge", "--json").stdout)
    drifted = [entry for entry in answer["compared"] if entry["diff"]]
    assert [entry["folder"] for entry in drifted] == ["clusters/tokyo-edge/workloads"]


def test_what_kubectl_refuses_is_no_drift_but_a_sentence(
    run: Run, plan: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFUSED", "clusters/tokyo-edge/calico")
    result = check(run, plan, "tokyo-edge")
    assert result.exit_code == 2
    assert "tokyo-edge: kubectl cannot compare clusters/tokyo-edge/calico: error:" in result.stderr


def test_without_kubectl_there_is_a_sentence(
    run: Run, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = check(run, plan, "tokyo-edge")
    assert result.exit_code == 2
    assert "kubectl is not in PATH" in result.stderr


def test_an_unknown_context_is_usage(run: Run, plan: Path, asked: Path) -> None:
    result = check(run, plan, "osaka-edge; id")
    assert result.exit_code == 2
    assert "known are" in result.stderr
    assert not asked.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--live", "--context", "a"), "--live goes with --check"),
        (("--check", "--live"), "--live needs a --context"),
        (("--check", "--context", "a"), "--context goes with"),
        (("--list", "--check"), "--list compares nothing"),
        (("kubefed", "--all"), "--all means every target"),
    ],
)
def test_options_that_do_not_go_together_are_usage(
    run: Run, plan: Path, options: tuple[str, ...], words: str
) -> None:
    result = run("export", plan, *options)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())
