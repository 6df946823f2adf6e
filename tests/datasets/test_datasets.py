"""The tables that travel with the toolkit: their origin, their shape, what they promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.geo import fibre_floor_ms, great_circle_km
from planner.io import datasets
from planner.io.datasets import dataset_folder, read_table

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
TABLES = [
    *("cable_segments.csv", "cities.csv", "corridors.csv", "diurnal.csv", "origins.csv"),
    *("prices.csv", "rtt.csv", "rtt_factors.csv", "rtt_lines.csv", "server_types.csv", "sites.csv"),
]

needs_sources = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the source tables (../shared/data) are not here"
)


@needs_sources
def test_the_script_derives_the_committed_tables_bit_for_bit(tmp_path: Path) -> None:
    script = ROOT / "datasets" / "derive.py"
    arguments = [sys.executable, str(script), "--shared", str(SHARED), "--output", str(tmp_path)]
    subprocess.run(arguments, check=True, capture_output=True, cwd=ROOT)
    assert sorted(path.name for path in tmp_path.iterdir()) == TABLES
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (ROOT / "datasets" / name).read_bytes(), name


@needs_sources
def test_no_table_is_a_copy_of_its_source() -> None:
    own = {tuple(read_table(name).columns) for name in TABLES}
    lines = {
        line
        for name in TABLES
        for line in (ROOT / "datasets" / name).read_text(encoding="utf-8").splitlines()
    }
    for path in sorted(SHARED.glob("*.csv*")):
        source = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert tuple(source.columns) not in own, path.name
        text = source.head(2000).to_csv(index=False, header=False, lineterminator="\n")
        assert not lines & set(text.splitlines()), path.name


def test_every_table_has_its_source_cited() -> None:
    cited = (ROOT / "datasets" / "SOURCES.md").read_text(encoding="utf-8")
    for name in TABLES:
        assert f"| `{name}` | {len(read_table(name)):,} |" in cited, name


def test_the_tables_are_small_enough_for_the_wheel() -> None:
    folder = ROOT / "datasets"
    assert sum((folder / name).stat().st_size for name in TABLES) < 2_000_000


def test_namibia_is_not_a_missing_value() -> None:
    origins = read_table("origins").set_index("country")
    assert origins.name["NA"] == "Namibia"
    assert read_table("cities").query("country == 'NA'").city.item() == "Windhoek"
    assert (read_table("sites").country != "").all()


def test_numbers_are_numbers_and_empty_ones_are_missing() -> None:
    rtt, origins = read_table("rtt.csv"), read_table("origins")
    assert rtt.jitter_ms.dtype == float
    assert rtt.jitter_ms.isna().any()
    assert not rtt.rtt_ms.isna().any()
    assert origins.internet_users.dtype.kind == "i"
    assert origins.country.map(type).eq(str).all()


def test_there_are_enough_origins_with_people_who_are_online() -> None:
    origins = read_table("origins")
    assert origins.country.is_unique
    assert (origins.internet_users > 1_000_000).sum() >= 100
    assert (origins.internet_users <= origins.population + 500).all()
    assert origins.utc_offset_h.between(-12, 14).all()
    taiwan = origins.set_index("country").loc["TW"]
    # TWNIC 2020: 83.8 % of 23.45 million.
    assert taiwan.internet_users == pytest.approx(0.838 * 23_451_837, rel=1e-3)


def test_a_countrys_cities_hold_all_of_its_people() -> None:
    cities = read_table("cities").groupby("country").weight_share
    assert np.allclose(cities.sum(), 1.0, atol=1e-9)
    assert (cities.min() > 0).all()
    assert cities.size().max() <= 6
    large = read_table("origins").query("internet_users > 50e6").country
    assert (cities.size().drop(large) == 1).all()


def test_a_pair_of_sites_is_measured_once_a_source() -> None:
    rtt, sites = read_table("rtt"), read_table("sites")
    assert sites.site.is_unique
    ends = np.sort(rtt[["from_site", "to_site"]].to_numpy(str), axis=1)
    keys = pd.DataFrame(ends).assign(source=rtt.source)
    assert not keys.duplicated().any()
    assert set(ends.ravel()) <= set(sites.site)
    assert (rtt.from_site != rtt.to_site).all()
    probes = sites[sites.kind == "probe"].site
    assert len(probes) == 245
    assert len(rtt[rtt.source == "wonder2020"]) == 29_862


def test_the_other_source_says_what_was_published_for_2024() -> None:
    rtt = read_table("rtt").query("statistic == 'p50'")
    value = {
        (row.from_site[4:], row.to_site[4:]): row.rtt_ms for row in rtt.itertuples(index=False)
    }
    # Medians of the two directions; the published figures are of one direction.
    assert value["ap-northeast-1", "ap-southeast-1"] == pytest.approx(70.6, abs=1.0)
    assert value["ap-northeast-1", "us-west-1"] == pytest.approx(109.2, abs=1.0)
    assert value["ap-southeast-1", "us-west-1"] == pytest.approx(170.2, abs=1.0)
    assert value["ap-east-1", "ap-northeast-1"] == pytest.approx(55.4, abs=1.0)


def test_cables_run_between_known_metros_through_known_corridors() -> None:
    segments, corridors = read_table("cable_segments"), read_table("corridors")
    metros = read_table("sites").query("kind == 'metro'").set_index("site")
    assert set(segments.from_metro) | set(segments.to_metro) <= set(metros.index)
    assert set(" ".join(segments.corridors).split()) <= set(corridors.corridor)
    assert segments.segment.is_unique
    a, b = metros.loc[segments.from_metro], metros.loc[segments.to_metro]
    straight = great_circle_km(
        *(a[c].to_numpy() for c in ("latitude_deg", "longitude_deg")),
        *(b[c].to_numpy() for c in ("latitude_deg", "longitude_deg")),
    )
    assert (segments.length_km >= straight).all()
    assert (segments.rtt_floor_ms - fibre_floor_ms(segments.length_km)).abs().max() <= 0.051


def test_eight_systems_of_2006_shared_the_luzon_strait() -> None:
    segments = read_table("cable_segments")
    corridor = read_table("corridors").set_index("corridor").loc["luzon_strait"]
    cut = segments[segments.corridors.str.split().map(lambda names: "luzon_strait" in names)]
    assert {"apcn2", "eac-c2c", "fnal-rnal", "smw3"} <= set(cut.cable)
    assert "2006-12-26" in corridor.event_dates
    north = segments[(segments.from_metro == "TPE") & (segments.to_metro == "TYO")]
    assert not north.corridors.str.contains("luzon_strait").any()


def test_daily_curves_have_24_hours_and_mean_one() -> None:
    curves = read_table("diurnal").groupby("curve")
    assert (curves.size() == 24).all()
    assert np.allclose(curves.relative_load.mean(), 1.0, atol=1e-4)
    weekday = curves.get_group("weekday").set_index("local_hour").relative_load
    assert weekday.idxmin() in range(2, 6)
    assert weekday.idxmax() in range(10, 22)


def test_prices_of_taiwan_are_sixteen_percent_above_iowa() -> None:
    prices = read_table("prices")
    month = prices[(prices.item == "n2-standard-16") & (prices.term == "on demand")]
    price = (
        month.set_index("price_region").price_usd
        / month.set_index("price_region").price_usd["us-central1"]
    )
    wanted = {
        "asia-east1": 1.16,
        "asia-east2": 1.40,
        "asia-northeast1": 1.28,
        "asia-southeast1": 1.23,
        "us-west2": 1.20,
        "australia-southeast1": 1.42,
    }
    for region, ratio in wanted.items():
        assert price[region] == pytest.approx(ratio, abs=0.006), region


def test_egress_gets_cheaper_with_volume_and_the_odd_rows_are_out() -> None:
    egress = read_table("prices").query("item == 'egress'")
    tiers = egress.pivot_table(index="price_region", columns="term", values="price_usd")
    assert (tiers["0-1 TiB"] >= tiers["1-10 TiB"]).all()
    assert (tiers["1-10 TiB"] >= tiers["10+ TiB"]).all()
    assert not {"asia-northeast1", "asia-northeast2", "asia-northeast3"} & set(tiers.index)
    assert {"asia-east1", "asia-east2", "asia-southeast1", "us-west2"} <= set(tiers.index)


def test_every_server_has_a_price_to_fall_back_on() -> None:
    servers, prices = read_table("server_types"), read_table("prices")
    regions = set(prices.price_region)
    for row in servers.itertuples():
        own = prices[(prices.item == row.comparable_cloud_type) & (prices.term == "on demand")]
        assert set(own.price_region) == regions, row.server_type
    main = servers.set_index("server_type").loc["dual-gold-6348"]
    assert (main.capacity_cpu_cores, main.capacity_memory_gib) == (112, 512)
    assert main.comparable_share == 112 / 128
    assert (servers.cpu_cores < servers.capacity_cpu_cores).all()
    # 25 % of 4 GiB, 20 % of 4, 10 % of 8, 6 % of 112, 2 % of 384, and 100 MiB.
    assert main.memory_gib == pytest.approx(512 - 1 - 0.8 - 0.8 - 6.72 - 7.68 - 0.1, abs=0.05)


def test_the_tables_are_found_inside_a_wheel_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "PACKAGE", tmp_path / "planner")
    with pytest.raises(FileNotFoundError, match="tables are missing"):
        dataset_folder()
    for folder in (tmp_path / "datasets", tmp_path / "planner" / "datasets"):
        folder.mkdir(parents=True)
        (folder / "origins.csv").write_text("country\nNA\n", encoding="utf-8")
        assert dataset_folder() == folder


@pytest.mark.parametrize("name", ["nowhere", "../pyproject.toml", "taiwan/x.csv"])
def test_an_unknown_table_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="cable_segments, cities"):
        read_table(name)
