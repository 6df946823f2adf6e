"""An explanation as it is printed, and for programs: sentences, a table, one plain object."""

from __future__ import annotations

import math
from textwrap import fill
from typing import Any

from planner.cli.console import ELSEWHERE, say, say_table
from planner.optimization.excuse import Excuse
from planner.optimization.reasons import excuse_reason, more_usd, witness_reason
from planner.optimization.resolved import Interval
from planner.optimization.witness import Witness
from planner.report.answers import Answer
from planner.report.tables import region_names
from planner.studies.explanation import Explanation
from planner.studies.savings import Saving

HOW = (
    "Each count: all others are held, users are steered anew, and what then forbids one fewer is "
    "named. An hour needs the count by itself, or with those after 'with'. With the plan's own "
    "shares left as they are more may be needed: see 'planner simulate'."
)
WIDTH = 110


def print_explanation(found: Explanation) -> None:
    """Print an explanation."""
    say(f"{found.plan.scenario.scenario}: {_cost(found)}")
    say("")
    say(fill(HOW, WIDTH))
    say("")
    for service, own in found.table.groupby("service", sort=False):
        say(str(service))
        for row in own.itertuples():
            count = f"  {row.replicas} in {_name(found, str(row.region))}: {row.why}"
            say(fill(count, WIDTH, subsequent_indent=" " * 6))
        say("")
    _print_unused(found)
    _print_prices(found)
    if found.savings:
        _print_savings(found)
    if not found.proven:
        say(ELSEWHERE)


def _cost(found: Explanation) -> str:
    """Say what the plan costs; where all is measured against another, what that is."""
    value = found.value
    cost = f"{value.objective:,.2f} USD a month, no plan costs less than {value.bound:,.2f}"
    if found.ruled:
        own = f"{found.plan.proof.objective:,.2f} USD a month by its rules of DNS (dns.rules)"
        own = "made for another objective" if found.remeasured else own
        return f"{own}\nshares are taken as free here: the best plan then costs {cost}"
    if found.remeasured:
        return f"made for another objective; the best plan of this one costs {cost}"
    return cost


def _name(found: Explanation, region: str) -> str:
    """Return the region's name for people."""
    return region_names(found.plan.scenario)[region]


def _print_unused(found: Explanation) -> None:
    """Print what it would cost to use the regions that are not."""
    for region, interval in found.unused_regions.items():
        if interval is not None:
            say(f"{_name(found, region)} is not used: with one service there, {more_usd(interval)}")
        else:
            say(f"{_name(found, region)} is not used: no service may or can run there")
    if found.unused_regions:
        say("")


def _print_prices(found: Explanation) -> None:
    """Print the duals of the uplinks: the only limits that are continuous."""
    prices = found.uplink_usd_month_per_gbps
    if prices is None:
        return
    named = dict(zip(found.problem.axes.regions, prices, strict=True))
    bought = [
        f"{price:,.2f} USD a month for each Gbit/s more in {_name(found, region)}"
        for region, price in named.items()
        if price > 0
    ]
    say("uplinks, local prices (duals: all counts held, true only near this plan)")
    say(
        f"  {'; '.join(bought) if bought else 'nothing: no uplink is full where it costs anything'}"
    )
    say("")


def _print_savings(found: Explanation) -> None:
    """Print what each edit saves or costs."""
    say_table(
        "What if: each change alone, everything else free",
        ["change", "then the best plan", "server, USD"],
        ([s.change, s.sentence, _price(s)] for s in found.savings),
        left=2,
    )


def _price(saving: Saving) -> str:
    """Write what the server costs, if there is one."""
    return "" if saving.server_usd_month is None else f"{saving.server_usd_month:,.0f}"


def explanation_answer(found: Explanation) -> Answer:
    """Return what a program wants to know of an explanation.

    Parameters
    ----------
    found : Explanation
        The explanation.

    Returns
    -------
    dict
        ``scenario, objective, bound, remeasured, ruled, counts, excuses, unused_regions, uplinks,
        savings, proven``; where ``ruled``, objective and bound are those of free shares.
    """
    prices, regions = found.uplink_usd_month_per_gbps, found.problem.axes.regions
    return {
        "scenario": found.plan.scenario.scenario,
        "objective": _plain(found.value.objective),
        "bound": _plain(found.value.bound),
        "remeasured": found.remeasured,
        "ruled": found.ruled,
        "counts": [_count(found, w) for w in found.witnesses],
        "excuses": [_excuse(found, e) for e in found.excuses],
        "unused_regions": {r: _interval(i) for r, i in found.unused_regions.items()},
        "uplink_usd_month_per_gbps": None
        if prices is None
        else {r: round(float(p), 6) for r, p in zip(regions, prices, strict=True)},
        "savings": [_saving(s) for s in found.savings],
        "proven": found.proven,
    }


def _count(found: Explanation, witness: Witness) -> Answer:
    """Return one count and its witness."""
    axes = found.problem.axes
    return {
        "service": axes.services[witness.service],
        "region": axes.regions[witness.region],
        "replicas": witness.replicas,
        "kinds": list(witness.kinds),
        "witness": [
            [{"state": axes.states[k], "hour_utc": axes.hours[h]} for k, h in one]
            for one in witness.sets
        ],
        "without": witness.without,
        "without_states": witness.without_states,
        "keeps_promises": witness.keeps_promises,
        "dearer_usd_month": _interval(witness.dearer),
        "proven": witness.proven,
        "why": witness_reason(found.problem, witness),
    }


def _excuse(found: Explanation, excuse: Excuse) -> Answer:
    """Return why a service does not run in a region."""
    axes = found.problem.axes
    return {
        "service": axes.services[excuse.service],
        "region": axes.regions[excuse.region],
        "kind": excuse.kind,
        "dearer_usd_month": _interval(excuse.dearer),
        "why": excuse_reason(found.problem, excuse),
    }


def _saving(saving: Saving) -> Answer:
    """Return what an edit saves or costs."""
    return {
        "change": saving.change,
        "dearer_usd_month": _interval(saving.dearer),
        "feasible": saving.feasible,
        "solved": saving.solved,
        "server_usd_month": saving.server_usd_month,
        "means": saving.sentence,
    }


def _interval(interval: Interval | None) -> list[Any] | None:
    """Return both ends; an end that is not known is None."""
    return None if interval is None else [_plain(interval.low), _plain(interval.high)]


def _plain(value: float) -> float | None:
    """Return a number that JSON has."""
    # A difference that is nothing has no sign.
    return round(value, 6) + 0.0 if math.isfinite(value) else None
