"""Servers that can be had, as arrays: pools that may grow, what feeds them and at what price.

Axes: ``N`` node pools, those of the scenario first and then the new ones that offers may found,
``J`` supplies (an offer in one of its regions), ``F`` offers, ``M`` months.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.model.hardware import Hardware, Offer
from planner.model.scenario import Scenario
from planner.problem.arrays import Bools, Floats, Ints, NodePools, Problem
from planner.problem.costs import comparable_cost_usd_month, server_cost_usd_month
from planner.units import HOURS_PER_MONTH

BUY_TERM, RENT_TERM, BUY_MONTHS = "3 years", "on demand", 36
"""What the comparable cloud type's purchase and rent are taken from (ours)."""


@dataclass(frozen=True)
class Offers:
    """Servers that can be had.

    Attributes
    ----------
    pools : NodePools
        The scenario's pools and, with no server, those that offers may found.
    founded : ndarray of bool, shape (N,)
        Whether the pool is one of the latter.
    types : tuple of str
        Server type of each pool.
    power_w : ndarray, shape (N,)
        What one server of the pool draws, W.
    limit_w, usd_per_kwh : ndarray, shape (R,)
        Most power of each region, W (inf for no limit), and its price.
    names : tuple of str
        Names of the offers.
    offer, pool : ndarray of int, shape (J,)
        Which offer each supply is, and which pool it feeds.
    buy_usd, rent_usd_month : ndarray, shape (J,)
        Prices of one server, US dollars; inf where it cannot be had so.
    lead_months, rent_lead_months : ndarray of int, shape (J,)
        Months from the order until a server serves.
    stock : ndarray of int, shape (F,)
        Most servers of an offer, bought and rented.
    growth : ndarray, shape (M,)
        Demand of each month over that of the first.
    worth : ndarray, shape (M + 1,)
        What a dollar at the start of each month is worth now; the last is the end.
    depreciation_months : int
        Months in which a bought server loses its value.
    residual_share : float
        Part of the value not yet lost that it fetches at the end.
    """

    pools: NodePools
    founded: Bools
    types: tuple[str, ...]
    power_w: Floats
    limit_w: Floats
    usd_per_kwh: Floats
    names: tuple[str, ...]
    offer: Ints
    pool: Ints
    buy_usd: Floats
    rent_usd_month: Floats
    lead_months: Ints
    rent_lead_months: Ints
    stock: Ints
    growth: Floats
    worth: Floats
    depreciation_months: int
    residual_share: float

    @property
    def months(self) -> int:
        """How many months are planned for."""
        return self.growth.size

    @property
    def power_usd_month(self) -> Floats:
        """What the power of one server of each pool costs, US dollars a month, shape (N,)."""
        usd: Floats = self.power_w / 1000 * HOURS_PER_MONTH * self.usd_per_kwh[self.pools.region]
        return usd

    @property
    def capital_usd(self) -> Floats:
        """What a server that arrives in each month costs until the end, worth now, shape (J, M).

        Its price, less what it fetches at the end.
        """
        age = self.months - np.arange(self.months)
        left = self.residual_share * np.maximum(0.0, 1 - age / self.depreciation_months)
        usd: Floats = self.buy_usd[:, None] * (self.worth[:-1] - self.worth[-1] * left)
        return usd

    def region_of(self, supply: int) -> int:
        """Return the region of a supply.

        Parameters
        ----------
        supply : int
            An offer in one of its regions.
        """
        return int(self.pools.region[self.pool[supply]])

    def most(self, month: int) -> Ints:
        """Return the most servers that can be added to each pool by a month, shape (N,).

        Parameters
        ----------
        month : int
            Month, 0 for the first.
        """
        buys = np.isfinite(self.buy_usd) & (self.lead_months <= month)
        rents = np.isfinite(self.rent_usd_month) & (self.rent_lead_months <= month)
        each = np.where(buys | rents, self.stock[self.offer], 0)
        count = np.bincount(self.pool, each, minlength=self.pools.region.size)
        free = self.limit_w - self.drawn_w(self.pools.servers)
        with np.errstate(divide="ignore", invalid="ignore"):
            powered = np.floor(free[self.pools.region] / self.power_w + 1e-9)
        powered = np.where(self.power_w > 0, powered, np.inf)
        most: Ints = np.minimum(count, powered).astype(np.int64)
        return most

    def drawn_w(self, servers: Ints) -> Floats:
        """Return what servers draw in each region, W, shape (R,).

        Parameters
        ----------
        servers : ndarray of int, shape (N,)
            Servers of each pool.
        """
        drawn: Floats = np.bincount(
            self.pools.region, servers * self.power_w, minlength=self.limit_w.size
        ).astype(float)
        return drawn


def build_offers(scenario: Scenario, problem: Problem, months: int | None = None) -> Offers:
    """Turn the hardware section of a scenario into arrays.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    problem : Problem
        Its problem.
    months : int, optional
        Months planned for; as the scenario says without it.

    Returns
    -------
    Offers
        Pools, supplies and prices.

    Raises
    ------
    ValueError
        If the scenario has no hardware section.

    Notes
    -----
    Servers of a type that the region has join its first pool of that type; so do those of several
    offers of one type.  A month is a twelfth of a year, and demand grows at the start of each.
    """
    hardware = scenario.hardware
    if hardware is None:
        raise ValueError("`scenario` must have a section `hardware` with offers")
    places = _places(scenario, hardware)
    supplies = [
        (f, places.index((region, offer.server_type)), region)
        for f, offer in enumerate(hardware.offers.values())
        for region in offer.regions
    ]
    offers, month = list(hardware.offers.values()), np.arange((months or hardware.months) + 1)
    power = [hardware.power.get(region) for region in problem.axes.regions]
    prices = np.array([_prices(scenario, offers[f], region) for f, _, region in supplies])
    return Offers(
        pools=_pools(scenario, problem, places),
        founded=np.arange(len(places)) >= problem.pools.region.size,
        types=tuple(kind for _, kind in places),
        power_w=np.array([hardware.power_w.get(kind, 0.0) for _, kind in places]),
        limit_w=np.array([(p.limit_w if p else None) or np.inf for p in power]),
        usd_per_kwh=np.array([p.usd_per_kwh if p else 0.0 for p in power]),
        names=tuple(hardware.offers),
        offer=np.array([f for f, *_ in supplies], np.int64),
        pool=np.array([pool for _, pool, _ in supplies], np.int64),
        buy_usd=prices[:, 0],
        rent_usd_month=prices[:, 1],
        lead_months=np.array([offers[f].lead_time_months for f, *_ in supplies], np.int64),
        rent_lead_months=np.array([offers[f].rent_lead_time_months for f, *_ in supplies]),
        stock=np.array([offer.stock for offer in offers], np.int64),
        growth=(1 + scenario.growth.share_year) ** (month[:-1] / 12),
        worth=(1 - hardware.discount_share_year) ** (month / 12),
        depreciation_months=hardware.depreciation_months,
        residual_share=hardware.residual_share,
    )


def _places(scenario: Scenario, hardware: Hardware) -> list[tuple[str, str]]:
    """Return region and server type of every pool, those that offers may found at the end."""
    places = [
        (name, pool.server_type)
        for name, region in scenario.regions.items()
        for pool in region.pools.values()
    ]
    for offer in hardware.offers.values():
        for region in offer.regions:
            if (region, offer.server_type) not in places:
                places.append((region, offer.server_type))
    return places


def _pools(scenario: Scenario, problem: Problem, places: list[tuple[str, str]]) -> NodePools:
    """Return the scenario's pools and, without a server, those that offers may found."""
    old = problem.pools
    new = places[old.region.size :]
    kinds = [scenario.server_types[kind] for _, kind in new]
    prices = [
        server_cost_usd_month(kind, scenario.regions[region].price_region)
        for (region, _), kind in zip(new, kinds, strict=True)
    ]
    return NodePools(
        region=np.append(old.region, [problem.axes.regions.index(r) for r, _ in new]).astype(int),
        cpu_cores=np.append(old.cpu_cores, [kind.cpu_cores for kind in kinds]),
        memory_gib=np.append(old.memory_gib, [kind.memory_gib for kind in kinds]),
        pods=np.append(old.pods, [float(kind.pods) for kind in kinds]),
        servers=np.append(old.servers, [0 for _ in kinds]).astype(np.int64),
        server_cost_usd_month=np.append(old.server_cost_usd_month, prices),
        names=(*old.names, *(f"{region}/{_pool_name(scenario, region, k)}" for region, k in new)),
    )


def _pool_name(scenario: Scenario, region: str, kind: str) -> str:
    """Return a name for a pool of a type that a region does not have: the type's, if it is free."""
    taken = scenario.regions[region].pools
    name, number = kind, 2
    while name in taken:
        name, number = f"{kind[:58]}-{number}", number + 1
    return name


def _prices(scenario: Scenario, offer: Offer, region: str) -> tuple[float, float]:
    """Return the price and the rent of one server in a region, inf where it cannot be had so."""
    kind, near = scenario.server_types[offer.server_type], scenario.regions[region].price_region
    buy = np.inf if offer.buy_usd is None else offer.buy_usd
    rent = np.inf if offer.rent_usd_month is None else offer.rent_usd_month
    if "buy" in offer.from_table:
        buy = BUY_MONTHS * comparable_cost_usd_month(kind, near, BUY_TERM)
    if "rent" in offer.from_table:
        rent = comparable_cost_usd_month(kind, near, RENT_TERM)
    return buy, rent


def month_problem(problem: Problem, offers: Offers, month: int) -> Problem:
    """Return the problem of a month: its demand has grown.

    Parameters
    ----------
    problem : Problem
        The problem of the first month.
    offers : Offers
        What can be had.
    month : int
        Month, 0 for the first.

    Returns
    -------
    Problem
        What else it holds is the same: which regions may serve an origin does not depend on demand.
    """
    return replace(problem, demand_rps=problem.demand_rps * offers.growth[month])


def with_servers(problem: Problem, offers: Offers, added: Ints) -> Problem:
    """Return the problem with servers added to its pools; what a replica costs stays.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    offers : Offers
        What can be had.
    added : ndarray of int, shape (N,)
        Servers added to each pool; a pool that an offer may found and nobody founds is left out.

    Returns
    -------
    Problem
        With the pools that result.
    """
    pools, servers = offers.pools, offers.pools.servers + added
    there = ~offers.founded | (servers > 0)
    kept = replace(
        pools,
        region=pools.region[there],
        cpu_cores=pools.cpu_cores[there],
        memory_gib=pools.memory_gib[there],
        pods=pools.pods[there],
        servers=servers[there],
        server_cost_usd_month=pools.server_cost_usd_month[there],
        names=tuple(name for name, kept in zip(pools.names, there, strict=True) if kept),
    )
    return replace(problem, pools=kept)
