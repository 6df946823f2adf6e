"""Cross-checks of offers and power."""

from __future__ import annotations

from collections.abc import Iterator

from planner.model.finding import Finding, Path, no_such, quoted
from planner.model.hardware import Hardware, Offer
from planner.model.scenario import Scenario
from planner.model.topology_checks import repeated, unknown_regions


def drawn_w(scenario: Scenario, hardware: Hardware, region: str) -> float:
    """Return what the servers that a region has draw, W; 0 for a type without a figure."""
    pools = scenario.regions[region].pools.values()
    return sum(pool.servers * hardware.power_w.get(pool.server_type, 0.0) for pool in pools)


def _offers(scenario: Scenario) -> Iterator[Finding]:
    """Check that offers name what there is, and at a price."""
    hardware = scenario.hardware
    for name, offer in {} if hardware is None else hardware.offers.items():
        path: Path = ("hardware", "offers", name)
        if offer.server_type not in scenario.server_types:
            kinds = scenario.server_types
            yield no_such("server type", offer.server_type, kinds, (*path, "server_type"))
        yield from unknown_regions(scenario, offer.regions, (*path, "regions"))
        yield from repeated(offer.regions, (*path, "regions"))
        yield from repeated(offer.from_table, (*path, "from_table"))
        if offer.buy_usd is None and offer.rent_usd_month is None and not offer.from_table:
            message = "can neither be bought nor rented"
            yield Finding(path, message, "give buy_usd, rent_usd_month or from_table")


def _prices(scenario: Scenario) -> Iterator[Finding]:
    """Check that each price is given once, and that the table can give what is asked of it."""
    hardware = scenario.hardware
    for name, offer in {} if hardware is None else hardware.offers.items():
        path: Path = ("hardware", "offers", name, "from_table")
        for place, what in enumerate(offer.from_table):
            given = offer.buy_usd if what == "buy" else offer.rent_usd_month
            if given is not None:
                message = f"the price to {what} is given already"
                yield Finding((*path, place), message, "take one of them out")
        if offer.from_table:
            yield from _comparable(scenario, offer, path)


def _comparable(scenario: Scenario, offer: Offer, path: Path) -> Iterator[Finding]:
    """Check that an offer has a cloud type and cloud regions that compare."""
    kind = scenario.server_types.get(offer.server_type)
    if kind is not None and kind.comparable_cloud_type is None:
        message = f"{quoted(offer.server_type)} has no comparable_cloud_type"
        yield Finding(path, message, "give prices, or the type that compares")
    for region in offer.regions:
        if region in scenario.regions and scenario.regions[region].price_region is None:
            message = f"{quoted(region)} has no price_region"
            yield Finding(path, message, "give prices, or the region's price_region")


def _power(scenario: Scenario) -> Iterator[Finding]:
    """Check that power is that of types and regions there are."""
    hardware = scenario.hardware
    if hardware is None:
        return
    for kind in hardware.power_w:
        if kind not in scenario.server_types:
            path: Path = ("hardware", "power_w", kind)
            yield no_such("server type", kind, scenario.server_types, path)
    for region in hardware.power:
        if region not in scenario.regions:
            path = ("hardware", "power", region)
            yield no_such("region", region, scenario.regions, path)


def _known_draw(scenario: Scenario) -> Iterator[Finding]:
    """Check that where power is counted every server's draw is known."""
    hardware = scenario.hardware
    if hardware is None:
        return
    for region in hardware.power:
        if region not in scenario.regions:
            continue
        kinds = [pool.server_type for pool in scenario.regions[region].pools.values()]
        kinds += [o.server_type for o in hardware.offers.values() if region in o.regions]
        for kind in dict.fromkeys(kinds):
            if kind in scenario.server_types and kind not in hardware.power_w:
                message = f"what a server of type {quoted(kind)} draws is not known"
                cure = f"give hardware.power_w.{kind}"
                yield Finding(("hardware", "power", region), message, cure)


def _draw_within_limit(scenario: Scenario) -> Iterator[Finding]:
    """Check that the servers a region has may run."""
    hardware = scenario.hardware
    if hardware is None:
        return
    for region, power in hardware.power.items():
        if power.limit_w is None or region not in scenario.regions:
            continue
        drawn = drawn_w(scenario, hardware, region)
        if drawn > power.limit_w:
            message = f"its servers draw {drawn:g} W already, more than {power.limit_w:g}"
            path: Path = ("hardware", "power", region, "limit_w")
            yield Finding(path, message, "raise the limit, or take servers out of its pools")


HARDWARE_RULES = (_offers, _prices, _power, _known_draw, _draw_within_limit)
