"""Plan files: the same bytes for the same plan, and no edit goes unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.errors import InvalidPlan
from planner.io.plans import plan_text, read_plan, write_plan
from planner.io.scenarios import read_scenario
from planner.model.hourly import HourlyNeeds, HourlyReplicas, ServiceHours, ServiceNeeds
from planner.model.plan import Cost, Headroom, OrderedShare, Plan, Proof, ServicePlan, WorstState
from planner.model.policy import CostWeights
from planner.model.scenario import Scenario, digest

SMALL = Path(__file__).parent.parent / "data" / "good" / "small.yaml"


def service_plan(scenario: Scenario) -> ServicePlan:
    replicas = {"taipei": 2, "singapore": 1, "tokyo": 1}
    weights = {"taipei": 2, "singapore": 1, "tokyo": 1}
    return ServicePlan(
        total=4,
        replicas=replicas,
        max_replicas=dict.fromkeys(replicas, 12),
        weights={"kubefed": weights, "karmada": weights},
        p95_ms=dict.fromkeys(replicas, 91.30000000000001),
        origin_p95_ms=dict.fromkeys(scenario.origins, 1 / 3),
    )


def a_plan(scenario: Scenario) -> Plan:
    parts = (
        OrderedShare(share=0.7, order=("taipei", "tokyo")),
        OrderedShare(share=0.3, order=("singapore", "tokyo")),
    )
    return Plan(
        scenario_digest=digest(scenario),
        scenario=scenario,
        steering="static",
        active_regions=tuple(scenario.regions),
        services={name: service_plan(scenario) for name in scenario.services},
        hosts={"api.example.com": dict.fromkeys(scenario.origins, parts)},
        cost=Cost(
            fixed_usd_month=750.0,
            replicas_usd_month=200.0,
            latency_usd_month=800.0,
            lost_usd_month=1.5,
            mean_latency_ms=40.0,
            lost_requests_month=15000.0,
        ),
        proof=Proof(
            status="optimal", objective=1751.5, bound=1751.4, gap=6e-05, solver="HiGHS", seed=0
        ),
        headroom=Headroom(
            factor=1.4, regions={"taipei": 1.4, "singapore": 2.0, "tokyo": None}, limited_by="cpu"
        ),
        worst_state=WorstState(
            state="taipei", unserved_share=0.0, p95_over_limit=0.9, cause="api in tokyo at 14"
        ),
    )


@pytest.fixture(name="plan")
def plan_of_the_small_scenario() -> Plan:
    return a_plan(read_scenario(SMALL))


def test_a_plan_is_read_back_as_it_was(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml") == plan


def test_the_same_plan_gives_the_same_bytes(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "one.yaml")
    again = read_plan(tmp_path / "one.yaml")
    write_plan(again, tmp_path / "two.yaml")
    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "two.yaml").read_bytes()


def test_cost_weights_of_ones_own_survive(tmp_path: Path) -> None:
    """``preset: null`` is not the preset's default, so it must not be left out."""
    weights = CostWeights(preset=None, usd_per_ms=3.0, usd_per_lost_request=0.1, cost_factor=1.0)
    scenario = read_scenario(SMALL).model_copy(update={"cost": weights})
    write_plan(a_plan(scenario), tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml").scenario.cost == weights


def faults(text: str, file: Path) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidPlan) as caught:
        read_plan(file)
    return [str(fault).split("  ", 1)[1] for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "internet_users: 21700000.0",
            "internet_users: 21700001.0",
            "scenario_digest: the scenario inside is not the one that this plan was made for; "
            "undo the edit, or run 'planner optimize' on the scenario again",
        ),
        (
            "    total: 4\n",
            "    total: 5\n",
            "services.api.total: the total is 5, but the replicas add up to 4; plan again",
        ),
        (
            "- share: 0.7",
            "- share: 0.8",
            "hosts.api.example.com.TW: the shares add up to 1.1, not to 1; plan again",
        ),
        (
            "- singapore\n- tokyo\n",
            "- singapur\n- tokyo\n",
            "active_regions.1: no region 'singapur'; did you mean 'singapore'?",
        ),
        (
            "- singapore\n- tokyo\n",
            "- tokyo\n",
            "active_regions: 'singapore' is missing, but has replicas of 'api'; plan again",
        ),
        ("  status: optimal", "  status: perfect", None),
        ("version: 1", "version: 2", None),
        (
            "  gap: 6.0e-05",
            "  gap: .nan",
            "proof.gap: is not a number (NaN); write a finite number",
        ),
    ],
    ids=["scenario", "total", "share", "region", "active", "status", "version", "gap"],
)
def test_an_edited_plan_is_refused(
    plan: Plan, tmp_path: Path, old: str, new: str, expected: str | None
) -> None:
    text = plan_text(plan)
    assert old in text
    found = faults(text.replace(old, new, 1), tmp_path / "plan.yaml")
    assert len(found) == 1
    assert expected is None or found == [expected]


def by_the_hour(plan: Plan) -> Plan:
    """The plan with what two hours need, and a schedule."""
    rows = {"taipei": (2, 1), "singapore": (1, 1), "tokyo": (1, 1)}
    needs = ServiceNeeds(normal=rows, survive=rows)
    weights = dict.fromkeys(rows, 1)
    hours = ServiceHours(weights=weights, totals=(4, 3), replicas=rows, exact=True)
    return plan.model_copy(
        update={
            "needs": HourlyNeeds(hours_utc=(2, 14), services=dict.fromkeys(plan.services, needs)),
            "hourly": HourlyReplicas(
                controller="kubefed",
                hours_utc=(2, 14),
                services=dict.fromkeys(plan.services, hours),
            ),
        }
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "        taipei: [2, 1]\n",
            "        taipei: [2]\n",
            "needs.services.api.normal.taipei: 1 numbers for 2 hours; plan again",
        ),
        (
            "      totals: [4, 3]\n",
            "      totals: [4, 4]\n",
            "hourly.services.api.totals: replicas do not add up to the totals; plan again",
        ),
        (
            "      totals: [4, 3]\n",
            "      totals: [4, 3, 3]\n",
            "hourly.services.api.totals: 3 numbers for 2 hours; plan again",
        ),
        (
            "        tokyo: [1, 1]\n",
            "        tokio: [1, 1]\n",
            "needs.services.api.normal.tokio: no region 'tokio'; did you mean 'tokyo'?",
        ),
    ],
    ids=["need", "sum", "hours", "region"],
)
def test_an_edited_schedule_is_refused(
    plan: Plan, tmp_path: Path, old: str, new: str, expected: str
) -> None:
    text = plan_text(by_the_hour(plan))
    assert old in text
    assert faults(text.replace(old, new, 1), tmp_path / "plan.yaml") == [expected]


def test_a_plan_without_hours_says_nothing_of_them(plan: Plan, tmp_path: Path) -> None:
    keys = {line.split(":")[0] for line in plan_text(plan).splitlines()}
    assert not keys & {"needs", "hourly"}
    write_plan(by_the_hour(plan), tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml") == by_the_hour(plan)


def test_every_fault_of_a_plan_comes_at_once(plan: Plan, tmp_path: Path) -> None:
    text = plan_text(plan).replace("    total: 4\n", "    total: 5\n", 1)
    found = faults(text.replace("- taipei\n", "- taipai\n", 1), tmp_path / "plan.yaml")
    assert len(found) == 3


def test_what_exports_and_texts_would_stumble_over_is_told(plan: Plan, tmp_path: Path) -> None:
    hosts = {host: {**origins, "TW": ()} for host, origins in plan.hosts.items()}
    headroom = plan.headroom.model_copy(update={"regions": {"nowhere": 1.0}})
    changed = {"active_regions": (), "hosts": hosts, "headroom": headroom}
    edited = plan.model_copy(update=changed)
    found = faults(plan_text(edited), tmp_path / "plan.yaml")
    assert "active_regions: no region is active; plan again" in found
    assert any(text.startswith("headroom.regions.nowhere: no region 'nowhere'") for text in found)
    assert any("TW: no share leads anywhere; plan again" in text for text in found)


def test_a_plan_without_one_of_its_origins(plan: Plan, tmp_path: Path) -> None:
    hosts = {"api.example.com": dict(plan.hosts["api.example.com"])}
    del hosts["api.example.com"]["PH"]
    text = plan_text(plan.model_copy(update={"hosts": hosts}))
    expected = "hosts.api.example.com: nothing for the origin 'PH'; plan again"
    assert faults(text, tmp_path / "plan.yaml") == [expected]


def test_a_scenario_is_not_a_plan(tmp_path: Path) -> None:
    with pytest.raises(InvalidPlan) as caught:
        read_plan(SMALL)
    (fault,) = caught.value.faults
    assert (fault.message, fault.cure) == (
        "this is a scenario, not a plan",
        "run 'planner optimize' on it",
    )
    with pytest.raises(InvalidPlan, match="does not exist"):
        read_plan(tmp_path / "none.yaml")
