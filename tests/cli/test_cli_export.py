"""``planner export``: files of some targets, drift as a finding."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from planner.exporters import TARGETS
from tests.cli.runs import Made, Run


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
    """A copy of what the main job wrote."""
    copy = tmp_path / "copy"
    shutil.copytree(made.folder, copy)
    return copy


def test_a_fresh_export_is_current(run: Run, folder: Path) -> None:
    result = run("export", folder / "plan.yaml", "--check")
    assert result.exit_code == 0
    assert result.stdout == f"{folder}: current\n"


def test_drift_is_a_finding_and_nothing_is_written(run: Run, folder: Path) -> None:
    drifted = folder / "federation" / "kubefed" / "services" / "api.yaml"
    before = drifted.read_bytes()
    drifted.write_bytes(before + b"# edited\n")
    result = run("export", folder / "plan.yaml", "--check")
    assert result.exit_code == 1
    assert "federation/kubefed/services/api.yaml: differs" in result.stdout
    assert "--- federation/kubefed/services/api.yaml (file)\n" in result.stdout
    assert "\n-# edited\n" in result.stdout
    assert drifted.read_bytes() == before + b"# edited\n"
    answer = json.loads(run("export", folder / "plan.yaml", "--check", "--json").stdout)
    assert answer["stale"] == ["federation/kubefed/services/api.yaml: differs"]
    other = run("export", folder / "plan.yaml", "karmada", "--check")
    assert other.exit_code == 0


def test_some_targets_only(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("export", folder / "plan.yaml", "kubefed", "external-dns", "-o", out)
    assert result.exit_code == 0
    written = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert f"{out}/federation/kubefed/kustomization.yaml" in result.stdout.splitlines()
    assert any(name.startswith("dns/external-dns/") for name in written)
    assert not any(name.startswith(("federation/karmada", "dns/coredns")) for name in written)
    answer = json.loads(run("export", folder / "plan.yaml", "kubefed", "-o", out, "--json").stdout)
    assert all((out / name).is_file() for name in answer["files"])


def test_an_export_into_the_plans_folder_keeps_the_plan(run: Run, folder: Path) -> None:
    assert run("export", folder / "plan.yaml", "kubefed").exit_code == 0
    assert (folder / "plan.yaml").is_file()
    assert (folder / "weights.csv").is_file()
    assert run("export", folder / "plan.yaml", "--check").exit_code == 0


def test_pinned_replicas_are_overrides(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "pinned"
    assert run("export", folder / "plan.yaml", "kubefed", "--pin", "-o", out).exit_code == 0
    path = out / "federation" / "kubefed" / "services" / "api.yaml"
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    kinds = {document["kind"] for document in documents}
    assert "ReplicaSchedulingPreference" not in kinds
    (deployment,) = (d for d in documents if d["kind"] == "FederatedDeployment")
    assert deployment["spec"]["overrides"]


def test_an_unknown_target_is_usage(run: Run, folder: Path) -> None:
    result = run("export", folder / "plan.yaml", "coredsn")
    assert result.exit_code == 2
    assert "did you mean 'coredns'?" in result.stderr


def test_all_unknown_targets_are_named_at_once(run: Run, folder: Path) -> None:
    result = run("export", folder / "plan.yaml", "coredsn", "mermaid", "grafna")
    assert result.exit_code == 2
    assert "did you mean 'coredns'?" in result.stderr
    assert "'grafna'" in result.stderr
    assert "mermaid" not in result.stderr


def test_an_edited_plan_is_bad_input(run: Run, folder: Path) -> None:
    path = folder / "plan.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("namespace: prod-api", "namespace: other"), encoding="utf-8")
    result = run("export", path)
    assert result.exit_code == 3
    assert "scenario_digest" in result.stderr
    assert result.stdout == ""


def test_a_plan_without_a_platform_is_exported_without_what_needs_one(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    result = run("export", folder / "plan.yaml", "--all", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.startswith("left out: kubernetes, ")
    assert not (tmp_path / "out" / "hosts").exists()
    named = run("export", folder / "plan.yaml", "rook", "wireguard", "-o", tmp_path / "named")
    assert named.exit_code == 3
    assert "  rook\n" in named.stderr
    assert "    platform.mesh.cidr\n" in named.stderr
    assert not (tmp_path / "named").exists()


def test_the_list_says_what_each_target_needs_and_whether_it_is_there(
    run: Run, folder: Path
) -> None:
    result = run("export", folder / "plan.yaml", "--list")
    assert result.exit_code == 0
    assert "regions.*.pod_cidr" in result.stdout
    answer = json.loads(run("export", folder / "plan.yaml", "--list", "--json").stdout)
    found = {entry["target"]: entry for entry in answer["targets"]}
    assert list(found) == list(TARGETS)
    assert found["kubefed"]["files"] > 0
    assert found["kubefed"]["missing"] == []
    assert not found["kubefed"]["platform"]
    assert "platform.mesh.cidr" in found["wireguard"]["missing"]
    assert set(found["wireguard"]["missing"]) == set(found["wireguard"]["needs"])
