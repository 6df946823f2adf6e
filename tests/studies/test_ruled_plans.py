"""A scenario whose DNS target can say little: from file to plan, judged and exported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from planner.exporters import export
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.model.policy import DnsRules
from planner.problem.build import build_problem
from planner.studies.main_job import optimize

SMALL = Path(__file__).parents[1] / "data" / "good" / "small.yaml"


def planned(rules: DnsRules | None, file: Path = SMALL) -> Plan:
    scenario = read_scenario(file)
    dns = scenario.dns.model_copy(update={"rules": rules})
    scenario = scenario.model_copy(update={"dns": dns})
    return optimize(build_problem(scenario, failure_states(scenario)), time_limit_s=20.0)


@pytest.mark.parametrize("on_loss", ["renormalised", "next"])
def test_percents_stand_on_their_grid_and_keep_every_promise(on_loss: str) -> None:
    rules = DnsRules.model_validate({"kind": "percents", "grid_percent": 20, "on_loss": on_loss})
    plan = planned(rules)
    for origins in plan.hosts.values():
        for parts in origins.values():
            first: dict[str, float] = {}
            for part in parts:
                first[part.order[0]] = first.get(part.order[0], 0.0) + 100 * part.share
            assert all(
                percent % 20 == pytest.approx(0, abs=1e-6)
                or percent % 20 == pytest.approx(20, abs=1e-6)
                for percent in first.values()
            )
            assert len(first) <= 3
    assert plan.worst_state is not None
    assert plan.worst_state.unserved_share == 0
    assert plan.warnings == planned(None).warnings, "they cost nothing more here"
    assert export(plan, ["kubefed", "coredns"])


def test_a_list_is_one_order_an_origin_and_costs_no_less() -> None:
    plan, free = planned(DnsRules(kind="list")), planned(None)
    assert all(len(parts) == 1 for origins in plan.hosts.values() for parts in origins.values())
    assert plan.proof.objective >= free.proof.bound - 1e-6
    assert free.warnings == plan.warnings, "it costs nothing more here"


def test_what_a_list_costs_is_one_number_where_both_ends_agree(busy: Path) -> None:
    plan, free = planned(DnsRules(kind="list"), busy), planned(None, busy)
    (told,) = (text for text in plan.warnings if "at will" in text)
    number = re.fullmatch(
        r"one rule an origin \(an ordered list\) costs ([0-9.]+) USD a month more than shares at "
        "will",
        told,
    )
    assert number is not None
    least, most = (plan.proof.objective - end for end in (free.proof.objective, free.proof.bound))
    assert 1 < least - 0.005 <= float(number[1]) <= most + 0.005
