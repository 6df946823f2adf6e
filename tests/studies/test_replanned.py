"""A plan judged on another version of its scenario: the same decisions, and a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.errors import InvalidPlan
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.model.scenario import Scenario, digest
from planner.studies.failures import study_failures
from planner.studies.replanned import OTHER_VERSION, transplanted

SMALL = Path(__file__).resolve().parents[1] / "data" / "good" / "small.yaml"


def changed(folder: Path, *pairs: tuple[str, str]) -> Scenario:
    """Return the small scenario with some of its text replaced."""
    text = SMALL.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file = folder / "changed.yaml"
    file.write_text(text, encoding="utf-8")
    return read_scenario(file)


def test_its_own_scenario_leaves_a_plan_as_it_is(small_plan: Plan) -> None:
    assert transplanted(small_plan, read_scenario(SMALL)) is small_plan


def test_decisions_stay_and_assumptions_change(small_plan: Plan, tmp_path: Path) -> None:
    grown = changed(tmp_path, ("requests_per_user_day: 40.0", "requests_per_user_day: 50.0"))
    moved = transplanted(small_plan, grown)
    assert moved.scenario is grown
    assert moved.scenario_digest == digest(grown) != small_plan.scenario_digest
    assert moved.replicas.equals(small_plan.replicas)
    assert moved.hosts == small_plan.hosts
    assert moved.weights.equals(small_plan.weights)
    assert [w for w in moved.warnings if w not in small_plan.warnings] == [OTHER_VERSION]
    assert small_plan.scenario_digest == digest(read_scenario(SMALL))
    rps = [
        study_failures(plan, order=0).assessment.demand_rps[0].sum() for plan in (small_plan, moved)
    ]
    assert rps[1] == pytest.approx(1.25 * rps[0])


def test_other_rates_change_nothing_but_probabilities(small_plan: Plan, tmp_path: Path) -> None:
    often = changed(tmp_path, ("mttr_h: 336.0", "mttr_h: 672.0"))
    before, after = (
        study_failures(plan, order=1) for plan in (small_plan, transplanted(small_plan, often))
    )
    rows = [
        dict(zip(study.states.names, study.states.probability, strict=True))
        for study in (before, after)
    ]
    # 672 h of 26,280 + 672, against 336 h of 26,280 + 336; all else alike in both.
    odds = [row["luzon-strait cut"] / row["all up"] for row in rows]
    assert odds == pytest.approx([336 / 26_280, 672 / 26_280])
    table = [study.assessment.failure_matrix.sort_index() for study in (before, after)]
    assert table[0].equals(table[1])


@pytest.mark.parametrize(
    ("old", "new", "kind", "names"),
    [
        ("  orders:\n    image", "  checkout:\n    image", "services", {"orders", "checkout"}),
        ("tokyo", "osaka", "regions", {"tokyo", "osaka"}),
        ("  PH:\n", "  VN:\n", "origins", {"PH", "VN"}),
        ("api.example.com", "www.example.com", "hosts", {"api.example.com", "www.example.com"}),
    ],
)
def test_other_names_are_refused_and_said(
    small_plan: Plan, tmp_path: Path, old: str, new: str, kind: str, names: set[str]
) -> None:
    pairs = [(old, new)]
    if kind == "services":
        pairs.append(("      orders: [singapore, taipei]", "      checkout: [singapore, taipei]"))
    if kind == "origins":
        pairs += [("name: Philippines", "name: Viet Nam"), ("country: PH", "country: VN")]
    with pytest.raises(InvalidPlan) as caught:
        transplanted(small_plan, changed(tmp_path, *pairs))
    (fault,) = caught.value.faults
    assert fault.path == kind
    assert all(name in fault.message for name in names)
    assert fault.cure
