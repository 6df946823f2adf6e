"""A plan as it is printed: weights, replicas, shares, latency, cost, headroom, proof."""

from __future__ import annotations

import math
from collections.abc import Iterable

from planner.cli.console import ELSEWHERE, say, say_table, within_gap
from planner.cli.scenario_text import promised
from planner.model.plan import Plan, Stability
from planner.optimization.stopping import Standing
from planner.report.tables import (
    cost_parts,
    origin_p95,
    region_names,
    serving_p95,
    share_groups,
    telling_origins,
)

CONTROLLERS = {"kubefed": "KubeFed", "karmada": "Karmada"}


def print_plan(plan: Plan) -> None:
    """Print a plan."""
    _print_proof(plan)
    _print_replicas(plan)
    _print_shares(plan)
    _print_serving_p95(plan)
    _print_origin_p95(plan)
    _print_cost(plan)
    _print_headroom(plan)
    _print_worst_state(plan)


def standing_text(standing: Standing) -> str:
    """Return how far a search is, in a few words."""
    if not math.isfinite(standing.bound):
        return "no bound yet"
    if standing.objective is None:
        return f"no plan yet, bound {standing.bound:,.0f} USD a month"
    return (
        f"{standing.objective:,.0f} USD a month, bound {standing.bound:,.0f}, "
        f"gap {standing.gap:.2g} (Ctrl-C keeps this plan)"
    )


def _print_proof(plan: Plan) -> None:
    """Print objective, bound and gap."""
    proof, promise = plan.proof, promised(plan.scenario)
    holds = f"; holds with {promise}" if promise else ""
    packed = ", packed at best" if plan.scenario.policy.packing == "at_best" else ""
    say(f"{plan.scenario.scenario}: {plan.steering} steering{packed}{holds}")
    say(
        f"objective {proof.objective:,.2f} USD a month, proven bound {proof.bound:,.2f}, "
        f"gap {proof.gap:.2g} ({_ended(plan)})"
    )
    if proof.status == "limit":
        say(ELSEWHERE)
    say(f"solver {proof.solver}, seed {proof.seed}")
    if plan.stability is not None:
        say(_stability(plan, plan.stability))
    say("")


def _ended(plan: Plan) -> str:
    """Say why the search ended."""
    if plan.proof.status == "limit":
        return "stopped early"
    near = plan.stability
    if near is not None:
        return f"within {100 * near.tolerance:g} %, as asked for"
    return within_gap(plan.proof.gap)


def _stability(plan: Plan, near: Stability) -> str:
    """Say how far the plan is from the earlier one, what that costs, and what it spares."""
    extra = plan.proof.objective - near.cheapest_usd_month
    share = extra / abs(near.cheapest_usd_month) if near.cheapest_usd_month else 0.0
    cost = f"costs {_percent(share)} % more than" if share > 5e-7 else "costs no more than"
    moved = _moved(near.demand_share, near.replicas, "moves", "changes")
    other = _moved(near.cheapest_demand_share, near.cheapest_replicas, "move", "change")
    most = f"score {near.score:.4g}, proven bound {near.score_bound:.4g}"
    return f"from the earlier plan: {moved} ({most})\n  {cost} the cheapest, which would {other}"


def _moved(share: float | None, replicas: int, moves: str, changes: str) -> str:
    """Say what moves."""
    count = f"{replicas} replica{'' if replicas == 1 else 's'}"
    if share is None:
        return f"{changes} {count}"
    return f"{moves} {_percent(share)} % of the demand and {changes} {count}"


def _percent(share: float) -> str:
    """Write a share in percent, with two figures or all before the point.

    Examples
    --------
    >>> _percent(0.0123), _percent(0.996), _percent(0.0)
    ('1.2', '100', '0')
    """
    return f"{100 * share:.2g}" if share < 0.0995 else f"{100 * share:.0f}"


def _print_replicas(plan: Plan) -> None:
    """Print replicas and, for each federation controller, the weights that produce them."""
    regions = list(plan.scenario.regions)
    controllers = sorted({c for s in plan.services.values() for c in s.weights}, reverse=True)
    rows: list[list[object]] = []
    for name, service in plan.services.items():
        replicas = [service.replicas.get(r, 0) for r in regions]
        rows.append([name, "replicas", *replicas, service.total])
        for controller in controllers:
            weights = [service.weights.get(controller, {}).get(r, 0) for r in regions]
            rows.append(["", f"{CONTROLLERS[controller]} weight", *weights, sum(weights)])
    say_table("Replicas and weights", ["service", "", *_names(plan), "total"], rows, left=2)


def _names(plan: Plan) -> list[str]:
    """Return the regions' names."""
    return list(region_names(plan.scenario).values())


def _print_shares(plan: Plan) -> None:
    """Print who goes where and, after a loss, where to."""
    for hosts, rows in share_groups(plan).groupby("hosts", sort=False):
        say_table(
            f"Shares of {hosts}: the first region that is up serves",
            ["share and order", "origins"],
            zip(rows.shares, rows.origins, strict=True),
            left=2,
        )


def _print_serving_p95(plan: Plan) -> None:
    """Print the 95th percentile by serving region."""
    table = serving_p95(plan)
    say_table(
        "p95 by serving region, ms (end to end, all up, worst hour)",
        ["service", *_names(plan), "promised"],
        ([name, *map(_ms, row)] for name, row in zip(table.index, table.to_numpy(), strict=True)),
    )


def _ms(value: float) -> str:
    """Write milliseconds; a dash where nobody is served."""
    return "-" if math.isnan(value) else f"{value:.0f}"


def _print_origin_p95(plan: Plan) -> None:
    """Print the 95th percentile of the origins that tell most."""
    table, telling = origin_p95(plan), telling_origins(plan)
    say_table(
        "p95 by users' region, ms (end to end, all up, worst hour)",
        ["origin", "", *table.columns],
        (
            [o, plan.scenario.origins[o].name, *map(_ms, row)]
            for o, row in zip(telling, table.loc[telling].to_numpy(), strict=True)
        ),
        left=2,
    )
    others = table.drop(index=telling)
    if len(others):
        slowest = ", ".join(
            f"{service} {_ms(float(value))}" for service, value in others.max().items()
        )
        say(f"  and {len(others)} more, at most {slowest}; all are in plan.yaml")
        say("")


def _print_cost(plan: Plan) -> None:
    """Print the objective's parts."""
    table = cost_parts(plan)
    money = map("{:,.2f}".format, table.usd_month)
    say_table(
        "Cost, USD a month",
        ["part", "from", "USD a month"],
        [*zip(table.part, table["from"], money, strict=True), _sum_row(table.usd_month)],
        left=2,
    )


def _sum_row(parts: Iterable[float]) -> tuple[str, str, str]:
    """Return the last line of the costs."""
    return "objective", "", f"{math.fsum(parts):,.2f}"


def _print_headroom(plan: Plan) -> None:
    """Print how much more demand the plan bears."""
    headroom = plan.headroom
    growth = plan.scenario.growth.share_year
    when = f"; growing {100 * growth:g} % a year, passed in {headroom.month}"
    passed = when if headroom.month else "; not passed at the stated growth"
    say(f"headroom: {headroom.factor:.2f} × demand{passed if growth else ''}")
    say(f"  limited by {headroom.limited_by}")
    names = region_names(plan.scenario)
    own = [f"{names[r]} {f'{x:.2f}' if x else 'idle'}" for r, x in headroom.regions.items()]
    if own:
        say(f"  by region: {', '.join(own)}")


def _print_worst_state(plan: Plan) -> None:
    """Print the failure state that hurts most."""
    worst = plan.worst_state
    if worst is None:
        say("worst failure state: none is promised")
        return
    say(
        f"worst failure state: {worst.state}: {100 * worst.unserved_share:.3g} % unserved, "
        f"p95 at {100 * worst.p95_over_limit:.0f} % of its limit"
    )
    say(f"  {worst.cause}")
