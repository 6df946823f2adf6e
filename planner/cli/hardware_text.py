"""A choice of hardware as it is printed, and for programs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.cli.console import ELSEWHERE, counted, say, say_table, within_gap
from planner.report.answers import Answer
from planner.studies.hardware import HardwareChoice

HOW = (
    "all months together, worth now: the scenario's own objective, purchases less what they fetch "
    "at the end, rents, power; each month's pods fit its pools in any order"
)


def hardware_answer(choice: HardwareChoice) -> Answer:
    """Return what a program wants to know of a choice of hardware.

    Parameters
    ----------
    choice : HardwareChoice
        The choice.

    Returns
    -------
    dict
        ``scenario, method, months, objective, bound, gap, status, cost, orders, pools, costs,
        power, offers``.
    """
    found = choice.found
    costs = choice.costs
    return {
        "scenario": choice.scenario.scenario,
        "method": HOW,
        "months": list(choice.months),
        "objective": found.objective,
        "bound": found.bound,
        "gap": found.gap,
        "status": found.status,
        "cost": {key: float(costs[key].sum()) for key in map(str, costs) if key.endswith("_usd")},
        "orders": choice.orders.to_dict(orient="records"),
        "pools": choice.pools.to_dict(orient="records"),
        "costs": costs.to_dict(orient="records"),
        "power": [
            {
                "region": region,
                "drawn_w": choice.drawn_w[r].tolist(),
                "limit_w": _finite(float(choice.offers.limit_w[r])),
            }
            for r, region in enumerate(choice.scenario.regions)
        ],
        "offers": [
            {
                "offer": choice.offers.names[choice.offers.offer[supply]],
                "region": choice.scenario_region(supply),
                "buy_usd": _finite(float(choice.offers.buy_usd[supply])),
                "rent_usd_month": _finite(float(choice.offers.rent_usd_month[supply])),
                "break_even_months": _finite(choice.break_even_months(supply)),
                "advice": advice(choice, supply),
            }
            for supply in range(choice.offers.offer.size)
        ],
    }


def _finite(value: float) -> float | None:
    """Return a number that JSON has: what there is not is None."""
    return value if np.isfinite(value) else None


def print_hardware(choice: HardwareChoice) -> None:
    """Print a choice of hardware."""
    found, months = choice.found, choice.months
    say(
        f"{choice.scenario.scenario}: hardware for {counted(len(months), 'month')}, {months[0]} to "
        f"{months[-1]}; demand grows {choice.scenario.growth.share_year:.0%} a year"
    )
    ended = within_gap(found.gap) if found.status == "optimal" else "stopped early"
    say(
        f"objective {found.objective:,.2f} USD, proven bound {found.bound:,.2f}, gap "
        f"{found.gap:.1e} ({ended})"
    )
    say(HOW)
    if found.status != "optimal":
        say(ELSEWHERE)
    say("")
    _print_orders(choice)
    _print_servers(choice)
    _print_costs(choice)
    _print_power(choice)
    say("Rent or buy")
    for supply in range(choice.offers.offer.size):
        say(f"  {advice(choice, supply)}")


def _print_orders(choice: HardwareChoice) -> None:
    """Print what to order and when."""
    if choice.orders.empty:
        say("nothing to order: the servers that are there do")
        say("")
        return
    say_table(
        "What to order",
        ["order in", "what", "offer", "region", "server type", "serves", "servers"],
        (
            [
                row["order"],
                row["how"],
                row["offer"],
                row["region"],
                row["server_type"],
                _while(str(row["from"]), str(row["until"])),
                row["servers"],
            ]
            for row in choice.orders.to_dict(orient="records")
        ),
        left=6,
    )


def _while(start: str, end: str) -> str:
    """Say from when to when a server serves."""
    if not end:
        return f"from {start}"
    return f"in {start}" if start == end else f"{start} to {end}"


def _print_servers(choice: HardwareChoice) -> None:
    """Print the servers of each pool, now and by month; a change of nothing is not repeated."""
    offers, shown = choice.offers, _changes(choice)
    used = [p for p in range(len(offers.types)) if choice.in_use[p].any()]
    say_table(
        "Servers in use",
        ["region", "server type", "there", *(choice.months[m] for m in shown)],
        (
            [
                list(choice.scenario.regions)[offers.pools.region[p]],
                offers.types[p],
                offers.pools.servers[p],
                *(choice.in_use[p, m] for m in shown),
            ]
            for p in used
        ),
        left=2,
    )


def _changes(choice: HardwareChoice) -> list[int]:
    """Return the months in which the servers in use change, the first and the last."""
    differs = np.flatnonzero((np.diff(choice.in_use, axis=1) != 0).any(axis=0)) + 1
    return sorted({0, *differs.tolist(), len(choice.months) - 1})


def _print_costs(choice: HardwareChoice) -> None:
    """Print what each month costs."""
    costs = choice.costs
    parts = ["running_usd", "capital_usd", "rent_usd", "power_usd"]
    total = [costs[part].sum() for part in parts]
    rows = [
        [row["month"], f"{row['demand_factor']:.3f}", *(f"{row[part]:,.0f}" for part in parts)]
        for row in costs.to_dict(orient="records")
    ]
    say_table(
        "Costs, USD worth now (capital: the price less what the server fetches at the end)",
        ["month", "demand", "running", "capital", "rent", "power"],
        [*rows, ["sum", "", *(f"{each:,.0f}" for each in total)]],
    )


def _print_power(choice: HardwareChoice) -> None:
    """Print the largest draw of each region against its limit."""
    offers = choice.offers
    if not offers.power_w.any():
        return
    say_table(
        "Power, W",
        ["region", "now", "at most", "in", "limit"],
        (
            [
                region,
                f"{offers.drawn_w(offers.pools.servers)[r]:,.0f}",
                f"{choice.drawn_w[r].max():,.0f}",
                choice.months[int(choice.drawn_w[r].argmax())],
                f"{offers.limit_w[r]:,.0f}" if np.isfinite(offers.limit_w[r]) else "none",
            ]
            for r, region in enumerate(choice.scenario.regions)
        ),
    )


def advice(choice: HardwareChoice, supply: int) -> str:
    """Say of an offer in a region whether to rent or to buy, and from how many months on.

    Parameters
    ----------
    choice : HardwareChoice
        The choice.
    supply : int
        An offer in one of its regions.

    Returns
    -------
    str
        One sentence.
    """
    offers = choice.offers
    name = f"{offers.names[offers.offer[supply]]} in {choice.scenario_region(supply)}"
    return f"{name}: {', '.join(_chosen(choice, supply))}; {_break_even(choice, supply)}"


def _chosen(choice: HardwareChoice, supply: int) -> Iterator[str]:
    """Say what is bought and rented."""
    bought = int(choice.found.bought[supply].sum())
    rented = int(choice.found.rented[supply].sum())
    if bought:
        yield f"buy {bought}"
    if rented:
        yield f"rent for {counted(rented, 'server month')}"
    if not bought and not rented:
        yield "not needed"


def _break_even(choice: HardwareChoice, supply: int) -> str:
    """Say after how many months of use buying pays."""
    offers, months = choice.offers, choice.break_even_months(supply)
    price, rent = float(offers.buy_usd[supply]), float(offers.rent_usd_month[supply])
    if months == 0:
        return f"it can only be bought, for {price:,.0f} USD"
    if not np.isfinite(price):
        return f"it can only be rented, for {rent:,.0f} USD a month"
    if not np.isfinite(months):
        return f"renting costs nothing, buying {price:,.0f} USD"
    return (
        f"buying ({price:,.0f} USD) pays from {counted(int(months), 'month')} of use on, before "
        f"that renting ({rent:,.0f} USD a month)"
    )
