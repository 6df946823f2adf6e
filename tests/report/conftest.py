"""A plan and a problem made by hand on the small scenario."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from planner.geo import great_circle_km
from planner.io.scenarios import read_scenario
from planner.model.plan import (
    Cost,
    Headroom,
    OrderedShare,
    Plan,
    Proof,
    ServicePlan,
    WorstState,
)
from planner.model.scenario import Scenario, digest

SMALL = Path(__file__).resolve().parents[1] / "data" / "good" / "small.yaml"
REPLICAS = {
    "api": {"taipei": 5, "singapore": 3, "tokyo": 2},
    "orders": {"taipei": 2, "singapore": 1, "tokyo": 0},
}


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Close what a test has drawn."""
    yield
    plt.close("all")


def _service_plan(name: str, p95_ms: dict[str, float]) -> ServicePlan:
    replicas = REPLICAS[name]
    return ServicePlan(
        total=sum(replicas.values()),
        replicas=replicas,
        max_replicas=dict.fromkeys(replicas, 12),
        weights={"kubefed": replicas, "karmada": replicas},
        p95_ms={region: 100.0 + n for region, n in replicas.items() if n},
        origin_p95_ms=p95_ms,
    )


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return read_scenario(SMALL)


@pytest.fixture(scope="session")
def plan(scenario: Scenario) -> Plan:
    split = (
        OrderedShare(share=0.75, order=("tokyo", "taipei")),
        OrderedShare(share=0.25, order=("taipei", "tokyo")),
    )
    alone = {
        "TW": ("taipei", "tokyo"),
        "SG": ("singapore", "taipei"),
        "PH": ("taipei", "tokyo"),
    }
    shares = {o: (OrderedShare(share=1.0, order=order),) for o, order in alone.items()}
    p95_ms = {"TW": 60.0, "SG": 55.0, "JP": 70.0, "PH": 130.0}
    return Plan(
        scenario_digest=digest(scenario),
        scenario=scenario,
        steering="static",
        active_regions=("taipei", "singapore", "tokyo"),
        services={name: _service_plan(name, p95_ms) for name in REPLICAS},
        hosts={"api.example.com": {**shares, "JP": split}},
        cost=Cost(
            fixed_usd_month=750.0,
            replicas_usd_month=1000.0,
            latency_usd_month=250.0,
            lost_usd_month=0.5,
            mean_latency_ms=12.5,
            lost_requests_month=5000.0,
        ),
        proof=Proof(
            status="optimal", objective=2000.5, bound=2000.4, gap=5e-5, solver="by hand", seed=0
        ),
        headroom=Headroom(
            factor=1.25,
            regions={"taipei": 1.25, "singapore": 1.5, "tokyo": None},
            limited_by="CPU in taipei",
            month="2027-11",
        ),
        worst_state=WorstState(
            state="region taipei",
            unserved_share=0.0,
            p95_over_limit=0.9,
            cause="api, tokyo, 14 UTC",
        ),
    )


@pytest.fixture(scope="session")
def problem(scenario: Scenario) -> SimpleNamespace:
    """What the charts read of a problem: axes, round trips, demand."""
    origins, regions = list(scenario.origins.values()), list(scenario.regions.values())
    rtt_ms = 0.02 * np.array(
        [
            [
                great_circle_km(o.latitude_deg, o.longitude_deg, r.latitude_deg, r.longitude_deg)
                for r in regions
            ]
            for o in origins
        ]
    )
    axes = SimpleNamespace(origins=tuple(scenario.origins), regions=tuple(scenario.regions))
    demand_rps = np.array([[[40.0], [30.0], [20.0], [10.0]]])
    network = SimpleNamespace(region_rtt_ms=np.full((3, 3), 44.0))
    return SimpleNamespace(
        axes=axes, rtt_ms=rtt_ms, demand_rps=demand_rps, scenario=scenario, network=network
    )
