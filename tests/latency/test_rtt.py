"""Round trips: the ladder against a slow copy of itself, other sources, and held-out data."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.geo import fibre_floor_ms, great_circle_km
from planner.io.datasets import read_rtt_tables, read_table
from planner.latency.rtt import RttMethod, estimate
from planner.latency.rtt_errors import RttErrors, leave_pair_out, leave_site_out
from planner.model.rtt_tables import RttTables, rtt_tables

PING_FACTOR = 1.003
METROS = read_table("sites").query("kind == 'metro'").set_index("site")

latitudes = st.floats(-89, 89)
longitudes = st.floats(-180, 180)
place_lists = st.lists(st.tuples(latitudes, longitudes), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def tables() -> RttTables:
    return read_rtt_tables()


@pytest.fixture(scope="module")
def without_pairs(tables: RttTables) -> RttErrors:
    return leave_pair_out(tables)


@pytest.fixture(scope="module")
def without_servers(tables: RttTables) -> RttErrors:
    return leave_site_out(tables)


def between(tables: RttTables, a: str, b: str) -> tuple[float, str]:
    one, two = METROS.loc[a], METROS.loc[b]
    found = estimate(
        tables,
        [one.latitude_deg],
        [one.longitude_deg],
        [two.latitude_deg],
        [two.longitude_deg],
        a_metro=[a],
        b_metro=[b],
    )
    return found.rtt_ms.item(), found.method_label.item()


@pytest.mark.parametrize(
    ("a", "b", "published_ms"),
    [
        ("TPE", "TYO", 32.7),
        ("TPE", "SIN", 53.6),
        ("TPE", "LAX", 131.8),
        ("TPE", "HKG", 27.1),
        ("TPE", "OSA", 40.6),
        ("TPE", "MNL", 49.0),
        ("TPE", "SEL", 64.0),
        ("TPE", "SYD", 287.4),
        ("TPE", "FRA", 282.9),
    ],
)
def test_published_minima_times_the_factor_come_out_as_measured(
    tables: RttTables, a: str, b: str, published_ms: float
) -> None:
    rtt, method = between(tables, a, b)
    # The tables hold 0.1 ms and the mean of both directions.
    assert rtt == pytest.approx(published_ms * PING_FACTOR, abs=0.16)
    assert method == "measured"
    assert between(tables, b, a) == (rtt, method)


@pytest.mark.parametrize(("a", "b", "p50_ms"), [("BOM", "SIN", 59.4), ("BOM", "HKG", 97.4)])
def test_a_metro_without_ping_servers_takes_the_region_matrix(
    tables: RttTables, a: str, b: str, p50_ms: float
) -> None:
    rows = read_table("rtt").query("source == 'cloudping2024'")
    clouds = read_table("sites").query("kind == 'cloud'")
    site = {
        end: clouds.query("metro == @end and site.str.startswith('aws:')").site.item()
        for end in (a, b)
    }
    pair = rows[rows.from_site.isin(site.values()) & rows.to_site.isin(site.values())]
    assert pair.rtt_ms.item() == p50_ms
    assert between(tables, a, b) == (p50_ms, "other source")


def test_an_island_far_from_any_server_takes_its_best_case(tables: RttTables) -> None:
    mauritius = read_table("cities").query("country == 'MU'").iloc[0]
    here = ([mauritius.latitude_deg], [mauritius.longitude_deg])
    singapore = ([METROS.latitude_deg["SIN"]], [METROS.longitude_deg["SIN"]])
    found = estimate(tables, *here, *singapore, b_metro=["SIN"])
    rows = read_table("rtt").query("from_site == 'MU' and to_site == 'aws:ap-southeast-1'")
    factor = read_table("rtt_factors").set_index("source").to_median_factor["bitio2023"]
    assert found.rtt_ms.item() == pytest.approx(rows.rtt_ms.item() * factor)
    assert found.method_label.item() == "best case"
    assert found.jitter_ms.item() > 0


def test_neighbours_without_a_short_path_keep_their_measurement(tables: RttTables) -> None:
    rtt, method = between(tables, "HKG", "SZX")
    assert rtt == pytest.approx(115.4 * PING_FACTOR, abs=0.1)
    assert method == "measured"


def test_inside_a_metro_a_median_of_metro_pairs_holds(tables: RttTables) -> None:
    rtt, method = between(tables, "TPE", "TPE")
    rows = read_table("rtt").query("source == 'wonder2020'")
    sites = read_table("sites").set_index("site")
    a, b = sites.loc[rows.from_site], sites.loc[rows.to_site]
    km = great_circle_km(
        *(a[c].to_numpy() for c in ("latitude_deg", "longitude_deg")),
        *(b[c].to_numpy() for c in ("latitude_deg", "longitude_deg")),
    )
    assert rtt == pytest.approx(float(np.median(rows.rtt_ms[km < 70])), abs=0.051)
    assert method == "same metro"


def test_a_metro_code_reaches_further_than_its_radius(tables: RttTables) -> None:
    changhua, tokyo = ([24.05], [120.52]), ([35.68], [139.77])
    coded = estimate(tables, *changhua, *tokyo, a_metro=["TPE"], b_metro=["TYO"])
    plain = estimate(tables, *changhua, *tokyo)
    assert coded.method_label.item() == "measured"
    assert plain.method_label.item() == "nearest site"
    assert coded.rtt_ms.item() == between(tables, "TPE", "TYO")[0]


@settings(max_examples=60, deadline=None)
@given(a=place_lists, b=place_lists)
def test_nothing_is_faster_than_light_and_direction_does_not_matter(
    a: list[tuple[float, float]], b: list[tuple[float, float]]
) -> None:
    tables = read_rtt_tables()
    (lat_a, lon_a), (lat_b, lon_b) = zip(*a, strict=True), zip(*b, strict=True)
    ahead = estimate(tables, lat_a, lon_a, lat_b, lon_b)
    back = estimate(tables, lat_b, lon_b, lat_a, lon_a)
    floor = fibre_floor_ms(
        great_circle_km(np.array(lat_a)[:, None], np.array(lon_a)[:, None], lat_b, lon_b)
    )
    assert (ahead.rtt_ms >= floor).all()
    assert (ahead.rtt_ms > 0).all()
    assert (ahead.jitter_ms > 0).all()
    np.testing.assert_allclose(ahead.rtt_ms, back.rtt_ms.T, rtol=1e-12)


def slow_estimate(tables: RttTables, a: tuple[float, float], b: tuple[float, float]) -> float:
    """The ping rungs in plain loops, for places without metro codes."""

    def km(p: tuple[float, float], q: tuple[float, float]) -> float:
        (p1, l1), (p2, l2) = (tuple(map(math.radians, x)) for x in (p, q))
        inside = math.sin(p1) * math.sin(p2) + math.cos(p1) * math.cos(p2) * math.cos(l1 - l2)
        return 6371.0 * math.acos(max(-1.0, min(1.0, inside)))

    where = {i: (tables.latitude_deg[i], tables.longitude_deg[i]) for i in tables.probes}
    around = [sorted(where, key=lambda i, p=p: km(p, where[i]))[:6] for p in (a, b)]
    pairs = [
        (km(a, where[i]) + km(b, where[j]), tables.rtt_ms[i, j], i, j)
        for i in around[0]
        for j in around[1]
        if not math.isnan(tables.rtt_ms[i, j]) and max(km(a, where[i]), km(b, where[j])) <= 2000
    ]
    here = [p for p in pairs if km(a, where[p[2]]) <= 70 and km(b, where[p[3]]) <= 70]
    if here:
        return max(min(here)[1], 0.0098 * km(a, b))
    best = sorted(pairs)[:5]
    moved = [t + 1.8 * 0.0098 * (km(a, b) - km(where[i], where[j])) for _, t, i, j in best]
    return max(float(np.median(moved)), 0.0098 * km(a, b))


def test_the_ladder_agrees_with_a_slow_copy_in_plain_loops(tables: RttTables) -> None:
    random = np.random.default_rng(7)
    probes = random.choice(tables.probes, size=(200, 2))
    shift = random.normal(scale=2.0, size=(200, 4))
    compared = 0
    for (i, j), (da, db, dc, dd) in zip(probes, shift, strict=True):
        a = (tables.latitude_deg[i] + da, tables.longitude_deg[i] + db)
        b = (tables.latitude_deg[j] + dc, tables.longitude_deg[j] + dd)
        found = estimate(tables, [a[0]], [a[1]], [b[0]], [b[1]])
        if found.method.item() in (RttMethod.MEASURED, RttMethod.NEAREST_SITE):
            assert found.rtt_ms.item() == pytest.approx(slow_estimate(tables, a, b), rel=1e-6)
            compared += 1
    assert compared > 150


def test_a_matrix_is_the_same_as_its_entries_one_by_one(tables: RttTables) -> None:
    lat, lon = [25.05, 10.0, -33.0, 60.0], [121.53, -40.0, 151.0, 100.0]
    whole = estimate(tables, lat, lon, lat[:3], lon[:3])
    for row in range(4):
        for column in range(3):
            one = estimate(tables, [lat[row]], [lon[row]], [lat[column]], [lon[column]])
            assert whole.rtt_ms[row, column] == one.rtt_ms.item()
            assert whole.method[row, column] == one.method.item()


def test_far_from_any_server_the_line_of_the_continents_holds(tables: RttTables) -> None:
    easter_island, taipei = (-27.1, -109.4), (25.05, 121.53)
    found = estimate(tables, [-27.1], [-109.4], [taipei[0]], [taipei[1]])
    nearest = tables.probes[
        great_circle_km(
            *easter_island, tables.latitude_deg[tables.probes], tables.longitude_deg[tables.probes]
        ).argmin()
    ]
    continent = read_table("sites").set_index("site").continent[tables.site[nearest]]
    lines = read_table("rtt_lines").set_index(["continent_a", "continent_b"])
    line = lines.loc[[("Asia", continent)]]
    km = float(great_circle_km(*easter_island, *taipei))
    expected = line.intercept_ms.item() + line.slope_ms_per_km.item() * km
    assert found.method_label.item() == "distance line"
    assert found.rtt_ms.item() == pytest.approx(expected)


def test_left_out_city_pairs_are_estimated_within_ten_percent(
    without_pairs: RttErrors, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = without_pairs
    with capsys.disabled():
        print(
            f"\nleave one pair out, {len(errors.measured_ms):,} city pairs: median error "
            f"{errors.quantile_share(0.5):.1%}, 90th percentile {errors.quantile_share(0.9):.1%}"
        )
    rows = read_table("rtt").query("source == 'wonder2020'")
    assert len(errors.measured_ms) == 29_800
    assert len(rows) == 29_862
    assert errors.quantile_share(0.5) <= 0.10
    assert errors.quantile_share(0.9) <= 0.30


def test_left_out_servers_are_estimated_within_ten_percent(
    without_servers: RttErrors, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = without_servers
    with capsys.disabled():
        print(
            f"leave one server out, {len(errors.measured_ms):,} estimates: median error "
            f"{errors.quantile_share(0.5):.1%}, 90th percentile {errors.quantile_share(0.9):.1%}"
        )
    assert errors.quantile_share(0.5) <= 0.10


def test_a_left_out_pair_does_not_leak_into_its_own_estimate(
    tables: RttTables, without_pairs: RttErrors
) -> None:
    pair = np.flatnonzero(tables.site == "tw1").item(), np.flatnonzero(tables.site == "jp4").item()
    spoiled = spoil(tables, *pair)
    plain, other = without_pairs, leave_pair_out(spoiled)
    own = (plain.a_site == min(pair)) & (plain.b_site == max(pair))
    assert own.sum() == 1
    assert other.measured_ms[own] == 10 * plain.measured_ms[own]
    assert other.estimated_ms[own] == plain.estimated_ms[own]
    assert (other.estimated_ms != plain.estimated_ms).any()


def test_a_left_out_server_does_not_leak_into_its_estimates(
    tables: RttTables, without_servers: RttErrors
) -> None:
    taipei = np.flatnonzero(tables.site == "tw1").item()
    others = np.setdiff1d(tables.probes, [taipei])
    plain = without_servers
    other = leave_site_out(spoil(tables, taipei, others))
    own = plain.a_site == taipei
    assert own.sum() > 200
    np.testing.assert_array_equal(other.estimated_ms[own], plain.estimated_ms[own])
    assert (other.estimated_ms != plain.estimated_ms).any()


def spoil(tables: RttTables, a: int, b: int | np.ndarray) -> RttTables:
    """The tables with some measurements ten times as long."""
    rtt = tables.rtt_ms.copy()
    rtt[a, b] *= 10
    rtt[b, a] *= 10
    return dataclasses.replace(tables, rtt_ms=rtt)


def test_pings_agree_with_the_other_source_on_the_same_metros(tables: RttTables) -> None:
    sites = read_table("sites").set_index("site")
    rows = read_table("rtt").query("source == 'cloudping2024'")
    a, b = sites.loc[rows.from_site], sites.loc[rows.to_site]
    pings = pd.DataFrame({"p50": rows.rtt_ms.to_numpy(), "ping": np.nan, "method": -1})
    for row in range(len(rows)):
        found = estimate(
            tables,
            [a.latitude_deg.iloc[row]],
            [a.longitude_deg.iloc[row]],
            [b.latitude_deg.iloc[row]],
            [b.longitude_deg.iloc[row]],
        )
        pings.loc[row, ["ping", "method"]] = found.rtt_ms.item(), found.method.item()
    same = pings[pings.method == RttMethod.MEASURED]
    ratio = same.ping / same.p50
    assert len(same) > 120
    assert ratio.median() == pytest.approx(1.0, abs=0.03)
    assert 0.85 < ratio.quantile(0.1) < ratio.quantile(0.9) < 1.35


def test_bad_coordinates_and_lengths_are_refused(tables: RttTables) -> None:
    with pytest.raises(ValueError, match=r"\[-90, 90\]"):
        estimate(tables, [91.0], [0.0], [0.0], [0.0])
    with pytest.raises(ValueError, match=r"\[-90, 90\]"):
        estimate(tables, [float("nan")], [0.0], [0.0], [0.0])
    with pytest.raises(ValueError, match="equally long"):
        estimate(tables, [1.0, 2.0], [0.0], [0.0], [0.0])
    with pytest.raises(ValueError, match="equally long"):
        estimate(tables, [1.0], [0.0], [0.0], [0.0], a_metro=["TPE", "TYO"])


def test_the_constructor_refuses_what_it_cannot_align() -> None:
    sites, rtt, factors, lines = (
        read_table(name) for name in ("sites", "rtt", "rtt_factors", "rtt_lines")
    )
    with pytest.raises(ValueError, match="only sites"):
        rtt_tables(sites[sites.site != "tw1"], rtt, factors, lines)
    with pytest.raises(ValueError, match="every source"):
        rtt_tables(sites, rtt, factors[:1], lines)
    with pytest.raises(ValueError, match="every site once"):
        rtt_tables(pd.concat([sites, sites[:1]]), rtt, factors, lines)
    with pytest.raises(ValueError, match="'any'"):
        rtt_tables(sites, rtt, factors, lines[lines.continent_a != "any"])
    with pytest.raises(ValueError, match="positive"):
        rtt_tables(sites, rtt.assign(rtt_ms=0.0), factors, lines)


def test_the_tables_cannot_be_written_to(tables: RttTables) -> None:
    with pytest.raises(ValueError, match="read-only"):
        tables.rtt_ms[0, 0] = 1.0
