"""Lists of demands: what they hold, and every fault of a bad one.

Every file in tests/data/bad-demands says in its first line what must be found in it: all of it,
parted by " | ".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.errors import InvalidInput
from planner.io.demands import continents, read_demands
from planner.io.scenarios import read_scenario
from planner.model.scenario import Scenario

DATA = Path(__file__).parent.parent / "data"
FILES = sorted((DATA / "bad-demands").glob("*.yaml"))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(DATA / "good" / "small.yaml")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_bad_list_has_exactly_the_faults_it_announces(file: Path, scenario: Scenario) -> None:
    expected = file.read_text(encoding="utf-8").split("\n")[0].removeprefix("# expect: ")
    with pytest.raises(InvalidInput) as caught:
        read_demands(file, scenario)
    assert [str(fault) for fault in caught.value.faults] == expected.split(" | ")


def test_a_list_is_read_by_name(scenario: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "demands.yaml"
    file.write_text(
        "demands:\n  launch:\n    factor: 1.1\n    origins: {TW: 2}\n    continents: {Asia: 1.2}\n",
        encoding="utf-8",
    )
    listed = read_demands(file, scenario).demands
    assert list(listed) == ["launch"]
    assert listed["launch"].origins == {"TW": 2.0}


def test_a_missing_list_is_said_to_be_missing(scenario: Scenario, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        read_demands(tmp_path / "none.yaml", scenario)


def test_every_origin_of_the_shipped_scenario_has_a_continent() -> None:
    scenario = read_scenario("taiwan")
    where = continents(scenario)
    assert set(where) == set(scenario.origins)
    assert where["US"] == "North America"
