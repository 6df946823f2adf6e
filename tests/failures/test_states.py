"""Failure states against every subset of what may fail."""

from __future__ import annotations

import math
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.failures.components import components
from planner.failures.known import FailureStates
from planner.failures.states import failure_states
from planner.model.scenario import Scenario

Figures = tuple[float, float]
DAY = (1000.0, 24.0)


def scenario(
    regions: dict[str, Figures],
    groups: dict[str, Figures] | None = None,
    links: dict[str, tuple[tuple[str, ...], Figures | None]] | None = None,
    /,
    **survive: int,
) -> Scenario:
    """The least scenario with these components; links join the first two regions."""

    def failure(figures: Figures) -> dict[str, float]:
        return {"mtbf_h": figures[0], "mttr_h": figures[1]}

    names = list(regions)
    region = {
        "country": "TW",
        "latitude_deg": 25.0,
        "longitude_deg": 121.5,
        "ingress_addresses": ("192.0.2.1",),
        "uplink_gbps": 1.0,
        "pools": {"all": {"server_type": "box", "servers": 1}},
    }
    service = {
        "image": "api",
        "host": "api.company.com",
        "cpu": "1",
        "memory": "1Gi",
        "workers_per_replica": 1,
        "service_time_ms": 10.0,
        "payload_kib": 1.0,
        "requests_per_user_day": 1.0,
        "objective": {"p95_ms": 100.0, "emergency_p95_ms": 100.0},
    }
    origin = {
        "name": "Taiwan",
        "country": "TW",
        "latitude_deg": 23.7,
        "longitude_deg": 121.0,
        "internet_users": 1.0,
        "propensity_share": 1.0,
        "utc_offset_h": 8.0,
    }
    return Scenario.model_validate(
        {
            "scenario": "small",
            "namespace": "prod-api",
            "server_types": {"box": {"cpu_cores": 8.0, "memory_gib": 8.0}},
            "regions": {
                name: {**region, "cluster": name, "failure": failure(figures)}
                for name, figures in regions.items()
            },
            "risk_groups": {
                name: {"failure": failure(figures)} for name, figures in (groups or {}).items()
            },
            "links": {
                name: {
                    "from": names[0],
                    "to": names[1],
                    "risk_groups": members,
                    "failure": failure(figures) if figures else None,
                }
                for name, (members, figures) in (links or {}).items()
            },
            "services": {"api": service},
            "origins": {"TW": origin},
            "policy": {"survive": survive},
            "federation": {"host_region": names[0]},
            "dns": {
                "zone": "company.com",
                "name_servers": ("ns1.company.com",),
                "hostmaster": "hostmaster.company.com",
            },
        }
    )


def mixed(**survive: int) -> Scenario:
    """Three regions, two risk groups, three links of which one fails on its own."""
    return scenario(
        {"taipei": (900.0, 4.0), "tokyo": (1000.0, 6.0), "singapore": (800.0, 2.0)},
        {"luzon-strait": (87600.0, 720.0), "power": DAY},
        {
            "taipei-tokyo": (("power",), (5000.0, 100.0)),
            "taipei-singapore": (("luzon-strait", "power"), None),
            "tokyo-singapore": ((), None),
        },
        **survive,
    )


def down(states: FailureStates, k: int) -> frozenset[str]:
    """Names of the regions and groups that are down in one state."""
    regions = np.array(states.regions)[~states.region_up[k]]
    groups = np.array(states.risk_groups)[~states.group_up[k]]
    return frozenset(chain(regions.tolist(), groups.tolist()))


def test_all_subsets_have_the_probability_of_the_definition_and_fill_the_whole() -> None:
    states = failure_states(mixed(), order=6)
    unavailability = {
        "taipei": 4 / 904,
        "tokyo": 6 / 1006,
        "singapore": 2 / 802,
        "luzon-strait": 720 / 88320,
        "power": 24 / 1024,
        "link taipei-tokyo": 100 / 5100,
    }
    expected = {}
    for size in range(7):
        for lost in combinations(unavailability, size):
            expected[frozenset(lost)] = math.prod(
                q if name in lost else 1 - q for name, q in unavailability.items()
            )
    found = {}
    for k, name in enumerate(states.names):
        lost_link = {"link taipei-tokyo"} if "link taipei-tokyo" in name else set()
        found[down(states, k) | lost_link] = states.probability[k]
    assert found.keys() == expected.keys()
    assert found == {lost: pytest.approx(p, rel=1e-12) for lost, p in expected.items()}
    assert states.covered_probability == pytest.approx(1.0, abs=1e-12)
    assert states.uncovered_probability == pytest.approx(0.0, abs=1e-12)


def test_links_fall_with_their_risk_groups_and_themselves_but_not_with_regions() -> None:
    states = failure_states(mixed(), order=6)
    group_up = dict(zip(states.risk_groups, states.group_up.T, strict=True))
    own = np.array(["link taipei-tokyo" in name for name in states.names])
    expected = {
        "taipei-tokyo": group_up["power"] & ~own,
        "taipei-singapore": group_up["power"] & group_up["luzon-strait"],
        "tokyo-singapore": np.ones(len(states), dtype=bool),
    }
    for name, up in zip(states.links, states.link_up.T, strict=True):
        np.testing.assert_array_equal(up, expected[name])


@pytest.mark.parametrize("order", range(7))
def test_the_number_of_states_is_that_of_the_combinations(order: int) -> None:
    states = failure_states(mixed(), order=order)
    assert len(states) == sum(math.comb(6, size) for size in range(order + 1))
    assert len(set(states.names)) == len(states)
    assert states.covered_probability + states.uncovered_probability == 1.0
    assert states.covered_probability == pytest.approx(states.probability.sum())


def test_states_stand_by_decreasing_probability_and_ties_by_component() -> None:
    states = failure_states(
        scenario(dict.fromkeys(("tokyo", "taipei", "singapore", "osaka"), DAY)), order=3
    )
    assert states.names[:6] == (
        "all up",
        "tokyo down",
        "taipei down",
        "singapore down",
        "osaka down",
        "tokyo + taipei down",
    )
    lost = [np.flatnonzero(row).tolist() for row in states.down]
    keys = list(zip(-states.probability, map(len, lost), lost, strict=True))
    assert keys[1:] == sorted(keys[1:])
    assert len(set(states.probability.tolist())) == 4


def test_everything_up_is_first_even_where_it_is_unlikely() -> None:
    states = failure_states(scenario({"a": (1.0, 9.0), "b": (1.0, 4.0)}))
    assert states.names == ("all up", "a down", "b down")
    np.testing.assert_allclose(states.probability, [0.02, 0.18, 0.08])
    assert failure_states(scenario({"a": (1.0, 9.0), "b": (1.0, 4.0)}), order=2).names[1] == (
        "a + b down"
    )


@pytest.mark.parametrize(
    ("survive", "count"),
    [
        ({}, 1),
        ({"regions": 1}, 1 + 3),
        ({"regions": 2}, 1 + 3 + 3),
        ({"risk_groups": 1}, 1 + 2),
        ({"regions": 1, "risk_groups": 1}, (1 + 3) * (1 + 2)),
        ({"regions": 1, "risk_groups": 2, "links": 2}, (1 + 3) * (1 + 2 + 1) * (1 + 1)),
    ],
)
def test_a_state_is_promised_if_each_kind_keeps_its_own_promise(
    survive: dict[str, int], count: int
) -> None:
    states = failure_states(mixed(**survive), order=6)
    promised = {kind: survive.get(kind, 0) for kind in ("regions", "risk_groups", "links")}
    for k, name in enumerate(states.names):
        kept = (
            (~states.region_up[k]).sum() <= promised["regions"]
            and (~states.group_up[k]).sum() <= promised["risk_groups"]
            and ("link taipei-tokyo" in name) <= promised["links"]
        )
        assert states.must_survive[k] == kept, name
    assert states.must_survive[0]
    assert states.must_survive.sum() == count


def test_the_default_order_is_what_is_promised_and_at_least_one() -> None:
    assert len(failure_states(mixed())) == 1 + 6
    assert len(failure_states(mixed(regions=1))) == 1 + 6
    assert len(failure_states(mixed(regions=1, risk_groups=1))) == 1 + 6 + 15


def test_promised_states_stay_whatever_the_order_and_the_cutoff() -> None:
    states = failure_states(mixed(regions=2), order=0, cutoff_probability=0.5)
    assert states.must_survive.all()
    assert len(states) == 1 + 3 + 3
    assert states.uncovered_probability > 0.02


def test_names_say_what_is_down() -> None:
    names = failure_states(mixed(), order=6).names
    assert "taipei + tokyo down" in names
    assert "luzon-strait cut" in names
    assert "taipei down, luzon-strait + power cut, link taipei-tokyo down" in names


@settings(deadline=None, max_examples=60)
@given(
    figures=st.lists(st.tuples(st.floats(0.1, 1e4), st.floats(0.1, 1e3)), min_size=1, max_size=7),
    order=st.integers(0, 7),
    cutoff=st.sampled_from([0.0, 1e-6, 1e-3, 0.05, 0.3]),
)
def test_pruning_loses_nothing_that_exceeds_the_cutoff(
    figures: list[Figures], order: int, cutoff: float
) -> None:
    regions = {f"r{i}": pair for i, pair in enumerate(figures)}
    everything = failure_states(scenario(regions), order=order)
    cut = failure_states(scenario(regions), order=order, cutoff_probability=cutoff)
    keep = (everything.probability > cutoff) | (np.arange(len(everything)) == 0)
    assert cut.names == tuple(np.array(everything.names)[keep].tolist())
    np.testing.assert_array_equal(cut.probability, everything.probability[keep])


def test_arrays_cannot_be_written() -> None:
    states = failure_states(mixed())
    for name in ("region_up", "link_up", "group_up", "probability", "must_survive"):
        assert not getattr(states, name).flags.writeable


def test_the_table_shows_states_and_promises() -> None:
    table = failure_states(mixed(regions=1)).table
    assert table.index[0] == "all up"
    assert table.loc[["taipei down", "power cut"], "must_survive"].tolist() == [True, False]


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="`order` must not be negative"):
        failure_states(mixed(), order=-1)
    for cutoff in (-0.1, 1.0, math.nan):
        with pytest.raises(ValueError, match=r"`cutoff_probability` must be in \[0, 1\)"):
            failure_states(mixed(), cutoff_probability=cutoff)
    many = scenario({f"r{i}": DAY for i in range(60)})
    count = sum(math.comb(60, size) for size in range(6))
    cure = "lower `order`, raise `cutoff_probability`"
    with pytest.raises(ValueError, match=f"^{count:,} failure states are more than .*; {cure}"):
        failure_states(many, order=5)
    with pytest.raises(ValueError, match=r"^at least [0-9,]+ failure states are more than"):
        failure_states(many, order=6, cutoff_probability=1e-12)
    assert len(failure_states(many, order=5, cutoff_probability=1e-3)) < 200
    with pytest.raises(ValueError, match=r"^promised [0-9,]+ failure states are more than"):
        failure_states(scenario({f"r{i}": DAY for i in range(300)}, regions=3))


def test_a_link_with_an_unknown_risk_group_is_refused() -> None:
    wrong = scenario({"a": DAY, "b": DAY}, {}, {"a-b": (("moon",), None)})
    with pytest.raises(ValueError, match=r"`a-b` must name known risk groups, not \['moon'\]"):
        components(wrong)
