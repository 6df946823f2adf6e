"""Origins as distributions over cities, against sums written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from planner.io.datasets import read_rtt_tables, read_table
from planner.latency.populations import (
    OriginPoints,
    OriginRtt,
    origin_points,
    origin_rtt,
    region_rtt,
)
from planner.latency.rtt import estimate

ORIGINS, CITIES = read_table("origins"), read_table("cities")
LATITUDE, LONGITUDE = [25.05, 1.35, 35.68, 34.05], [121.53, 103.82, 139.77, -118.24]
METRO = ["TPE", "SIN", "TYO", "LAX"]


def all_points():
    return origin_points(
        ORIGINS.country.tolist(),
        ORIGINS.latitude_deg,
        ORIGINS.longitude_deg,
        origins=ORIGINS,
        cities=CITIES,
    )


def test_every_country_is_its_cities_and_large_ones_are_several() -> None:
    points = all_points()
    count = (points.weight_share > 0).sum(axis=1)
    large = (ORIGINS.internet_users > 50e6).to_numpy()
    assert points.weight_share.shape == (len(ORIGINS), 6)
    np.testing.assert_allclose(points.weight_share.sum(axis=1), 1.0)
    assert (count[~large] == 1).all()
    # Thailand has one city of 300,000 people that is not a part of Bangkok's.
    assert ORIGINS.country[large & (count == 1)].tolist() == ["TH"]


def test_the_mean_over_a_country_is_the_weighted_sum_over_its_cities() -> None:
    tables = read_rtt_tables()
    found = origin_rtt(tables, all_points(), LATITUDE, LONGITUDE, METRO)
    row = ORIGINS.index[ORIGINS.country == "US"].item()
    cities = CITIES[CITIES.country == "US"]
    by_hand = np.zeros(4)
    for city in cities.itertuples():
        one = estimate(
            tables, [city.latitude_deg], [city.longitude_deg], LATITUDE, LONGITUDE, b_metro=METRO
        )
        by_hand += city.weight_share * one.rtt_ms[0]
    np.testing.assert_allclose(found.mean_ms[row], by_hand)
    assert found.rtt_ms.shape == (len(ORIGINS), 6, 4)


def test_the_distribution_of_a_country_is_that_of_its_people() -> None:
    rtt = np.array([[[30.0], [10.0], [20.0], [5.0]]])
    weight = np.array([[0.5, 0.3, 0.2, 0.0]])
    found = OriginRtt(rtt, rtt * 0, np.zeros(rtt.shape, np.int8), weight)
    expected = {0.01: 10, 0.3: 10, 0.31: 20, 0.5: 20, 0.51: 30, 0.95: 30, 1.0: 30}
    assert {p: found.quantile_ms(p).item() for p in expected} == expected
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        found.quantile_ms(0.0)


def test_an_origin_that_is_a_place_stays_one() -> None:
    points = origin_points(
        ["US", "", "XX"],
        [47.61, 10.0, 20.0],
        [-122.33, 20.0, 30.0],
        origins=ORIGINS,
        cities=CITIES,
    )
    assert points.weight_share.tolist() == [[1.0]] * 3
    assert points.latitude_deg.ravel().tolist() == [47.61, 10.0, 20.0]


def test_namibia_is_a_country_with_people() -> None:
    row = ORIGINS[ORIGINS.country == "NA"].iloc[0]
    points = origin_points(
        ["NA"], [row.latitude_deg], [row.longitude_deg], origins=ORIGINS, cities=CITIES
    )
    assert (points.latitude_deg.item(), points.longitude_deg.item()) == (-22.56, 17.08)


def test_regions_reach_each_other_alike_and_themselves_at_once() -> None:
    found = region_rtt(read_rtt_tables(), LATITUDE, LONGITUDE, METRO)
    assert (np.diag(found.rtt_ms) == 0).all()
    np.testing.assert_array_equal(found.rtt_ms, found.rtt_ms.T)
    # Minima published for 2020, times 1.003; order TPE, SIN, TYO, LAX.
    np.testing.assert_allclose(found.rtt_ms[0, 1:], [53.8, 32.8, 132.2], atol=0.16)


def test_nobody_is_near_anything_and_nothing_near_to_nowhere() -> None:
    tables, points = read_rtt_tables(), all_points()
    nobody = OriginPoints(points.latitude_deg[:0], points.longitude_deg[:0], np.zeros((0, 6)))
    assert origin_rtt(tables, nobody, LATITUDE, LONGITUDE).mean_ms.shape == (0, 4)
    assert origin_rtt(tables, points, [], []).rtt_ms.shape == (*points.weight_share.shape, 0)
    assert region_rtt(tables, [], []).rtt_ms.shape == (0, 0)


def test_the_taiwanese_are_near_taipei_and_the_japanese_near_tokyo() -> None:
    found = origin_rtt(read_rtt_tables(), all_points(), LATITUDE, LONGITUDE, METRO)
    nearest = dict(zip(ORIGINS.country, found.mean_ms.argmin(axis=1), strict=True))
    assert [METRO[nearest[code]] for code in ("TW", "JP", "SG", "US", "MX", "MY", "CA")] == [
        "TPE",
        "TYO",
        "SIN",
        "LAX",
        "LAX",
        "SIN",
        "LAX",
    ]
