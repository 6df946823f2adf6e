"""Names that must stand in the tables that travel with the toolkit."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import cache, partial

from planner.io.datasets import dataset_folder
from planner.model.finding import Finding, Path, near_miss, no_such
from planner.model.scenario import Scenario
from planner.model.topology import Region


def reference_checks(scenario: Scenario) -> Iterator[Callable[[], Iterator[Finding]]]:
    """Return checks of corridors, metros, daily curves and prices against the shipped tables.

    Parameters
    ----------
    scenario : Scenario
        A scenario, maybe with absent fields.

    Yields
    ------
    callable
        Without arguments; yields findings.
    """
    yield partial(_corridors, scenario)
    yield partial(_cables, scenario)
    yield partial(_daily_curve, scenario)
    yield partial(_cloud_types, scenario)
    yield partial(_offers, scenario)
    for name, region in getattr(scenario, "regions", {}).items():
        yield partial(_metro, name, region)
        yield partial(_price_region, name, region)
        yield partial(_prices, scenario, name, region)


def _corridors(scenario: Scenario) -> Iterator[Finding]:
    """Find unknown corridors."""
    known = tuple(name.replace("_", "-") for (name,) in _entries("corridors", "corridor"))
    for name, group in scenario.risk_groups.items():
        if group.corridor is not None and group.corridor not in known:
            yield _unknown("corridor", group.corridor, known, ("risk_groups", name, "corridor"))
    for name, event in scenario.events.items():
        for row, part in enumerate(event.degraded):
            path: Path = ("events", name, "degraded", row, "corridors")
            for place, corridor in enumerate(part.corridors):
                if corridor not in known:
                    yield _unknown("corridor", corridor, known, (*path, place))


def _cables(scenario: Scenario) -> Iterator[Finding]:
    """Find unknown cable segments."""
    known = _names("cable_segments", "segment")
    counted = scenario.failures.cables.segments
    named: list[tuple[Path, tuple[str, ...]]] = [
        (("events", name, "cables_cut"), event.cables_cut)
        for name, event in scenario.events.items()
    ]
    if not isinstance(counted, str):
        named.append((("failures", "cables", "segments"), counted))
    for path, segments in named:
        for place, segment in enumerate(segments):
            if segment not in known:
                yield _unknown("cable segment", segment, known, (*path, place))


def _daily_curve(scenario: Scenario) -> Iterator[Finding]:
    """Find an unknown daily curve."""
    curve, known = scenario.calendar.diurnal_profile, _names("diurnal", "curve")
    if curve not in known:
        yield no_such("daily curve", curve, known, ("calendar", "diurnal_profile"))


def _cloud_types(scenario: Scenario) -> Iterator[Finding]:
    """Find unknown cloud types."""
    known = _names("prices", "item")
    for name, kind in scenario.server_types.items():
        item = kind.comparable_cloud_type
        if item is not None and item not in known:
            path = ("server_types", name, "comparable_cloud_type")
            yield _unknown("cloud type", item, known, path)


def _metro(name: str, region: Region) -> Iterator[Finding]:
    """Find an unknown metro."""
    known = _names("sites", "metro")
    if region.metro is not None and region.metro not in known:
        yield _unknown("metro", region.metro, known, ("regions", name, "metro"))


def _price_region(name: str, region: Region) -> Iterator[Finding]:
    """Find an unknown price region."""
    known = _names("prices", "price_region")
    if region.price_region is not None and region.price_region not in known:
        path = ("regions", name, "price_region")
        yield _unknown("price region", region.price_region, known, path)


def _prices(scenario: Scenario, name: str, region: Region) -> Iterator[Finding]:
    """Find cloud types without a price in the region that stands in."""
    prices = set(_entries("prices", "price_region", "item"))
    regions, items = _names("prices", "price_region"), _names("prices", "item")
    for pool, servers in region.pools.items():
        kind = scenario.server_types.get(servers.server_type)
        if kind is None or kind.cost_usd_month is not None or region.price_region not in regions:
            continue
        item = kind.comparable_cloud_type
        if item in items and (region.price_region, item) not in prices:
            message = f"'{item}' has no price in '{region.price_region}'"
            cure = f"give server_types.{servers.server_type}.cost_usd_month"
            yield Finding(("regions", name, "pools", pool), message, cure)


def _offers(scenario: Scenario) -> Iterator[Finding]:
    """Find offers priced as a cloud type that has no price in a region."""
    prices = set(_entries("prices", "price_region", "item"))
    regions, items = _names("prices", "price_region"), _names("prices", "item")
    hardware = scenario.hardware
    for name, offer in {} if hardware is None else hardware.offers.items():
        kind = scenario.server_types.get(offer.server_type)
        if kind is None or not offer.from_table or kind.comparable_cloud_type not in items:
            continue
        known = [scenario.regions[r].price_region for r in offer.regions if r in scenario.regions]
        for region in dict.fromkeys(known):
            if region in regions and (region, kind.comparable_cloud_type) not in prices:
                message = f"'{kind.comparable_cloud_type}' has no price in '{region}'"
                path: Path = ("hardware", "offers", name, "from_table")
                yield Finding(path, message, "give buy_usd and rent_usd_month")


def _unknown(kind: str, name: str, known: tuple[str, ...], path: Path) -> Finding:
    """Make the finding for a name that a table does not have."""
    cure = near_miss(name, known) or f"the {kind}s are in datasets/{_TABLE_OF[kind]}.csv"
    return Finding(path, f"no {kind} '{name}'", cure)


_TABLE_OF = {
    "corridor": "corridors",
    "cable segment": "cable_segments",
    "metro": "sites",
    "cloud type": "prices",
    "price region": "prices",
}


def _names(table: str, column: str) -> tuple[str, ...]:
    """Return the different entries of a column, in order."""
    return tuple(name for (name,) in _entries(table, column) if name)


@cache
def _entries(table: str, *columns: str) -> tuple[tuple[str, ...], ...]:
    """Return the different entries of some columns together, in order."""
    path = dataset_folder() / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return tuple(dict.fromkeys(tuple(row[name] for name in columns) for row in rows))
