"""The Taiwan scenario as arrays: shapes, units, and figures recomputed from the files by hand."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from planner.failures.known import FailureStates
from planner.failures.states import failure_states
from planner.io.datasets import dataset_folder
from planner.io.scenarios import read_scenario
from planner.model.scenario import Scenario
from planner.problem.arrays import Problem
from planner.problem.build import build_problem

SMALL = Path(__file__).parent.parent / "data" / "good" / "small.yaml"
SERVICES, ORIGINS, REGIONS, HOURS = 3, 47, 4, 24


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario("taiwan")


@pytest.fixture(scope="module")
def states(scenario: Scenario) -> FailureStates:
    return failure_states(scenario)


@pytest.fixture(scope="module")
def problem(scenario: Scenario, states: FailureStates) -> Problem:
    return build_problem(scenario, states)


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    """The scenario file itself, read by plain YAML."""
    text = (dataset_folder() / "taiwan" / "scenario.yaml").read_text()
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def small(folder: Path, *changes: tuple[str, str]) -> Problem:
    """Build the small scenario with some of its text replaced."""
    text = SMALL.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "scenario.yaml"
    path.write_text(text)
    scenario = read_scenario(path)
    return build_problem(scenario, failure_states(scenario))


def test_axes_are_the_names_of_the_file(problem: Problem, raw: dict[str, Any]) -> None:
    axes = problem.axes
    assert axes.regions == tuple(raw["regions"])
    assert axes.services == tuple(raw["services"])
    assert axes.hosts == ("api.company.com", "static.company.com")
    assert problem.host_of_service.tolist() == [0, 0, 1]
    assert axes.hours == tuple(range(24))
    assert len(axes.origins) == ORIGINS
    assert axes.states[0] == "all up"


def test_shapes_are_those_of_the_docstring(problem: Problem) -> None:
    states = len(problem.axes.states)
    expected = {
        "demand_rps": (SERVICES, ORIGINS, HOURS),
        "rtt_ms": (ORIGINS, REGIONS),
        "state_rtt_ms": (states, ORIGINS, REGIONS),
        "latency_ms": (SERVICES, ORIGINS, REGIONS),
        "region_up": (states, REGIONS),
        "must_survive": (states,),
        "state_probability": (states,),
        "home_region": (states, SERVICES),
        "admissible": (SERVICES, ORIGINS, REGIONS),
        "state_admissible": (states, SERVICES, ORIGINS, REGIONS),
        "rps_per_replica": (SERVICES, REGIONS),
        "cpu_cores": (SERVICES,),
        "uplink_gbps": (REGIONS,),
        "min_replicas": (SERVICES, REGIONS),
        "max_replicas": (SERVICES, REGIONS),
        "pinned": (SERVICES, REGIONS),
        "cost_usd_month": (SERVICES, REGIONS),
        "fixed_cost_usd_month": (REGIONS,),
    }
    for name, shape in expected.items():
        assert getattr(problem, name).shape == shape, name


def test_no_array_can_be_written_to(problem: Problem) -> None:
    count = 0
    for noun in (problem, problem.pools, problem.queue, problem.network):
        for field in dataclasses.fields(noun):
            value = getattr(noun, field.name)
            if isinstance(value, np.ndarray):
                count += 1
                with pytest.raises(ValueError, match="read-only"):
                    value[...] = 0
    assert count > 35
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.usd_per_ms = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("service", "origin", "hour_utc"),
    [("api", "TW", 12), ("orders", "JP", 3), ("static", "IN", 17)],
)
def test_demand_is_users_times_propensity_times_curve(
    problem: Problem, raw: dict[str, Any], service: str, origin: str, hour_utc: int
) -> None:
    table = {row["origin"]: row for row in rows(dataset_folder() / "taiwan" / "origins.csv")}
    user = table[origin]
    users = float(user["internet_users"]) * float(user["propensity_share"])
    daily = users * raw["services"][service]["requests_per_user_day"]
    curve = {
        int(row["local_hour"]): float(row["relative_load"])
        for row in rows(dataset_folder() / "diurnal.csv")
        if row["curve"] == "weekday"
    }
    assert len(curve) == 24
    local = (hour_utc + float(user["utc_offset_h"])) % 24
    low = int(local)
    part = local - low
    load = curve[low] * (1 - part) + curve[(low + 1) % 24] * part
    expected = daily / 86_400 * 1.2 * load / (sum(curve.values()) / 24)
    axes = problem.axes
    at = axes.services.index(service), axes.origins.index(origin), hour_utc
    assert problem.demand_rps[at] == pytest.approx(expected, rel=1e-12)


def test_a_demand_table_replaces_the_formula(tmp_path: Path) -> None:
    table = "demand_rps:\n  api: {TW: [1.0, 2.0, 3.0, 4.5]}\n\npolicy:"
    changed, plain = small(tmp_path, ("\npolicy:", "\n" + table)), small(tmp_path)
    assert changed.demand_rps[0, 0].tolist() == [1, 2, 3, 4.5]
    assert (changed.demand_rps[0, 1:] == plain.demand_rps[0, 1:]).all()
    assert (changed.demand_rps[1] == plain.demand_rps[1]).all()


def test_rates_and_sizes_carry_their_units(problem: Problem, raw: dict[str, Any]) -> None:
    for s, service in enumerate(raw["services"].values()):
        rate = service["workers_per_replica"] * 1000 / service["service_time_ms"]
        assert problem.rps_per_replica[s] == pytest.approx(np.full(REGIONS, rate))
        assert problem.limit_ms[s] == service["objective"]["p95_ms"]
        assert problem.emergency_limit_ms[s] == service["objective"]["emergency_p95_ms"]
        assert problem.payload_kib[s] == service["payload_kib"]
    assert problem.cpu_cores.tolist() == [1, 2, 0.5]
    assert problem.memory_gib[0] == 2
    assert problem.uplink_gbps.tolist() == [r["uplink_gbps"] for r in raw["regions"].values()]
    assert problem.surge_replicas.tolist() == [
        s.get("surge_replicas", 1) for s in raw["services"].values()
    ]
    assert problem.ceiling_share[0] == 0.6
    assert set(problem.ceiling_share[1:].tolist()) == {0.8}


def test_milli_cpu_and_fractions_of_gib_are_read_exactly(tmp_path: Path) -> None:
    problem = small(tmp_path)
    assert problem.cpu_cores.tolist() == [2.0, 0.5]
    assert problem.memory_gib.tolist() == [4.0, 1.5]


def test_a_replica_costs_its_dominant_share_of_the_hardware(
    problem: Problem, raw: dict[str, Any]
) -> None:
    price = {
        (row["price_region"], row["item"]): float(row["price_usd"])
        for row in rows(dataset_folder() / "prices.csv")
        if row["term"] == "1 year" and row["unit"] == "server month"
    }
    for r, region in enumerate(raw["regions"].values()):
        (pool,) = region["pools"].values()
        kind = raw["server_types"][pool["server_type"]]
        each = price[region["price_region"], kind["comparable_cloud_type"]]
        each *= kind.get("comparable_share", 1.0)
        assert problem.pools.server_cost_usd_month[r] == pytest.approx(each)
        # The servers' number falls out: a share of the region's cores times the region's price.
        for s in range(SERVICES):
            share = max(
                problem.cpu_cores[s] / kind["cpu_cores"], problem.memory_gib[s] / kind["memory_gib"]
            )
            assert problem.cost_usd_month[s, r] == pytest.approx(share * each)
        assert problem.fixed_cost_usd_month[r] == region["fixed_cost_usd_month"]
    assert (problem.usd_per_ms, problem.usd_per_lost_request) == (100.0, 0.0001)


def test_after_the_loss_of_taipei_the_home_is_tokyo(problem: Problem) -> None:
    axes = problem.axes
    taipei, tokyo = axes.regions.index("taipei"), axes.regions.index("tokyo")
    lost = axes.states.index("taipei down")
    for service in ("api", "orders"):
        s = axes.services.index(service)
        assert problem.home_region[0, s] == taipei
        assert problem.home_region[lost, s] == tokyo
        rest = np.delete(problem.home_region[:, s], lost)
        assert (rest == taipei).all()
    assert (problem.home_region[:, axes.services.index("static")] == -1).all()


def test_latency_is_network_and_home_calls(problem: Problem, raw: dict[str, Any]) -> None:
    network, axes = problem.network, problem.axes
    jitter = float(network.jitter_factor @ network.jitter_share)
    o, r = axes.origins.index("US"), axes.regions.index("losangeles")
    mean = float(network.point_share[o] @ network.point_rtt_ms[o, :, r])
    assert mean == pytest.approx(problem.rtt_ms[o, r])
    for s, service in enumerate(raw["services"].values()):
        trips = 1 + service["new_connection_share"] * service["setup_round_trips"]
        home = service.get("home_share", 0.0) * network.region_rtt_ms[r, 0]
        assert problem.latency_ms[s, o, r] == pytest.approx(jitter * (mean * trips + home))


def test_states_are_promised_as_the_policy_says(problem: Problem, states: FailureStates) -> None:
    down = (~problem.region_up).sum(axis=1)
    assert (problem.must_survive == states.must_survive).all()
    assert problem.must_survive[down == 1].all()
    assert problem.must_survive[0]
    assert problem.state_probability == pytest.approx(states.probability)
    assert not (problem.state_admissible & ~problem.region_up[:, None, None, :]).any()
    assert (problem.state_admissible[0] == problem.admissible).all()


def test_detours_only_add(problem: Problem) -> None:
    assert (problem.state_rtt_ms >= problem.rtt_ms - 1e-9).all()
    whole = (problem.state_rtt_ms == problem.rtt_ms).all(axis=(1, 2))
    cut = [k for k, name in enumerate(problem.axes.states) if name.endswith("cut")]
    assert whole[0]
    assert not whole[cut].all(), "no cut corridor makes any path longer"


def test_residency_is_respected(tmp_path: Path) -> None:
    problem = small(tmp_path)
    axes = problem.axes
    orders, sg = axes.services.index("orders"), axes.origins.index("SG")
    tokyo = axes.regions.index("tokyo")
    assert not problem.state_admissible[:, orders, sg, tokyo].any()
    freed = small(tmp_path, ("    residency:\n      orders: [singapore, taipei]\n", ""))
    assert freed.admissible[orders, sg, tokyo]
    others = np.delete(problem.admissible[orders], sg, axis=0)
    assert (others == np.delete(freed.admissible[orders], sg, axis=0)).all()


def test_allowed_and_pinned_regions(tmp_path: Path) -> None:
    line = "    requests_per_user_day: 4.0\n"
    lists = "    allowed_regions: [taipei, singapore]\n    pinned_regions: [singapore]\n"
    problem = small(tmp_path, (line, line + lists))
    assert problem.max_replicas.tolist() == [[12, 12, 12], [12, 12, 0]]
    assert problem.pinned.tolist() == [[False] * 3, [False, True, False]]
    assert not problem.state_admissible[:, 1, :, 2].any()
    assert problem.admissible[0, :, 2].any()


def test_the_scenario_comes_before_every_estimate(tmp_path: Path) -> None:
    table = "rtt_ms:\n  TW: {tokyo: 41.5}\n  taipei: {tokyo: 36.0}\n\npolicy:"
    problem = small(tmp_path, ("\npolicy:", "\n" + table))
    assert problem.rtt_ms[0, 2] == pytest.approx(41.5)
    between = problem.network.region_rtt_ms
    assert between[0, 2] == between[2, 0] == 36.0
    assert (between[0, 1], between[1, 2]) == (50.0, 70.0)


def test_a_preset_can_be_replaced_by_figures(tmp_path: Path) -> None:
    figures = "{preset: null, usd_per_ms: 7.0, usd_per_lost_request: 0.5, cost_factor: 2.0}"
    dear = small(tmp_path, ("cost:\n  preset: balanced", f"cost: {figures}"))
    plain = small(tmp_path)
    assert (dear.usd_per_ms, dear.usd_per_lost_request) == (7.0, 0.5)
    assert dear.cost_usd_month == pytest.approx(2 * plain.cost_usd_month)
    assert dear.fixed_cost_usd_month == pytest.approx(2 * plain.fixed_cost_usd_month)
