"""Pools, groups, cables and events as components, against loops over every subset of them."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.failures.components import Components, components
from planner.failures.known import FailureStates
from planner.failures.states import event_states, failure_states, sampled_states
from planner.io.scenarios import read_scenario
from planner.model.events import Event
from planner.model.failure import KINDS, Cables, Failure, Failures
from planner.model.scenario import Scenario
from planner.model.topology import Link, NodePool, RiskGroup


def rate(mtbf_h: float, mttr_h: float) -> Failure:
    return Failure(mtbf_h=mtbf_h, mttr_h=mttr_h)


def changed(scenario: Scenario, **parts: Any) -> Scenario:
    return scenario.model_copy(update=parts)


@pytest.fixture(scope="module")
def taiwan() -> Scenario:
    return read_scenario("taiwan")


@pytest.fixture(scope="module")
def rich(taiwan: Scenario) -> Scenario:
    """Two regions, one of them with two pools, and one of everything else, often down."""
    taipei, tokyo = taiwan.regions["taipei"], taiwan.regions["tokyo"]
    box = "dual-gold-6348"
    pools = {
        "old": NodePool(server_type=box, servers=2, failure=rate(5.0, 2.0)),
        "new": NodePool(server_type=box, servers=1),
    }
    event = {
        "duration_min": 90.0,
        "regions_down": ("tokyo",),
        "server_share": {"taipei": 0.5},
        "services_down": ("static",),
        "crowds": ({"origins": ("JP",), "factor": 3.0}, {"services": ("api",), "factor": 2.0}),
        "failure": {"rate_per_year": 400.0, "mttr_h": 1.5},
    }
    return changed(
        taiwan,
        regions={
            "taipei": taipei.model_copy(update={"pools": pools, "failure": rate(30.0, 3.0)}),
            "tokyo": tokyo.model_copy(
                update={"pools": {"edge": NodePool(server_type=box, servers=2)}}
            ),
        },
        links={
            "one": Link.model_validate(
                {"from": "taipei", "to": "tokyo", "risk_groups": ("power",)}
            ),
            "two": Link.model_validate(
                {"from": "taipei", "to": "tokyo", "failure": {"mtbf_h": 50.0, "mttr_h": 5.0}}
            ),
        },
        risk_groups={
            "power": RiskGroup(regions=("tokyo",), services=("orders",), failure=rate(40.0, 4.0))
        },
        failures=Failures(
            servers=rate(20.0, 2.0),
            cables=Cables(segments=("short", "long"), rate_per_1000km_year=50.0),
            control_plane=rate(60.0, 6.0),
        ),
        events={
            "crowd": Event.model_validate(event),
            "never": Event(duration_min=1.0, control_plane_down=True),
        },
    )


KM = {"short": 100.0, "long": 1000.0, "uncounted": 9.0}

Choice = tuple[str, float, dict[str, Any]]


def servers(pool: str, count: int, failure: Failure) -> list[Choice]:
    """What may become of a pool: nothing, or so many servers lost."""
    q = failure.unavailability_probability
    return [
        (
            f"{lost} of {count} servers of {pool} lost" if lost else "",
            math.comb(count, lost) * q**lost * (1 - q) ** (count - lost),
            {"pools": {pool: (count - lost) / count}},
        )
        for lost in range(count + 1)
    ]


def either(name: str, failure: Failure, **effect: Any) -> list[Choice]:
    q = failure.unavailability_probability
    return [("", 1 - q, {}), (name, q, effect)]


def loop(rich: Scenario) -> dict[str, tuple[float, dict[str, Any]]]:
    """Every state by its name: probability and what holds in it, by plain multiplication."""
    repair = {"repair_days": 20.0}
    blocks = [
        either("taipei down", rich.regions["taipei"].failure, regions={"taipei"}),
        either("tokyo down", rich.regions["tokyo"].failure, regions={"tokyo"}),
        servers("taipei/old", 2, rate(5.0, 2.0)),
        servers("taipei/new", 1, rate(20.0, 2.0)),
        servers("tokyo/edge", 2, rate(20.0, 2.0)),
        either(
            "power cut",
            rate(40.0, 4.0),
            regions={"tokyo"},
            services={"orders"},
            links={"one"},
            groups={"power"},
        ),
        either("link two down", rate(50.0, 5.0), links={"two"}),
        either("cable short cut", Failure(rate_per_year=5.0, **repair), segments={"short"}),
        either("cable long cut", Failure(rate_per_year=50.0, **repair), segments={"long"}),
        either("control plane down", rate(60.0, 6.0), control=True),
        either(
            "crowd",
            Failure(rate_per_year=400.0, mttr_h=1.5),
            regions={"tokyo"},
            services={"static"},
            pools={"taipei/old": 0.5, "taipei/new": 0.5},
            crowd=True,
        ),
    ]
    states = {}
    for choices in product(*blocks):
        lost = [name for name, _, _ in choices if name]
        name = ", ".join(lost) or "all up"
        name = name.replace("taipei down, tokyo down", "taipei + tokyo down")
        name = name.replace("cable short cut, cable long cut", "cable short + long cut")
        states[name] = (
            math.prod(p for _, p, _ in choices),
            merged([effect for _, _, effect in choices]),
        )
    return states


def merged(effects: list[dict[str, Any]]) -> dict[str, Any]:
    """What holds when all of these do."""
    whole: dict[str, Any] = {
        key: set().union(*(effect.get(key, set()) for effect in effects))
        for key in ("regions", "links", "services", "segments", "groups")
    }
    share = dict.fromkeys(("taipei/old", "taipei/new", "tokyo/edge"), 1.0)
    for effect in effects:
        for pool, left in effect.get("pools", {}).items():
            share[pool] *= left
    whole["pools"] = share
    for region, own in (("taipei", ["taipei/old", "taipei/new"]), ("tokyo", ["tokyo/edge"])):
        if all(share[pool] == 0 for pool in own):
            whole["regions"].add(region)
    whole["control"] = any(effect.get("control") for effect in effects)
    whole["crowd"] = any(effect.get("crowd") for effect in effects)
    return whole


@pytest.fixture(scope="module")
def everything(rich: Scenario) -> FailureStates:
    return failure_states(rich, order=20, kinds=KINDS, cable_km=KM)


def test_every_subset_of_every_kind_has_its_probability(
    rich: Scenario, everything: FailureStates
) -> None:
    expected = loop(rich)
    assert set(everything.names) == set(expected)
    assert len(everything.names) == len(expected) == 2**8 * 3 * 2 * 3
    for name, probability in zip(everything.names, everything.probability, strict=True):
        assert probability == pytest.approx(expected[name][0], rel=1e-11), name
    assert everything.covered_probability == pytest.approx(1.0, abs=1e-12)


def test_what_holds_in_a_state_is_what_a_loop_finds(
    rich: Scenario, everything: FailureStates
) -> None:
    expected, segments = loop(rich), ("long", "elsewhere", "short")
    cut, factor = everything.segments_down(segments), everything.demand_factor()
    japan, api = tuple(rich.origins).index("JP"), tuple(rich.services).index("api")
    assert factor is not None
    for k, name in enumerate(everything.names):
        found = expected[name][1]
        for names, up, key in (
            (everything.regions, everything.region_up, "regions"),
            (everything.links, everything.link_up, "links"),
            (everything.services, everything.service_up, "services"),
            (everything.risk_groups, everything.group_up, "groups"),
            (segments, ~cut, "segments"),
        ):
            assert {n for n, is_up in zip(names, up[k], strict=True) if not is_up} == found[key]
        share = dict(zip(everything.pools, everything.server_share[k], strict=True))
        assert share == pytest.approx(found["pools"])
        assert everything.control_up[k] == (not found["control"])
        assert factor[k, api, japan] == (6.0 if found["crowd"] else 1.0)
        assert factor[k, api, japan - 1] == (2.0 if found["crowd"] else 1.0)
        assert factor[k, api + 1, japan] == (3.0 if found["crowd"] else 1.0)


def test_only_states_of_promised_kinds_are_promised(rich: Scenario) -> None:
    policy = rich.policy.model_copy(
        update={"survive": rich.policy.survive.model_copy(update={"regions": 2})}
    )
    states = failure_states(changed(rich, policy=policy), order=3, kinds=KINDS, cable_km=KM)
    promised = {name for k, name in enumerate(states.names) if states.must_survive[k]}
    assert promised == {"all up", "taipei down", "tokyo down", "taipei + tokyo down"}


def test_rates_and_repair_times_agree_with_unavailability(rich: Scenario) -> None:
    parts = components(rich, KINDS, KM)
    expected = parts.events_per_year * parts.repair_h / 8760
    np.testing.assert_allclose(parts.unavailability, expected, rtol=1e-12)
    pool = [n for n, name in enumerate(parts.names) if name.endswith("of taipei/old")]
    q = 2 / 7
    both_up, each = (1 - q) ** 2, 1 / 5
    assert parts.events_per_year[pool[0]] == pytest.approx(8760 * both_up * 2 * each)
    assert parts.events_per_year[pool[1]] == pytest.approx(8760 * 2 * q * (1 - q) * each)


def test_a_large_pool_has_the_levels_that_matter(taiwan: Scenario) -> None:
    region = taiwan.regions["taipei"]
    pool = NodePool(server_type="dual-gold-6348", servers=400, failure=rate(90.0, 10.0))
    big = region.model_copy(update={"pools": {"main": pool}})
    parts = components(changed(taiwan, regions={"taipei": big}), ["pool"])
    assert len(parts) < 150
    mean = sum(
        float(p) * int(name.split()[0])
        for p, name in zip(parts.unavailability, parts.names, strict=True)
    )
    assert mean == pytest.approx(40.0, rel=1e-9)
    assert parts.unavailability.sum() == pytest.approx(1.0, abs=1e-9)
    assert np.unique(parts.block).tolist() == [0]


def test_no_server_fails_where_the_scenario_says_never(taiwan: Scenario) -> None:
    never = changed(taiwan, failures=Failures(servers=None, control_plane=None))
    assert set(components(never).kinds) == {"region", "risk_group"}
    linked = changed(taiwan, failures=Failures(links=rate(100.0, 1.0)))
    assert components(linked).kinds.count("link") == len(taiwan.links)


def test_cables_need_their_lengths(rich: Scenario) -> None:
    with pytest.raises(ValueError, match="`cable_km` must give the lengths"):
        components(rich)
    with pytest.raises(ValueError, match="`cable_km` must have the segment 'long'"):
        components(rich, cable_km={"short": 1.0})
    counted = changed(rich, failures=Failures(cables=Cables(segments="all")))
    assert components(counted, ["cable"], KM).names == tuple(KM)
    with pytest.raises(ValueError, match=r"`kinds` must be of region, .*, not 'moon'"):
        components(rich, ["moon"])  # type: ignore[list-item]


def test_sampled_frequencies_are_those_of_the_exact_states(
    rich: Scenario, everything: FailureStates
) -> None:
    samples = 200_000
    drawn = sampled_states(rich, samples, seed=5, cable_km=KM)
    exact = dict(zip(everything.names, everything.probability, strict=True))
    assert drawn.names[0] == "all up"
    assert drawn.probability.sum() == pytest.approx(1.0)
    assert drawn.samples == samples
    likely = 0
    found = dict(zip(drawn.names, drawn.probability, strict=True))
    for name, p in exact.items():
        error = math.sqrt(p * (1 - p) / samples)
        assert abs(found.get(name, 0.0) - p) < 5 * error + 3 / samples, name
        likely += p > 1e-3
    assert likely > 100
    assert (np.diff(drawn.probability[1:]) <= 0).all()


def test_the_same_seed_draws_the_same(rich: Scenario) -> None:
    one, same, other = (sampled_states(rich, 999, seed, cable_km=KM) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.down, same.down)
    np.testing.assert_array_equal(one.probability, same.probability)
    assert one.down.shape != other.down.shape or (one.down != other.down).any()


def test_all_up_is_there_even_if_it_was_never_drawn(taiwan: Scenario) -> None:
    down = changed(taiwan, failures=Failures(control_plane=rate(1e-4, 1e4)))
    states = sampled_states(down, 10, seed=1, kinds=["control_plane"])
    assert states.names == ("all up", "control plane down")
    assert states.probability.tolist() == [0.0, 1.0]
    for samples, seed, message in ((0, 1, "`samples` must be"), (1, -1, "`seed` must not")):
        with pytest.raises(ValueError, match=message):
            sampled_states(taiwan, samples, seed)


def test_an_event_is_replayed_with_others(taiwan: Scenario, rich: Scenario) -> None:
    states = event_states(taiwan, "tokyo-maintenance-and-taipei-down", also=["crowd-in-japan"])
    assert states.names == ("all up", "Taipei down while Tokyo is maintained, A crowd in Japan")
    assert states.region_up[1].tolist() == [False, True, False, True]
    assert states.probability.tolist() == [1.0, 0.0]
    assert states.must_survive.tolist() == [True, False]
    luzon = event_states(taiwan, "luzon-strait-2006")
    assert luzon.link_up[1].tolist() == [
        "luzon-strait" not in link.risk_groups for link in taiwan.links.values()
    ]
    assert luzon.demand_factor() is None
    assert event_states(rich, "crowd").probability[1] == pytest.approx(600 / (8760 + 600))
    assert not event_states(rich, "never").control_up[1]


@pytest.mark.parametrize(
    ("name", "also", "message"),
    [
        ("typhoon", (), "no event 'typhoon'; the scenario has: taipei-down, "),
        ("taipei-down", ("storm",), "no event 'storm'"),
        ("taipei-down", ("taipei-down",), "each event must be named once"),
    ],
)
def test_unknown_events_are_refused(
    taiwan: Scenario, name: str, also: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        event_states(taiwan, name, also=also)


def test_some_of_the_states_cover_less(everything: FailureStates) -> None:
    some = everything.take([0, 3, 2])
    assert some.names == tuple(everything.names[k] for k in (0, 3, 2))
    assert some.covered_probability == pytest.approx(everything.probability[[0, 2, 3]].sum())
    assert (some.region_up == everything.region_up[[0, 3, 2]]).all()
    with pytest.raises(ValueError, match="must begin with state 0"):
        everything.take([1, 2])


@settings(deadline=None, max_examples=40)
@given(
    pools=st.lists(st.tuples(st.integers(1, 4), st.floats(0.01, 3.0)), min_size=1, max_size=3),
    order=st.integers(0, 4),
    cutoff=st.sampled_from([0.0, 1e-4, 0.02, 0.2]),
)
def test_pruning_keeps_blocks_apart(
    taiwan: Scenario, pools: list[tuple[int, float]], order: int, cutoff: float
) -> None:
    region = taiwan.regions["taipei"].model_copy(
        update={
            "pools": {
                f"p{i}": NodePool(server_type="dual-gold-6348", servers=n, failure=rate(1.0, mttr))
                for i, (n, mttr) in enumerate(pools)
            }
        }
    )
    place = changed(taiwan, regions={"taipei": region})
    states = failure_states(place, order, cutoff, kinds=["pool"])
    by_hand = {
        tuple(lost): math.prod(
            math.comb(n, j) * (m / (1 + m)) ** j * (1 / (1 + m)) ** (n - j)
            for (n, m), j in zip(pools, lost, strict=True)
        )
        for lost in product(*(range(n + 1) for n, _ in pools))
    }
    kept = {
        lost: p
        for lost, p in by_hand.items()
        if not any(lost) or (sum(j > 0 for j in lost) <= order and p > cutoff)
    }
    found = dict(zip(lost_servers(states.components, states), states.probability, strict=True))
    assert found == pytest.approx(kept, rel=1e-10)


def lost_servers(parts: Components, states: FailureStates) -> list[tuple[int, ...]]:
    """How many servers of each pool are lost in each state."""
    lost = np.array([int(name.split()[0]) for name in parts.names])
    table = np.zeros((len(states), int(parts.block.max()) + 1), dtype=int)
    for n, block in enumerate(parts.block):
        table[:, block] += states.down[:, n] * lost[n]
    return [tuple(row) for row in table.tolist()]
