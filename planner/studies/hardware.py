"""Which servers to buy, which to rent, and when: the purchase of a scenario, told by month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.failures.states import failure_states
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.model.topology import NodePool, Region
from planner.optimization.horizon import Hardware, choose
from planner.optimization.stopping import Standing, Stop
from planner.problem.arrays import Floats, Ints
from planner.problem.build import build_problem
from planner.problem.offers import Offers, build_offers
from planner.studies.main_job import optimize
from planner.studies.suited import refuse_unsuited

_SOON_S = 10.0
"""Seconds for the plan of a month after an interruption."""


@dataclass(frozen=True)
class HardwareChoice:
    """What to buy and to rent in each month, with its proof.

    Attributes
    ----------
    scenario : Scenario
        The scenario as it was given.
    offers : Offers
        What can be had, as arrays.
    found : Hardware
        Purchase, plans, objective, proven bound.
    """

    scenario: Scenario
    offers: Offers
    found: Hardware

    @property
    def months(self) -> tuple[str, ...]:
        """The months planned for, such as ``2027-01``."""
        return tuple(self.month_name(m) for m in range(self.offers.months))

    def month_name(self, month: int) -> str:
        """Return the name of a month, counted from `growth.from_month`; it may be before that.

        Parameters
        ----------
        month : int
            Month, 0 for the first.
        """
        year, first = map(int, self.scenario.growth.from_month.split("-"))
        whole = year * 12 + first - 1 + month
        return f"{whole // 12:04d}-{whole % 12 + 1:02d}"

    @property
    def in_use(self) -> Ints:
        """Servers of each pool that a month runs on, shape (N, M)."""
        added = np.stack([plan.added for plan in self.found.plans], axis=1)
        servers: Ints = self.offers.pools.servers[:, None] + added
        return servers

    @property
    def drawn_w(self) -> Floats:
        """What the servers of each region draw in a month, W, shape (R, M)."""
        return np.stack([self.offers.drawn_w(each) for each in self.in_use.T], axis=1)

    @property
    def pools(self) -> pd.DataFrame:
        """One row a pool and month: servers there, bought, rented and in use."""
        offers, found = self.offers, self.found
        owned, rented = found.bought.cumsum(axis=1), found.rented
        rows = []
        for pool, name in enumerate(offers.pools.names):
            feeding = offers.pool == pool
            region, _, label = name.partition("/")
            for month, when in enumerate(self.months):
                rows.append(
                    (
                        *(when, region, label, offers.types[pool]),
                        int(offers.pools.servers[pool]),
                        int(owned[feeding, month].sum()),
                        int(rented[feeding, month].sum()),
                        int(self.in_use[pool, month]),
                    )
                )
        columns = ("month", "region", "pool", "server_type", "there", "bought", "rented", "in_use")
        return pd.DataFrame(rows, columns=list(columns))

    @property
    def orders(self) -> pd.DataFrame:
        """One row an order: what, when it is ordered, when it arrives, and until when it is rented.

        A rent over months in a row is one order; what is bought stays, so it has no end.
        """
        columns = ["offer", "region", "server_type", "how", "order", "from", "until", "servers"]
        rows = [row for j in range(self.offers.offer.size) for row in self._orders_of(j)]
        return pd.DataFrame(rows, columns=columns).sort_values(
            ["order", "offer", "region", "how"], kind="stable", ignore_index=True
        )

    def _orders_of(self, supply: int) -> list[tuple[object, ...]]:
        """Return the rows of a supply: offer, region, type, how, order, from, until, servers."""
        offers, name = self.offers, self.month_name
        head = (
            offers.names[offers.offer[supply]],
            self.scenario_region(supply),
            offers.types[offers.pool[supply]],
        )
        bought, lead = self.found.bought[supply], int(offers.lead_months[supply])
        buys = [
            (*head, "buy", name(m - lead), name(m), "", int(bought[m]))
            for m in np.flatnonzero(bought).tolist()
        ]
        lead = int(offers.rent_lead_months[supply])
        rents = [
            (*head, "rent", name(start - lead), name(start), name(end), count)
            for start, end, count in _spells(self.found.rented[supply])
        ]
        return [*buys, *rents]

    def scenario_region(self, supply: int) -> str:
        """Return the name of a supply's region.

        Parameters
        ----------
        supply : int
            An offer in one of its regions.
        """
        return list(self.scenario.regions)[self.offers.region_of(supply)]

    @property
    def costs(self) -> pd.DataFrame:
        """One row a month: running, capital, rent and power, US dollars, worth now; they sum up.

        Capital stands in the month of arrival: the price, less what the server fetches at the end.
        """
        offers, found = self.offers, self.found
        worth = offers.worth[:-1]
        capital = np.where(found.bought > 0, offers.capital_usd, 0.0) * found.bought
        rent = np.where(found.rented > 0, offers.rent_usd_month[:, None], 0.0) * found.rented
        power = offers.power_usd_month @ self.in_use
        return pd.DataFrame(
            {
                "month": self.months,
                "demand_factor": offers.growth,
                "running_usd": worth * [plan.running_usd for plan in found.plans],
                "capital_usd": capital.sum(axis=0),
                "rent_usd": worth * rent.sum(axis=0),
                "power_usd": worth * power,
            }
        )

    def break_even_months(self, supply: int) -> float:
        r"""Return after how many months of use buying is not dearer than renting.

        The least ``k`` with
        :math:`k \cdot \text{rent} \ge \text{price} - \text{residual}(k)`, money not discounted.

        Parameters
        ----------
        supply : int
            An offer in one of its regions.

        Returns
        -------
        float
            Months; inf where it can only be rented or costs nothing to rent, 0 where it can only
            be bought.
        """
        offers = self.offers
        price, rent = float(offers.buy_usd[supply]), float(offers.rent_usd_month[supply])
        if not np.isfinite(rent):
            return 0.0
        if not np.isfinite(price) or rent == 0:
            return np.inf
        month = np.arange(1, offers.depreciation_months + 1)
        left = offers.residual_share * (1 - month / offers.depreciation_months)
        pays = month * rent >= price * (1 - left) - 1e-9
        # Beyond that it fetches nothing.
        return float(month[pays.argmax()] if pays.any() else np.ceil((price - 1e-9) / rent))

    def scenario_of(self, month: int) -> Scenario:
        """Return the scenario of a month: its demand, and the pools that it runs on.

        Parameters
        ----------
        month : int
            Month, 0 for the first.

        Returns
        -------
        Scenario
            Without the section `hardware`; `planner optimize` accepts it.

        Notes
        -----
        What a replica costs is an average over a region's pools, so with a new type of server the
        plan of this scenario prices replicas a little differently than the purchase did.
        """
        factor = float(self.offers.growth[month])
        demand = {
            service: {o: tuple(rps * factor for rps in hours) for o, hours in table.items()}
            for service, table in self.scenario.demand_rps.items()
        }
        calendar, growth = self.scenario.calendar, self.scenario.growth
        peak = calendar.peak_factor * factor
        return self.scenario.model_copy(
            update={
                "calendar": calendar.model_copy(update={"peak_factor": peak}),
                "demand_rps": demand,
                "growth": growth.model_copy(update={"from_month": self.month_name(month)}),
                "hardware": None,
                "regions": {
                    name: self._region_of(name, region, month)
                    for name, region in self.scenario.regions.items()
                },
            }
        )

    def _region_of(self, name: str, region: Region, month: int) -> Region:
        """Return a region with the pools that a month runs on."""
        pools = dict(region.pools)
        for full, kind, count in zip(
            self.offers.pools.names, self.offers.types, self.in_use[:, month].tolist(), strict=True
        ):
            place, _, label = full.partition("/")
            if place == name and label in pools:
                pools[label] = pools[label].model_copy(update={"servers": count})
            elif place == name and count > 0:
                pools[label] = NodePool(server_type=kind, servers=count)
        return region.model_copy(update={"pools": pools})

    def plan_of(
        self, month: int, *, gap: float = 1e-3, time_limit_s: float = 60.0, seed: int = 0
    ) -> Plan:
        """Return the plan of a month on the servers that it runs on.

        Parameters
        ----------
        month : int
            Month, 0 for the first.
        gap : float
            Relative gap to prove.
        time_limit_s : float
            Seconds the solver may take.
        seed : int
            Random seed of the solver.

        Returns
        -------
        Plan
            That of `scenario_of`.

        Raises
        ------
        SolverStopped
            If no plan was found before the search ended.

        Notes
        -----
        Where Ctrl-C has ended the choice, the solver takes 10 seconds at most, and another Ctrl-C
        breaks it off.
        """
        scenario = self.scenario_of(month)
        problem = build_problem(scenario, failure_states(scenario))
        soon = Stop(_SOON_S) if self.found.interrupted else None
        return optimize(problem, gap=gap, time_limit_s=time_limit_s, seed=seed, stop=soon)


def _spells(count: Ints) -> list[tuple[int, int, int]]:
    """Return (first month, last month, servers) of the rents that add up to counts by month.

    >>> _spells(np.array([0, 1, 2, 1, 0, 1]))
    [(1, 3, 1), (2, 2, 1), (5, 5, 1)]
    """
    found = []
    for level in range(1, int(count.max(initial=0)) + 1):
        there = np.flatnonzero(np.diff(np.concatenate([[0], (count >= level).astype(int), [0]])))
        found += [(int(a), int(b) - 1, 1) for a, b in zip(there[::2], there[1::2], strict=True)]
    same: dict[tuple[int, int], int] = {}
    for start, end, servers in found:
        same[start, end] = same.get((start, end), 0) + servers
    return [(start, end, servers) for (start, end), servers in sorted(same.items())]


def choose_hardware(
    scenario: Scenario,
    *,
    months: int | None = None,
    gap: float = 0.01,
    time_limit_s: float = 300.0,
    seed: int = 0,
    watch: Callable[[Standing], None] | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> HardwareChoice:
    """Choose which servers to buy or rent in each region and month.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario with a section `hardware` and shares at will.
    months : int, optional
        Months planned for; as the scenario says without it.
    gap : float
        Relative gap at which to stop.
    time_limit_s : float
        Seconds after which the best purchase so far is returned.
    seed : int
        Random seed of the solver.
    watch : callable, optional
        Told of better purchases and bounds.
    step : callable
        Told what comes next.

    Returns
    -------
    HardwareChoice
        Purchase by month, its costs, bound and gap.

    Raises
    ------
    Infeasible
        If a month has no plan even with every server that can be there by then.
    SolverStopped
        If no purchase was found before the search ended.
    ValueError
        If the scenario has no section `hardware`, DNS rules bind, or pods are packed at best.

    Notes
    -----
    Minimised is what all months cost together, worth now: the scenario's own objective of each
    month (with replicas priced as without a purchase), what is bought less what it fetches at the
    end, rents, and power at a steady draw.
    """
    refuse_unsuited(scenario, "hardware")
    step("building the problem")
    problem = build_problem(scenario, failure_states(scenario))
    offers = build_offers(scenario, problem, months)
    found = choose(
        problem, offers, gap=gap, time_limit_s=time_limit_s, seed=seed, watch=watch, step=step
    )
    return HardwareChoice(scenario, offers, found)
