"""Derive the compact coastline that maps are drawn on.

Run from the repository's root::

    python datasets/derive_coastline.py --shared ../shared/data

Natural Earth's countries at 1:110 million, each ring one row: corners rounded to 0.1 degree,
corners that then coincide or lie on a straight line dropped, Antarctica left out. Same input, same
bytes. Source, date and licence are in SOURCES.md beside this file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

Corner = tuple[float, float]

DECIMALS = 1  # degrees; a picture 12 inches wide shows 0.1 degree as half a pixel
UNKNOWN = ""  # countries without an ISO code of their own


def read_codes(folder: Path) -> dict[str, str]:
    """Three-letter to two-letter ISO codes; Namibia stays `NA`."""
    table = pd.read_csv(folder / "countries.csv", dtype=str, keep_default_na=False)
    return dict(zip(table.iso3, table.iso2, strict=True))


def outer_rings(geometry: dict[str, object]) -> Iterator[list[list[float]]]:
    """Outer rings only: the one hole of the source is a lake of countries."""
    coordinates: list[object] = geometry["coordinates"]  # type: ignore[assignment]
    polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
    for polygon in polygons:
        yield polygon[0]  # type: ignore[index]


def is_straight(before: Corner, corner: Corner, after: Corner) -> bool:
    """Whether a corner lies on the line between its neighbours."""
    (x0, y0), (x1, y1), (x2, y2) = before, corner, after
    return abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) < 10 ** (-2 * DECIMALS - 1)


def simplified(ring: list[list[float]]) -> list[Corner]:
    """Round the corners and drop those that add nothing to the outline."""
    rounded = [(round(x, DECIMALS) + 0.0, round(y, DECIMALS) + 0.0) for x, y in ring[:-1]]
    distinct = [c for i, c in enumerate(rounded) if c != rounded[i - 1]]
    count = len(distinct)
    return [
        corner
        for i, corner in enumerate(distinct)
        if not is_straight(distinct[i - 1], corner, distinct[(i + 1) % count])
    ]


def coastline(folder: Path) -> pd.DataFrame:
    """One row a ring: country and its corners, longitude and latitude in turn, degrees."""
    text = (folder / "basemap_ne110m_countries.geojson").read_text(encoding="utf-8")
    codes = read_codes(folder)
    rows = [
        (codes.get(feature["properties"]["iso3"], UNKNOWN), ring)
        for feature in json.loads(text)["features"]
        if feature["properties"]["continent"] != "Antarctica"
        for ring in map(simplified, outer_rings(feature["geometry"]))
        if len(ring) >= 3
    ]
    rows.sort(key=lambda row: (row[0], row[1]))
    table = pd.DataFrame(rows, columns=["country", "corners_deg"])
    table["corners_deg"] = [" ".join(f"{x:g} {y:g}" for x, y in ring) for ring in table.corners_deg]
    return table


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent)
    arguments = parser.parse_args()
    path = arguments.output / "coastline.csv"
    coastline(arguments.shared).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


if __name__ == "__main__":
    main()
