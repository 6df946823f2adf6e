"""The map sheet: known places of the projection, great circles, cuts at the sheet's back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.geo import great_circle_km
from planner.report.projection import (
    Sheet,
    coastline,
    cut_line,
    cut_ring,
    equal_earth,
    great_circle,
)

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
LATITUDE = st.floats(-89.0, 89.0)
LONGITUDE = st.floats(-180.0, 180.0)


def test_equal_earth_keeps_areas() -> None:
    # A cell's area on the sheet over that on the unit sphere is the same everywhere.
    lat = np.linspace(-85.0, 85.0, 400)
    ratios = []
    for south, north in ((-60.0, -50.0), (-5.0, 5.0), (40.0, 70.0)):
        band = lat[(lat >= south) & (lat <= north)]
        points = equal_earth(10.0, band) - equal_earth(0.0, band)
        heights = equal_earth(0.0, band)[:, 1]
        sheet_area = np.trapezoid(points[:, 0], heights)
        sphere_area = np.radians(10.0) * np.ptp(np.sin(np.radians(band)))
        ratios.append(sheet_area / sphere_area)
    assert ratios == pytest.approx([1.0] * 3, rel=2e-3)


def test_the_pole_line_is_shorter_than_the_equator() -> None:
    # The paper's figure: the poles are lines 0.59 of the equator's length.
    assert equal_earth(180.0, 90.0)[0] / equal_earth(180.0, 0.0)[0] == pytest.approx(
        0.5927, abs=2e-3
    )


@given(LONGITUDE, LATITUDE, LONGITUDE, LATITUDE)
def test_a_great_circle_is_as_long_as_the_distance(
    lon_a: float, lat_a: float, lon_b: float, lat_b: float
) -> None:
    lon, lat = great_circle(lon_a, lat_a, lon_b, lat_b, 200)
    assert np.isfinite(lon).all()
    length_km = float(great_circle_km(lat[:-1], lon[:-1], lat[1:], lon[1:]).sum())
    direct_km = float(great_circle_km(lat_a, lon_a, lat_b, lon_b))
    if direct_km < 19_900:  # towards the antipode every way is shortest
        assert length_km == pytest.approx(direct_km, rel=1e-6, abs=1e-2)
    assert float(great_circle_km(lat[-1], lon[-1], lat_b, lon_b)) < 1.0


def test_the_pacific_is_whole_on_our_sheet_and_cut_on_greenwichs() -> None:
    lon, lat = great_circle(121.5, 25.0, -118.2, 34.1)
    assert len(cut_line(Sheet(160.0).offsets_deg(lon), lat)) == 1
    pieces = cut_line(Sheet(0.0).offsets_deg(lon), lat)
    assert len(pieces) == 2
    assert sum(map(len, pieces)) == len(lon)


@given(st.floats(-179.0, 179.0))
def test_a_cut_ring_keeps_its_area(centre_deg: float) -> None:
    # A box of 20 by 10 degrees about the equator; equal areas, wherever the sheet is cut.
    lon = np.array([50.0, 60.0, 70.0, 70.0, 60.0, 50.0])
    lat = np.array([-5.0, -5.0, -5.0, 5.0, 5.0, 5.0])
    outlines = cut_ring(Sheet(centre_deg).offsets_deg(lon), lat)
    whole = cut_ring(Sheet(60.0).offsets_deg(lon), lat)
    assert sum(map(_area, outlines)) == pytest.approx(_area(whole[0]), rel=2e-2)


def _area(ring: np.ndarray) -> float:
    x, y = ring.T
    return 0.5 * abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)))


def test_the_coastline_covers_the_land_and_nothing_spans_the_sheet() -> None:
    countries, outlines = coastline(160.0)
    assert {"TW", "JP", "US", "NA"} <= set(countries)
    assert "AQ" not in countries
    # Land without Antarctica is 26.5 % of the globe (135 of 510 million km²).
    assert sum(map(_area, outlines)) / (4 * np.pi) == pytest.approx(0.265, abs=0.006)
    assert max(float(np.ptp(ring[:, 0])) for ring in outlines) < 2.0


@pytest.mark.skipif(not SHARED.is_dir(), reason="the source tables (../shared/data) are not here")
def test_the_script_derives_the_committed_coastline_bit_for_bit(tmp_path: Path) -> None:
    script = ROOT / "datasets" / "derive_coastline.py"
    arguments = ["--shared", str(SHARED), "--output", str(tmp_path)]
    subprocess.run([sys.executable, str(script), *arguments], check=True, cwd=ROOT)
    committed = ROOT / "datasets" / "coastline.csv"
    assert (tmp_path / "coastline.csv").read_bytes() == committed.read_bytes()
    assert committed.stat().st_size < 150_000
