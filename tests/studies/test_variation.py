"""Variants: what is drawn, in which order, and what each path changes."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from planner.io.scenarios import read_scenario
from planner.io.variations import checked_variant
from planner.model.scenario import Scenario
from planner.model.variation import Distribution, Variation
from planner.problem.demand import demand_rps
from planner.studies.variation import drawn, variants

GOOD = Path(__file__).resolve().parents[1] / "data" / "good"


@pytest.fixture(scope="module")
def small() -> Scenario:
    return read_scenario(GOOD / "small.yaml")


def varied(scenario: Scenario, **grid: object) -> Scenario:
    """Return the only variant of a grid; ``__`` stands for a dot and ``all`` for a star."""
    paths = {k.replace("__", ".").replace("all", "*").replace("-", "_"): v for k, v in grid.items()}
    every = variants(scenario, Variation.model_validate({"grid": paths}))
    assert len(every) == 1
    return checked_variant(every.fields_of(1), "variant 1")


def test_the_grid_runs_over_every_combination_once(small: Scenario) -> None:
    grid = {"growth.share_year": [0.1, 0.2], "years_ahead": [0, 1, 2], "cost.preset": ["cost"]}
    every = variants(small, Variation.model_validate({"grid": grid}))
    found = [every.values(number) for number in range(1, len(every) + 1)]
    assert found == list(itertools.product([0.1, 0.2], [0, 1, 2], ["cost"]))
    assert len({every.key(number) for number in range(1, 7)}) == 6


def test_every_point_of_the_grid_sees_the_same_draws(small: Scenario) -> None:
    document = {
        "grid": {"policy.survive.regions": [0, 1]},
        "sample": {
            "count": 5,
            "seed": 3,
            "fields": {"demand_factor.*": {"set": {"uniform": {"low": 0.5, "high": 1.5}}}},
        },
    }
    every = variants(small, Variation.model_validate(document))
    assert len(every) == 10
    first, second = ([every.values(n + at)[1] for n in range(1, 6)] for at in (0, 5))
    assert first == second
    assert len(set(first)) == 5
    assert [every.values(n)[0] for n in (1, 5, 6, 10)] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ({"uniform": {"low": -1.0, "high": 3.0}}, stats.uniform(-1.0, 4.0)),
        ({"triangular": {"low": 1.0, "mode": 2.0, "high": 5.0}}, stats.triang(0.25, 1.0, 4.0)),
        ({"triangular": {"low": 1.0, "mode": 1.0, "high": 5.0}}, stats.triang(0.0, 1.0, 4.0)),
        ({"triangular": {"low": 1.0, "mode": 5.0, "high": 5.0}}, stats.triang(1.0, 1.0, 4.0)),
        ({"lognormal": {"median": 2.0, "sigma": 0.5}}, stats.lognorm(0.5, scale=2.0)),
    ],
)
def test_draws_follow_their_distribution(distribution: object, expected: object) -> None:
    values = drawn(Distribution.model_validate(distribution), "a", 4000, 5)
    assert stats.kstest(values, expected.cdf).pvalue > 0.01  # type: ignore[attr-defined]


def test_choices_are_equally_likely() -> None:
    values = drawn(Distribution(choice=("a", "b", "c")), "a", 3000, 5)
    assert min(values.count(name) for name in "abc") > 900


def test_more_draws_begin_with_the_same_and_names_have_streams_of_their_own() -> None:
    shape = Distribution.model_validate({"lognormal": {"median": 1.0, "sigma": 0.3}})
    assert drawn(shape, "a", 10, 1) == drawn(shape, "a", 1000, 1)[:10]
    assert drawn(shape, "a", 10, 1) != drawn(shape, "b", 10, 1)
    assert drawn(shape, "a", 10, 1) != drawn(shape, "a", 10, 2)


def test_demand_factors_multiply_what_the_problem_sees() -> None:
    """The scenario gives demand by users for some pairs and by table for others."""
    scenario = read_scenario(GOOD / "tables.yaml")
    before = demand_rps(scenario)
    after = demand_rps(varied(scenario, demand_factor__NA={"scale": [2.0]}))
    row = list(scenario.origins).index("NA")
    expected = before.copy()
    expected[:, row] *= 2.0
    np.testing.assert_allclose(after, expected)
    every = demand_rps(varied(scenario, demand_factor__all=[1.5]))
    np.testing.assert_allclose(every, 1.5 * before)


def test_years_ahead_grow_demand_and_move_the_month(small: Scenario) -> None:
    share = small.growth.share_year
    later = varied(small, years_ahead=[1.5])
    np.testing.assert_allclose(demand_rps(later), (1 + share) ** 1.5 * demand_rps(small))
    assert small.growth.from_month == "2027-01"
    assert later.growth.from_month == "2028-07"
    both = varied(small, years_ahead=[2], growth__share_year=[0.5])
    np.testing.assert_allclose(demand_rps(both), 2.25 * demand_rps(small))


def test_price_factors_reach_own_and_comparable_prices(small: Scenario) -> None:
    own = varied(small, price_factor__all={"scale": [1.5]})
    assert own.server_types["edge-16c"].cost_usd_month == 600.0
    taiwan = read_scenario("taiwan")
    cloud = varied(taiwan, price_factor__all={"scale": [2.0]})
    for name, kind in taiwan.server_types.items():
        assert cloud.server_types[name].comparable_share == 2.0 * kind.comparable_share


def test_failure_rate_factors_reach_both_ways_to_state_a_rate(small: Scenario) -> None:
    paths = {
        "regions.taipei.failure": [{"rate_per_year": 0.5, "mttr_h": 2.0}],
        "failure_rate_factor.regions.*": [2.0],
    }
    every = variants(small, Variation.model_validate({"grid": paths}))
    after = checked_variant(every.fields_of(1), "variant 1")
    assert after.regions["taipei"].failure.rate_per_year == 1.0
    before = small.regions["tokyo"].failure.failures_per_hour
    assert after.regions["tokyo"].failure.failures_per_hour == pytest.approx(2.0 * before)


def test_rtt_factors_address_pairs_of_regions_once(small: Scenario) -> None:
    every = variants(small, Variation.model_validate({"grid": {"rtt_factor.*.*": [1.1, 1.2]}}))
    origins, regions = len(small.origins), len(small.regions)
    pairs = regions * (regions - 1) // 2
    assert len(every.varied[0].paths) == origins * regions + pairs
    one = varied(small, rtt_factor__tokyo__taipei=[1.3])
    assert one.rtt_factor == {"taipei": {"tokyo": 1.3}}
    assert varied(small, rtt_factor__all__all=[1.0]).rtt_factor is None
    own = varied(small, rtt_ms__TW__taipei=[7.5])
    assert own.rtt_ms["TW"]["taipei"] == 7.5


def test_whole_numbers_stay_whole(small: Scenario) -> None:
    servers = small.regions["taipei"].pools["main"].servers
    assert servers == 2
    more = varied(small, regions__all__pools__main__servers={"scale": [1.4]})
    assert more.regions["tokyo"].pools["main"].servers == 3
    document = {
        "sample": {
            "count": 1,
            "fields": {"dns.ttl_s": {"set": {"uniform": {"low": 10, "high": 60}}}},
        }
    }
    every = variants(small, Variation.model_validate(document))
    ttl = checked_variant(every.fields_of(1), "variant 1").dns.ttl_s
    assert ttl == round(every.values(1)[0])


def test_two_factors_on_one_field_multiply(small: Scenario) -> None:
    grid = {"demand_factor.*": {"scale": [1.5]}, "demand_factor.TW": {"scale": [2.0]}}
    every = variants(small, Variation.model_validate({"grid": grid}))
    factors = every.fields_of(1)["demand_factor"]
    assert factors["TW"] == 3.0
    assert set(factors.values()) == {1.5, 3.0}


def test_a_variation_that_does_not_fit_is_refused(small: Scenario) -> None:
    with pytest.raises(ValueError, match="no field 'groth'"):
        variants(small, Variation.model_validate({"grid": {"groth.share_year": [0.1]}}))
