"""Tail risk as it is printed, and for programs."""

from __future__ import annotations

from planner.cli.console import ELSEWHERE, counted, say, say_table
from planner.optimization.resolved import from_to
from planner.report.answers import Answer
from planner.simulation.tail import Tail
from planner.studies.tail_risk import RatedPlan, TailStudy

MOST_STATES = 12


def risk_answer(study: TailStudy) -> Answer:
    """Return what a program wants to know of the tail.

    Parameters
    ----------
    study : TailStudy
        Both plans.

    Returns
    -------
    dict
        ``scenario, beta, states, budget_usd_month, plans, bound, gap, proven, tail_states,
        replicas``.
    """
    states = study.table.reset_index().to_dict(orient="records")
    moved = study.moved_replicas.to_dict(orient="records")
    return {
        "scenario": study.scenario.scenario,
        "beta": study.beta,
        "states": len(study.states),
        "uncovered_probability": study.states.uncovered_probability,
        "budget_usd_month": study.budget_usd_month,
        "plans": {
            "cheapest": _plan_answer(study.cheapest),
            "least_tail": _plan_answer(study.least),
        },
        "bound": study.bound,
        "gap": study.gap,
        "proven": study.proven,
        "tail_states": [{str(k): v for k, v in row.items()} for row in states],
        "replicas": [{str(k): v for k, v in row.items()} for row in moved],
    }


def _plan_answer(rated: RatedPlan) -> Answer:
    """Return one plan."""
    return {
        "cost_usd_month": rated.cost_usd_month,
        "mean_latency_ms": rated.plan.cost.mean_latency_ms,
        "cvar": [rated.tail.low, rated.tail.high],
        "cvar_all_losses": [rated.whole_tail.low, rated.whole_tail.high],
    }


def print_risk(study: TailStudy) -> None:
    """Print both plans, what makes their tails, and where their replicas differ."""
    _print_head(study)
    _print_plans(study)
    _print_states(study)
    _print_replicas(study)


def _print_head(study: TailStudy) -> None:
    """Print what the tail is."""
    hours = (1 - study.beta) * 8766
    say(
        f"{study.scenario.scenario}: the worst {1 - study.beta:.3g} of the time (beta "
        f"{study.beta:g}), {hours:,.1f} hours a year"
    )
    say(
        f"CVaR: mean part of all demand not served in it, hours alike; of "
        f"{counted(len(study.states), 'failure state')}, those left out "
        f"(probability {study.states.uncovered_probability:.1e}) losing nothing or everything"
    )
    say("")


def _print_plans(study: TailStudy) -> None:
    """Print both plans and what the second costs more."""
    first, second = study.cheapest, study.least
    say_table(
        f"plans; budget for regions and replicas {study.budget_usd_month:,.2f} USD a month",
        ["plan", "CVaR, %", "with all losses, %", "cost, USD a month", "mean latency, ms"],
        [
            [name, _interval(p.tail), _interval(p.whole_tail), *_figures(p)]
            for name, p in (("cheapest", first), ("least tail", second))
        ],
    )
    say(
        f"no plan within the budget has a CVaR below {100 * study.bound:.4g} % at the high end "
        f"(gap {study.gap:.2g}{'' if study.proven else ', stopped early'})"
    )
    if not study.proven:
        say(ELSEWHERE)
    more = second.cost_usd_month - first.cost_usd_month
    late = second.plan.cost.mean_latency_ms - first.plan.cost.mean_latency_ms
    say(
        f"least tail instead of cheapest: {more:+,.2f} USD a month, {late:+.2f} ms mean latency, "
        f"{100 * (second.tail.high - first.tail.high):+.4g} percentage points of CVaR"
    )
    say("'with all losses' adds uplinks, tunnels and home calls, as the replay sees them")
    say("")


def _interval(tail: Tail) -> str:
    """Write both ends in percent, once where they are the same."""
    return from_to(100 * tail.low, 100 * tail.high, ".4g")


def _figures(rated: RatedPlan) -> list[str]:
    """Write cost and mean latency."""
    return [f"{rated.cost_usd_month:,.2f}", f"{rated.plan.cost.mean_latency_ms:.2f}"]


def _print_states(study: TailStudy) -> None:
    """Print the states that make the tail of either plan."""
    table = study.table
    weighty = table[(table["cheapest_tail_weight"] > 0) | (table["least_tail_tail_weight"] > 0)]
    if weighty.empty:
        say("no state in the tail loses anything")
        say("")
        return
    say_table(
        "what makes the tail: loss, % of all demand, and part of the tail, %",
        ["state", "probability", "cheapest: loss", "of tail", "least tail: loss", "of tail"],
        [
            [
                name,
                f"{row['probability']:.2e}",
                f"{100 * row['cheapest_loss_share']:.2f}",
                f"{100 * row['cheapest_tail_weight']:.3g}",
                f"{100 * row['least_tail_loss_share']:.2f}",
                f"{100 * row['least_tail_tail_weight']:.3g}",
            ]
            for name, row in weighty.head(MOST_STATES).iterrows()
        ],
    )
    if len(weighty) > MOST_STATES:
        say(f"and {counted(len(weighty) - MOST_STATES, 'more state')}, each of which adds less")
        say("")


def _print_replicas(study: TailStudy) -> None:
    """Print where the plans have different replicas."""
    moved = study.moved_replicas
    if moved.empty:
        say("both plans have the same replicas; only shares and orders differ")
        return
    say_table(
        "replicas that differ",
        ["service", "region", "cheapest", "least tail"],
        moved.itertuples(index=False, name=None),
        left=2,
    )
