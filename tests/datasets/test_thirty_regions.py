"""The scenario with thirty regions is what its script writes, and it stands."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from planner.io.datasets import dataset_folder
from planner.io.scenarios import check_scenario, read_scenario

FOLDER = dataset_folder() / "thirty-regions"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = dataset_folder() / "derive_thirty_regions.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_writes_the_committed_files_bit_for_bit(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "TARGET", tmp_path / "thirty-regions")
    script.main()
    written = sorted(path.name for path in script.TARGET.iterdir())
    assert (
        written
        == sorted(path.name for path in FOLDER.iterdir())
        == ["origins.csv", "scenario.yaml"]
    )
    for name in written:
        assert (script.TARGET / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_it_is_shipped_under_its_name_and_has_no_fault() -> None:
    checked = check_scenario("thirty-regions")
    assert checked.faults == checked.warnings == ()
    scenario = read_scenario("thirty-regions")
    assert scenario == checked.scenario == read_scenario(FOLDER / "scenario.yaml")
    assert (len(scenario.regions), len(scenario.origins)) == (30, 60)


def test_what_is_ours_says_so() -> None:
    scenario = read_scenario("thirty-regions")
    parts = (
        *scenario.regions.values(),
        *scenario.services.values(),
        *scenario.origins.values(),
        *scenario.server_types.values(),
        scenario.policy,
    )
    assert all("ours" in str(part.basis) for part in parts)
