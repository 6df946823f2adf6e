"""Factors on round trips: exact where they slow, bounded by light where they quicken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from planner.errors import InvalidScenario
from planner.failures.states import failure_states
from planner.geo import fibre_floor_ms, great_circle_km
from planner.io.scenarios import read_scenario
from planner.model.scenario import Scenario, digest, normalised
from planner.problem.roundtrips import RoundTrips, round_trips

SMALL = Path(__file__).resolve().parents[1] / "data" / "good" / "small.yaml"


def trips(scenario: Scenario, **factors: dict[str, float]) -> RoundTrips:
    changed = scenario.model_copy(update={"rtt_factor": factors}) if factors else scenario
    return round_trips(changed, failure_states(changed))


@pytest.fixture(scope="module")
def taiwan() -> Scenario:
    return read_scenario("taiwan")


def test_a_factor_multiplies_every_point_of_an_origin_and_nothing_else(taiwan: Scenario) -> None:
    before, after = trips(taiwan), trips(taiwan, US={"tokyo": 1.5}, TW={"taipei": 2.0})
    factor = after.network.point_rtt_ms / before.network.point_rtt_ms
    expected = np.ones_like(factor)
    origins, regions = list(taiwan.origins), list(taiwan.regions)
    expected[origins.index("US"), :, regions.index("tokyo")] = 1.5
    expected[origins.index("TW"), :, regions.index("taipei")] = 2.0
    np.testing.assert_allclose(factor, expected)
    np.testing.assert_array_equal(after.region_rtt_ms, before.region_rtt_ms)


def test_a_factor_between_regions_holds_both_ways(taiwan: Scenario) -> None:
    one, other = trips(taiwan, taipei={"tokyo": 1.4}), trips(taiwan, tokyo={"taipei": 1.4})
    np.testing.assert_array_equal(one.region_rtt_ms, other.region_rtt_ms)
    plain = trips(taiwan)
    assert one.network.region_rtt_ms[0, 2] == pytest.approx(1.4 * plain.network.region_rtt_ms[0, 2])


def test_detours_of_failures_stay_as_they_are(taiwan: Scenario) -> None:
    before, after = trips(taiwan), trips(taiwan, **{o: {"taipei": 2.0} for o in taiwan.origins})
    added = [t.point_rtt_ms - t.point_rtt_ms[0] for t in (before, after)]
    finite = np.isfinite(added[0])
    np.testing.assert_allclose(added[1][finite], added[0][finite], atol=1e-9)


def test_a_link_that_states_its_round_trip_has_the_factor_of_its_ends() -> None:
    small = read_scenario(SMALL)
    policy = small.policy.model_copy(update={"relay_margin_ms": None})
    small = small.model_copy(update={"policy": policy})
    link = next(x for x in small.links.values() if x.rtt_ms is not None)
    after = trips(small, **{link.from_region: {link.to_region: 1.25}})
    assert after.tunnels is not None
    a, b = (list(small.regions).index(x) for x in (link.from_region, link.to_region))
    assert after.tunnels.rtt_ms[0, a, b] == pytest.approx(1.25 * link.rtt_ms)


def test_nothing_gets_faster_than_light(taiwan: Scenario) -> None:
    """Taken at the place itself: so far from its country's label point an origin is one point."""
    place = taiwan.origins["BR"].model_copy(update={"latitude_deg": -30.0, "longitude_deg": -51.2})
    one = taiwan.model_copy(update={"origins": {"BR": place}})
    before, after = trips(one), trips(one, BR={"taipei": 0.01, "tokyo": 0.99})
    taipei = taiwan.regions["taipei"]
    away = great_circle_km(-30.0, -51.2, taipei.latitude_deg, taipei.longitude_deg)
    factor = after.network.point_rtt_ms[0, 0] / before.network.point_rtt_ms[0, 0]
    assert after.network.point_rtt_ms[0, 0, 0] == pytest.approx(float(fibre_floor_ms(away)))
    assert factor[list(taiwan.regions).index("tokyo")] == pytest.approx(0.99)


def test_a_scenario_without_factors_is_written_as_before(taiwan: Scenario) -> None:
    assert "rtt_factor" not in normalised(taiwan)
    changed = taiwan.model_copy(update={"rtt_factor": {"TW": {"taipei": 2.0}}})
    assert digest(changed) != digest(taiwan)


def test_names_are_checked_as_those_of_round_trips(tmp_path: Path) -> None:
    text = SMALL.read_text(encoding="utf-8")
    wrong = "rtt_factor:\n  TV: {taipei: 2.0}\n  taipei: {tokio: 1.5, singapore: 1.1}\n"
    wrong += "  singapore: {taipei: 1.1}\n"
    (tmp_path / "bad.yaml").write_text(text + wrong, encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(tmp_path / "bad.yaml")
    said = str(caught.value)
    assert "rtt_factor.TV: no origin or region 'TV'" in said
    assert "rtt_factor.taipei.tokio: no region 'tokio'; did you mean 'tokyo'?" in said
    assert "is given both ways; keep one of the two" in said
