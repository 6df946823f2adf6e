"""Names that the pictures' font cannot draw give way to keys, and nothing is said on stderr."""

from __future__ import annotations

import warnings

import pytest

from planner.model.plan import Plan
from planner.report import charts
from planner.report.drawn_names import drawn, drawn_regions
from planner.report.style import figure_files


def named(plan: Plan, region: str, name: str) -> Plan:
    """Return the plan with another name of a region."""
    regions = dict(plan.scenario.regions)
    regions[region] = regions[region].model_copy(update={"name": name})
    scenario = plan.scenario.model_copy(update={"regions": regions})
    return plan.model_copy(update={"scenario": scenario})


@pytest.mark.parametrize("name", ["台北", "서울", "तायपेई"])
def test_a_name_without_glyphs_gives_way_to_the_key(plan: Plan, name: str) -> None:
    changed = named(plan, "taipei", name)
    assert drawn_regions(changed.scenario)["taipei"] == "taipei"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = charts.replicas(changed)
        figure_files({"replicas": axes})
    assert "taipei 7" in axes.get_title(loc="left")


def test_other_names_stay(plan: Plan) -> None:
    for name in ("São Paulo", "Zürich", "Київ", "$x_{", "<b>"):
        assert drawn(name, "key") == name
    assert drawn_regions(plan.scenario)["taipei"] == "Taipei"
