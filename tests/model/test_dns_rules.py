"""What a scenario may say of rules of DNS and of rented capacity, and what is a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from planner.io.scenarios import read_scenario
from planner.model.checks import cross_checks
from planner.model.policy import DnsRules
from planner.model.scenario import Scenario, digest

SMALL = Path(__file__).parents[1] / "data" / "good" / "small.yaml"


def small(**sections: dict[str, Any]) -> Scenario:
    scenario = read_scenario(SMALL)
    parts = {
        name: getattr(scenario, name).model_copy(update=values) for name, values in sections.items()
    }
    return scenario.model_copy(update=parts)


@pytest.mark.parametrize(
    ("sections", "path", "words"),
    [
        ({"dns": {"rules": DnsRules(grid_percent=30)}}, "grid_percent", "never add up to 100"),
        (
            {"dns": {"rules": DnsRules(kind="percents")}, "policy": {"split_origins": False}},
            "kind",
            "divide an origin",
        ),
        (
            {"dns": {"rules": DnsRules(kind="list")}, "policy": {"steering": "adaptive"}},
            "kind",
            "static steering",
        ),
        ({"policy": {"rented_regions": ("atlantis",)}}, "rented_regions", "no region 'atlantis'"),
    ],
)
def test_what_does_not_fit_together_is_a_fault(
    sections: dict[str, dict[str, Any]], path: str, words: str
) -> None:
    faults, _ = cross_checks(small(**sections))
    assert [words in f.message and path in map(str, f.path) for f in faults] == [True]


@pytest.mark.parametrize("kind", ["any", "list", "percents"])
def test_what_fits_is_none(kind: Any) -> None:
    faults, _ = cross_checks(small(dns={"rules": DnsRules(kind=kind, grid_percent=5)}))
    assert faults == ()


@pytest.mark.parametrize(
    "values", [{"grid_percent": 0}, {"regions": 6}, {"kind": "some"}, {"on_loss": "gone"}]
)
def test_what_is_no_rule_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DnsRules(**values)


def test_a_scenario_that_says_nothing_keeps_its_digest() -> None:
    scenario = read_scenario(SMALL)
    assert scenario.dns.rules is None
    assert scenario.policy.replicas is None
    assert digest(scenario) != digest(small(dns={"rules": DnsRules()}))
