"""What failures do to a plan, as it is printed."""

from __future__ import annotations

import math

import numpy as np

from planner.cli.console import counted, say, say_table
from planner.studies.failures import FailureStudy
from planner.units import MINUTES_PER_YEAR

MOST_ROWS = 25


def print_study(study: FailureStudy) -> None:
    """Print the failure matrix, availability, the worst state and the controller's deviations."""
    _print_head(study)
    _print_matrix(study)
    _print_latency(study)
    _print_links(study)
    _print_availability(study)
    _print_worst(study)
    _print_list("not kept:", study.missed)
    _print_list("what is not as planned:", study.findings)


def _print_head(study: FailureStudy) -> None:
    """Print what was replayed."""
    states, scenario = study.states, study.plan.scenario
    what = f"{counted(len(states), 'failure state')} of {len(states.components)} components"
    if states.samples:
        say(f"{scenario.scenario}: {what}, {states.samples:,} drawn")
    else:
        left = f"probability {states.covered_probability:.9f} covered"
        say(f"{scenario.scenario}: {what}, {left}, {states.uncovered_probability:.1e} left out")
    say("")


def _print_matrix(study: FailureStudy) -> None:
    """Print the share of each service that each state leaves unserved.

    Promised states stand first, the others by the requests that they lose in expectation.
    """
    result, services = study.assessment, study.assessment.axes.services
    share, month = result.failure_matrix.to_numpy(), result.lost_requests_month
    order = sorted(
        range(len(share)), key=lambda k: (not result.must_survive[k], -month[k], -share[k].max(), k)
    )
    shown = [k for k in order if result.must_survive[k] or share[k].max() > 0][:MOST_ROWS]
    rows = [
        [
            result.axes.states[k],
            f"{result.state_probability[k]:.2e}",
            "yes" if result.must_survive[k] else "",
            *(_percent(value) for value in share[k]),
            f"{month[k]:,.0f}",
            _ratio(result.p95_over_limit[k]),
        ]
        for k in shown
    ]
    say_table(
        "Failure matrix: unserved in the worst hour, % of each service's requests; in all, a month",
        ["state", "probability", "promised", *services, "lost a month", "p95 / limit"],
        rows,
        left=1,
    )
    losing = np.flatnonzero(share.max(axis=1) > 0)
    hidden = len(set(losing.tolist()) - set(shown))
    rest = f", {hidden} of them not shown" if hidden else ""
    say(f"  {losing.size} of {len(share)} states lose requests{rest}")
    say("")


def _percent(share: float) -> str:
    """Write a share as percent."""
    return "0" if share <= 0 else f"{100 * share:.2f}" if share >= 5e-5 else "< 0.01"


def _ratio(value: float) -> str:
    """Write a ratio; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.2f}"


def _print_latency(study: FailureStudy) -> None:
    """Print response times with everything up."""
    table = study.normal.table("service").droplevel("state")
    figures = ("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms")
    say_table(
        "Response times with everything up, whole day, ms",
        ["service", *(name.removesuffix("_ms") for name in figures), "within the objective"],
        (
            [name, *(f"{row[c]:.0f}" for c in figures), f"{100 * row['within_share']:.2f} %"]
            for name, row in table.iterrows()
        ),
    )


def _print_links(study: FailureStudy) -> None:
    """Print the busiest hour of each tunnel, with everything up and in the state that fills it."""
    links = study.assessment.links
    if links is None or not links.links:
        return
    busiest = links.load_gbps.max(axis=2)
    up = links.capacity_gbps > 0
    used = np.divide(busiest, links.capacity_gbps, out=np.zeros_like(busiest), where=up)
    rows = [
        [
            name,
            f"{busiest[0, link]:.4f}",
            f"{links.capacity_gbps[0, link]:g}",
            f"{100 * used[0, link]:.1f} %",
            f"{100 * used[:, link].max():.1f} %",
            study.assessment.axes.states[int(used[:, link].argmax())],
        ]
        for link, name in enumerate(links.links)
    ]
    say_table(
        "Tunnels: calls to home regions in their busiest hour",
        ["link", "Gbit/s", "capacity", "used", "at worst", "state"],
        rows,
    )


def _print_availability(study: FailureStudy) -> None:
    """Print availability as an interval, in nines and minutes a year."""
    found = study.availability
    kind = (
        "95 % confidence" if found.kind == "confidence" else "low counts what is left out as down"
    )
    table = found.table
    say_table(
        f"Availability ({kind})",
        ["service", "low", "high", "nines", "minutes a year", "in the hour after"],
        (
            [
                name,
                f"{100 * row.low:.5f} %",
                f"{100 * row.high:.5f} %",
                f"{abs(row.low_nines):.2f} to {row.high_nines:.2f}",
                f"{row.high_minutes_year:.1f} to {row.low_minutes_year:.1f}",
                f"{row.transient_share * MINUTES_PER_YEAR:.2f}",
            ]
            for name, row in table.iterrows()
        ),
    )


_MEASURES = {
    "unserved_share": "{value:.3g} % of {service} unserved",
    "p95_over_limit": "p95 of {service} at {value:.0f} % of its limit",
    "used_share": "nothing is lost; {service} uses {value:.0f} % of what its replicas may carry",
}


def _print_worst(study: FailureStudy) -> None:
    """Print the promised state that hurts most."""
    worst = study.worst
    what = _MEASURES[worst.measure].format(value=100 * worst.value, service=worst.service)
    say(f"worst promised state: {worst.state}: {what}")
    say(f"  {worst.cause}")
    say("")


def _print_list(title: str, sentences: tuple[str, ...]) -> None:
    """Print sentences under a title."""
    if sentences:
        say(title)
        for sentence in sentences:
            say(f"  {sentence}")
        say("")
