"""Replicas that follow the day as they are printed, and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.cli.console import say, say_table
from planner.cli.plan_text import CONTROLLERS
from planner.report.answers import Answer
from planner.report.tables import region_names
from planner.studies.hourly import HourPlan


def hours_answer(found: HourPlan) -> dict[str, Any]:
    """Return what a program wants to know of replicas that follow the day.

    Parameters
    ----------
    found : HourPlan
        The schedule and what it saves.

    Returns
    -------
    dict
        ``scenario, policy, controller, hours_utc, services, saving, missed, findings``; per service
        the fixed total, KubeFed's bounds by region, weights, and the totals and replicas of every
        hour.
    """
    schedule = found.hourly.model_dump(mode="json")
    services = {
        name: {
            "fixed_total": found.plan.services[name].total,
            **_bounds(found, name),
            **hours,
        }
        for name, hours in schedule.pop("services").items()
    }
    return {
        "scenario": found.plan.scenario.scenario,
        "policy": _policy(found),
        **schedule,
        "services": services,
        "saving": [
            {
                "region": region,
                "replica_hours_month": float(row.replica_hours_month),
                "usd_month": float(row.usd_month),
                "rented": bool(row.rented),
            }
            for region, row in found.saving.iterrows()
        ],
        "missed": list(found.missed),
        "findings": list(found.findings),
    }


def print_hours(found: HourPlan) -> None:
    """Print replicas that follow the day.

    Parameters
    ----------
    found : HourPlan
        The schedule and what it saves.
    """
    controller = CONTROLLERS[found.hourly.controller]
    say(f"{found.plan.scenario.scenario}: replicas of every hour, divided by {controller}")
    if _policy(found) == "fixed":
        say(
            "policy.replicas is fixed: the plan runs its totals all day; hourly is what it could do"
        )
    say("")
    _print_totals(found)
    _print_weights(found)
    _print_saving(found)
    _print_verdict(found)


def _policy(found: HourPlan) -> str:
    """Return whether the scenario lets replicas follow the day."""
    return found.plan.scenario.policy.replicas or "fixed"


def _print_totals(found: HourPlan) -> None:
    """Print the totals of every hour, and the fixed ones."""
    services = found.hourly.services
    rows: list[list[object]] = [
        [f"{hour:02d}:00", *(s.totals[place] for s in services.values())]
        for place, hour in enumerate(found.hourly.hours_utc)
    ]
    rows.append(["fixed", *(found.plan.services[name].total for name in services)])
    say_table("Totals", ["UTC", *services], rows)


def _print_weights(found: HourPlan) -> None:
    """Print the weights that stand all day."""
    names = region_names(found.plan.scenario)
    rows = [
        [name, *(hours.weights.get(region, 0) for region in names), "yes" if hours.exact else "no"]
        for name, hours in found.hourly.services.items()
    ]
    say_table("Weights, all day", ["service", *names.values(), "least possible"], rows)
    if found.hourly.controller == "kubefed":
        _print_bounds(found, names)


def _print_bounds(found: HourPlan, names: dict[str, str]) -> None:
    """Print within which counts KubeFed divides: weights alone do not say what it makes."""
    rows = [
        [name, *(_between(_bounds(found, name), region, hours.weights) for region in names)]
        for name, hours in found.hourly.services.items()
    ]
    say_table("Fewest and most replicas, as exported", ["service", *names.values()], rows)


def _between(bounds: Answer, region: str, weights: Mapping[str, int]) -> str:
    """Write the bounds of a region that the controller knows."""
    if not weights.get(region):
        return "–"
    return f"{bounds['min_replicas']} to {bounds['max_replicas'].get(region, 'any')}"


def _bounds(found: HourPlan, name: str) -> Answer:
    """Return the bounds that KubeFed's preference gives each region; Karmada's has none."""
    if found.hourly.controller != "kubefed":
        return {}
    return {
        "min_replicas": found.plan.scenario.services[name].min_replicas,
        "max_replicas": dict(found.plan.services[name].max_replicas),
    }


def _print_saving(found: HourPlan) -> None:
    """Print what fewer replicas save, and where they save nothing."""
    names = region_names(found.plan.scenario)
    rows: list[list[object]] = [
        [
            names[str(region)],
            f"{row.replica_hours_month:,.0f}",
            f"{row.usd_month:,.2f}" if row.rented else "owned",
        ]
        for region, row in found.saving.iterrows()
    ]
    rows.append(
        [
            "together",
            f"{found.saving.replica_hours_month.sum():,.0f}",
            f"{found.saving.usd_month.sum():,.2f}",
        ]
    )
    say_table(
        "Saved against fixed replicas", ["region", "replica-hours a month", "USD a month"], rows
    )
    owned = [names[str(region)] for region, row in found.saving.iterrows() if not row.rented]
    if owned:
        say(
            f"servers in {', '.join(owned)} are owned: they cost the same with fewer replicas "
            "(policy.rented_regions names those that are rented by the hour)"
        )


def _print_verdict(found: HourPlan) -> None:
    """Print what the judge found."""
    if not found.missed:
        say("every promise holds in every hour, before and after the controller has divided anew")
        return
    for sentence in found.missed:
        say(f"not kept: {sentence}")
