"""What failure states change: against loops, and against networkx on cables and on tunnels."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest

from planner.failures.known import FailureStates
from planner.failures.states import event_states, failure_states
from planner.geo import great_circle_km
from planner.io.datasets import read_table
from planner.io.scenarios import read_scenario
from planner.model.events import Degradation, Event
from planner.model.failure import KINDS, Cables, Failures
from planner.model.scenario import Scenario
from planner.model.topology import RiskGroup
from planner.model.workload import Origin
from planner.problem.admissibility import PROMISED_PROBABILITY, Requests, late_probability
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.problem.cables import cable_lengths_km, cables_in_service
from planner.problem.conditions import Conditions, Tunnels
from planner.problem.sizes import refuse_paths


@pytest.fixture(scope="module")
def taiwan() -> Scenario:
    return read_scenario("taiwan")


def changed(scenario: Scenario, **parts: Any) -> Scenario:
    return scenario.model_copy(update=parts)


def with_event(scenario: Scenario, **event: Any) -> tuple[Scenario, FailureStates]:
    """The scenario with one event, and its two states."""
    happening = Event.model_validate({"duration_min": 1.0, **event})
    given = changed(scenario, events={"it": happening})
    return given, event_states(given, "it")


def conditions(problem: Problem) -> Conditions:
    assert problem.conditions is not None
    return problem.conditions


def tunnels(problem: Problem) -> Tunnels:
    found = conditions(problem).tunnels
    assert found is not None
    return found


def test_reachable_is_what_a_loop_finds(taiwan: Scenario) -> None:
    first, second, *_ = taiwan.origins
    origins = dict(taiwan.origins)
    origins[second] = origins[second].model_copy(update={"residency": {"api": ("tokyo",)}})
    orders = taiwan.services["orders"].model_copy(update={"allowed_regions": ("taipei", "tokyo")})
    group = RiskGroup.model_validate(
        {"services": ("static",), "regions": ("tokyo",), "failure": {"mtbf_h": 10, "mttr_h": 1}}
    )
    given = changed(
        taiwan,
        origins=origins,
        services={**taiwan.services, "orders": orders},
        risk_groups={**taiwan.risk_groups, "roll-out": group},
    )
    states = failure_states(given, 2)
    problem = build_problem(given, states)
    reachable = conditions(problem).reachable
    for k, name in enumerate(states.names):
        for s, (service, wanted) in enumerate(given.services.items()):
            for r, region in enumerate(given.regions):
                up = states.region_up[k, r] and not (service == "static" and "roll-out" in name)
                up &= region in (wanted.allowed_regions or given.regions)
                for o, (code, origin) in enumerate(given.origins.items()):
                    if code not in (first, second, "SG", "US"):
                        continue
                    allowed = region in origin.residency.get(service, given.regions)
                    path = np.isfinite(problem.state_rtt_ms[k, o, r])
                    assert reachable[k, s, o, r] == (up and allowed and path), name
    gone = [k for k, name in enumerate(states.names) if "roll-out" in name]
    assert not problem.state_admissible[gone, 2].any()
    assert problem.state_admissible[gone[0], 0].any()
    assert np.isinf(problem.state_rtt_ms).any(), "no state parts anybody: the test tests less"


def metro_of(graph: Any, latitude: float, longitude: float) -> str | None:
    away = great_circle_km(latitude, longitude, graph.latitude_deg, graph.longitude_deg)
    return graph.metros[int(away.argmin())] if away.min() <= 4000 else None


def test_degraded_corridors_hit_the_paths_that_run_through_them(taiwan: Scenario) -> None:
    """Single points, so that a path is one path; networkx finds what it crosses."""
    origins = {
        code: Origin.model_validate(
            {
                "name": code,
                "country": code,
                "latitude_deg": where[0],
                "longitude_deg": where[1],
                "internet_users": 1.0,
                "propensity_share": 1.0,
                "utc_offset_h": 0.0,
            }
        )
        # Far from their countries' label points, so each is one point.
        for code, where in {
            "PH": (14.6, 121.0),
            "VN": (10.8, 106.7),
            "JP": (34.7, 135.5),
            "ID": (-6.2, 106.8),
            "IS": (64.1, -21.9),
            "HK": (20.0, 110.0),
        }.items()
    }
    hurt = ("singapore-strait", "south-china-sea")
    part = {"corridors": hurt, "extra_rtt_ms": 120.0, "loss_share": 0.15, "capacity_share": 0.4}
    given, states = with_event(changed(taiwan, origins=origins, rtt_ms={}), degraded=(part,))
    problem = build_problem(given, states)
    found = conditions(problem)
    assert found.loss_share is not None
    assert found.uplink_share is not None
    graph = cables_in_service()
    cables = graph.networkx()
    ends = {
        name: metro_of(graph, r.latitude_deg, r.longitude_deg) for name, r in given.regions.items()
    }

    def through(a: str | None, b: str | None) -> bool:
        if a is None or b is None or a == b or not nx.has_path(cables, a, b):
            return False
        path = nx.shortest_path(cables, a, b, weight="rtt_ms")
        edges = (
            min(cables[x][y].values(), key=lambda edge: edge["rtt_ms"]) for x, y in pairwise(path)
        )
        return any(set(hurt) & set(edge["corridors"]) for edge in edges)

    crossing = np.array(
        [
            [
                through(metro_of(graph, o.latitude_deg, o.longitude_deg), ends[region])
                for region in given.regions
            ]
            for o in origins.values()
        ]
    )
    assert crossing.any()
    assert not crossing.all()
    extra = problem.state_rtt_ms[1] - problem.state_rtt_ms[0]
    np.testing.assert_allclose(extra, np.where(crossing, 120.0, 0.0), atol=1e-9)
    np.testing.assert_allclose(found.loss_share[1], np.where(crossing, 0.15, 0.0))
    np.testing.assert_allclose(found.uplink_share[1], np.where(crossing, 0.4, 1.0))
    assert (found.loss_share[0] == 0).all()
    assert (found.uplink_share[0] == 1).all()
    over = tunnels(problem)
    for name, link in given.links.items():
        n = over.links.index(name)
        bad = through(ends[link.from_region], ends[link.to_region])
        share = 1 - (1 - 0.0005) * (0.85 if bad else 1.0)
        assert over.loss_share[1, n] == pytest.approx(share), name
        assert link.capacity_gbps is not None
        assert over.capacity_gbps[1, n] == pytest.approx(link.capacity_gbps * (0.4 if bad else 1))


def test_a_link_that_is_named_and_lies_in_the_corridor_is_degraded_once(taiwan: Scenario) -> None:
    both = Degradation(
        corridors=("singapore-strait",), links=("taipei-singapore",), extra_rtt_ms=30.0
    )
    policy = taiwan.policy.model_copy(update={"relay_margin_ms": None})
    given, states = with_event(changed(taiwan, policy=policy), degraded=(both,))
    rtt = build_problem(given, states).state_region_rtt_ms
    assert rtt is not None
    assert rtt[1, 0, 1] - rtt[0, 0, 1] == pytest.approx(30.0)


def plain_overlay(scenario: Scenario, problem: Problem, states: FailureStates, k: int) -> Any:
    """Round trips over tunnels of one state, by networkx."""
    names = list(scenario.regions)
    public = problem.network.region_rtt_ms
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    graph.add_nodes_from(names)
    up = {name for r, name in enumerate(names) if states.region_up[k, r]}
    for n, (name, link) in enumerate(scenario.links.items()):
        if states.link_up[k, n] and {link.from_region, link.to_region} <= up:
            a, b = names.index(link.from_region), names.index(link.to_region)
            rtt = link.rtt_ms if link.rtt_ms is not None else float(public[a, b])
            graph.add_edge(link.from_region, link.to_region, name, rtt=rtt)
    margin = scenario.policy.relay_margin_ms
    out = np.full((len(names), len(names)), np.inf)
    for a, one in enumerate(names):
        way = nx.single_source_dijkstra_path_length(graph, one, weight="rtt")
        for b, other in enumerate(names):
            direct = min(
                (edge["rtt"] for edge in graph[one].get(other, {}).values()),
                default=np.inf,
            )
            found = way.get(other, np.inf)
            worth = margin is not None and found + margin < direct
            out[a, b] = found if worth or np.isinf(direct) else direct
        out[a, a] = 0.0
    return out


@pytest.mark.parametrize("margin", [None, 0.0, 10.0])
def test_calls_between_regions_take_the_tunnels_that_are_up(
    taiwan: Scenario, margin: float | None
) -> None:
    # No corridor, so that nothing is added to round trips, and a link that is worth relaying.
    groups = {
        name: group.model_copy(update={"corridor": None})
        for name, group in taiwan.risk_groups.items()
    }
    links = dict(taiwan.links)
    links["taipei-singapore"] = links["taipei-singapore"].model_copy(update={"rtt_ms": 115.0})
    policy = taiwan.policy.model_copy(update={"relay_margin_ms": margin})
    given = changed(taiwan, risk_groups=groups, links=links, policy=policy)
    states = failure_states(given, 2)
    problem = build_problem(given, states)
    over = tunnels(problem)
    assert problem.state_region_rtt_ms is not None
    parted = 0
    for k in range(len(states)):
        expected = plain_overlay(given, problem, states, k)
        np.testing.assert_allclose(over.rtt_ms[k], expected, rtol=1e-12)
        up = states.region_up[k]
        both = np.ix_(up, up)
        np.testing.assert_allclose(problem.state_region_rtt_ms[k][both], expected[both])
        parted += int(np.isinf(expected[both]).any())
        down = ~states.link_up[k]
        assert (over.capacity_gbps[k][down] == 0).all()
    assert parted > 0
    relayed = [text for text in problem.warnings if "go through" in text]
    if margin is None:
        assert relayed == []
    else:
        assert relayed == [
            "calls between taipei and singapore go through tokyo: 109 ms instead of 115"
        ] * (margin == 0.0)


def test_pairs_that_no_link_joins_keep_the_public_path(taiwan: Scenario) -> None:
    some = {name: taiwan.links[name] for name in ("taipei-tokyo", "singapore-tokyo")}
    given = changed(taiwan, links=some)
    problem = build_problem(given, failure_states(given))
    rtt, public = problem.state_region_rtt_ms, problem.network.region_rtt_ms
    assert rtt is not None
    names = list(given.regions)
    taipei, singapore, tokyo, angeles = (
        names.index(x) for x in ("taipei", "singapore", "tokyo", "losangeles")
    )
    assert rtt[0, taipei, angeles] == public[taipei, angeles]
    through = public[taipei, tokyo] + public[tokyo, singapore]
    assert rtt[0, taipei, singapore] == pytest.approx(through)
    assert np.isinf(tunnels(problem).rtt_ms[0, taipei, angeles])
    text = "; ".join(problem.warnings)
    assert "no links join taipei and losangeles: calls between them take the public" in text
    assert "no link joins taipei and singapore: calls between them are relayed in 109 ms" in text
    none = build_problem(changed(taiwan, links={}), failure_states(taiwan))
    assert conditions(none).tunnels is None
    assert none.state_region_rtt_ms is not None
    assert (none.state_region_rtt_ms[0] == none.network.region_rtt_ms).all()


def test_single_cables_are_cut_one_by_one(taiwan: Scenario) -> None:
    graph = cables_in_service()
    cables = graph.networkx()
    lost = ("eac-c2c-tpe-hkg", "sjc2-tpe-hkg", "smw3-tpe-hkg")
    given, states = with_event(taiwan, cables_cut=lost)
    problem = build_problem(given, states)
    before = nx.shortest_path_length(cables, "TPE", "HKG", weight="rtt_ms")
    cables.remove_edges_from([e for e in cables.edges(keys=True) if e[2] in lost])
    after = nx.shortest_path_length(cables, "TPE", "HKG", weight="rtt_ms")
    hong_kong = problem.axes.origins.index("HK")
    added = problem.state_rtt_ms[1, hong_kong, 0] - problem.state_rtt_ms[0, hong_kong, 0]
    assert added == pytest.approx(after - before)
    assert added > 1.0


def test_servers_crowds_and_the_control_plane(taiwan: Scenario) -> None:
    crowd = {"origins": ("JP",), "factor": 3.0}
    given, states = with_event(
        taiwan, server_share={"tokyo": 0.5}, crowds=(crowd,), control_plane_down=True
    )
    found = conditions(build_problem(given, states))
    assert found.server_share is not None
    assert found.demand_factor is not None
    assert found.server_share[1].tolist() == [1.0, 1.0, 0.5, 1.0]
    japan = list(given.origins).index("JP")
    assert found.demand_factor[1, :, japan].tolist() == [3.0] * 3
    assert found.demand_factor[1].sum() == pytest.approx(found.demand_factor[0].sum() + 6)
    assert found.control_up.tolist() == [True, False]
    host, states = with_event(taiwan, regions_down=("taipei",))
    assert conditions(build_problem(host, states)).control_up.tolist() == [True, False]
    other, states = with_event(taiwan, regions_down=("tokyo",))
    quiet = conditions(build_problem(other, states))
    assert quiet.control_up.all()
    assert (
        quiet.server_share is quiet.demand_factor is quiet.loss_share is quiet.uplink_share is None
    )


def test_states_are_judged_as_if_one_by_one(taiwan: Scenario) -> None:
    """Equal questions are asked once; here each is asked for itself."""
    failures = Failures(cables=Cables(segments="all"))
    given = changed(taiwan, failures=failures)
    states = failure_states(given, 1, kinds=KINDS, cable_km=cable_lengths_km(given))
    pairs = failure_states(given, 2)
    for some in (states, pairs):
        problem = build_problem(given, some)
        network = problem.network
        requests = Requests(
            problem.queue, problem.home_share, problem.rps_per_replica, problem.min_replicas
        )
        graph_extra = problem.state_rtt_ms - problem.rtt_ms
        single = [o for o in range(len(given.origins)) if network.point_share[o].max() == 1.0]
        assert len(single) > 3
        for k in range(0, len(some), 3):
            point = network.point_rtt_ms[single] + graph_extra[k, single, None, :]
            limits = problem.limit_ms if k == 0 else problem.emergency_limit_ms
            for s in range(len(given.services)):
                late = late_probability(
                    _of(network, single),
                    requests,
                    s,
                    float(limits[s]),
                    float(problem.ceiling_share[k]),
                    int(problem.home_region[k, s]),
                    point,
                    problem.region_rtt_ms(k),
                )
                kept = (late <= 1 - PROMISED_PROBABILITY + 1e-12) & some.region_up[k]
                np.testing.assert_array_equal(problem.state_admissible[k, s, single], kept)


def _of(network: Any, origins: list[int]) -> Any:
    """The network of some origins."""
    return type(network)(
        **{
            **vars(network),
            "point_rtt_ms": network.point_rtt_ms[origins],
            "point_share": network.point_share[origins],
        }
    )


def test_what_would_not_fit_is_refused(taiwan: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    states = failure_states(taiwan, 2)
    monkeypatch.setattr("planner.problem.sizes.MOST_BYTES", 1e5)
    message = r"^79 failure states of 3 services, 47 origins and 4 regions would take .* GB.*lower"
    with pytest.raises(ValueError, match=message):
        build_problem(taiwan, states)
    with pytest.raises(ValueError, match="100 failure states with different paths from 282"):
        refuse_paths(100, 282, 4)


def test_services_that_vary_too_much_are_named(taiwan: Scenario) -> None:
    wild = taiwan.services["api"].model_copy(update={"service_cv2": 9.0})
    given = changed(taiwan, services={**taiwan.services, "api": wild})
    problem = build_problem(given, failure_states(given))
    assert any("'api'" in text and "9" in text for text in problem.warnings)


def test_users_of_some_cities_are_cut_off_and_others_are_not(taiwan: Scenario) -> None:
    """Ho Chi Minh City keeps Singapore without the trunk, Hanoi does not."""
    scenario, states = with_event(taiwan, risk_groups_cut=("south-china-sea",))
    problem = build_problem(scenario, states)
    graph, network = cables_in_service(), problem.network
    vietnam, singapore = list(taiwan.origins).index("VN"), list(taiwan.regions).index("singapore")
    cities = read_table("cities").query("country == 'VN'")
    alone, place = nx.Graph(), {m: n for n, m in enumerate(graph.metros)}
    alone.add_nodes_from(graph.metros)
    for a, b, segment in graph.networkx().edges(keys=True):
        row = graph.segments.index(segment)
        if not graph.runs_through[row, graph.corridors.index("south-china-sea")]:
            alone.add_edge(a, b)
    lost = 0.0
    for point, share in enumerate(network.point_share[vietnam]):
        if share == 0:
            continue
        city = cities.iloc[point]
        km = [
            float(great_circle_km(city.latitude_deg, city.longitude_deg, lat, lon))
            for lat, lon in zip(graph.latitude_deg, graph.longitude_deg, strict=True)
        ]
        near = [m for m in graph.metros if km[place[m]] <= 1.25 * min(km)]
        lost += share * (not any(nx.has_path(alone, metro, "SIN") for metro in near))
    found = conditions(problem).cut_share
    assert found is not None
    assert 0.1 < lost < 0.9
    assert found[1, vietnam, singapore] == pytest.approx(lost)
    assert np.isfinite(problem.state_rtt_ms[1, vietnam, singapore])
