"""Regret as it is printed, and for programs."""

from __future__ import annotations

import numpy as np

from planner.cli.console import ELSEWHERE, say, say_table
from planner.optimization.resolved import from_to
from planner.report.answers import Answer
from planner.studies.regret import LEAST, RegretStudy


def regret_answer(study: RegretStudy) -> Answer:
    """Return what a program wants to know of regret.

    Parameters
    ----------
    study : RegretStudy
        What was found.

    Returns
    -------
    dict
        ``scenario, promise_usd, demands, regret, regrets, replicas, proven``; money in US dollars a
        month.
    """
    return {
        "scenario": study.scenario.scenario,
        "promise_usd": study.promise_usd,
        "demands": {
            name: {
                **demand.model_dump(exclude_defaults=True),
                "least_cost": [each.low, each.high],
            }
            for (name, demand), each in zip(study.demands.items(), study.found.best, strict=True)
        },
        "regret": [study.regret.low, study.regret.high],
        "regrets": {
            str(plan): {str(name): float(value) for name, value in row.items()}
            for plan, row in study.table.iterrows()
        },
        "replicas": {
            str(service): {str(region): int(count) for region, count in row.items()}
            for service, row in study.plan.replicas.iterrows()
        },
        "proven": study.proven,
    }


def print_regret(study: RegretStudy) -> None:
    """Print what demands cost at least, the table of regrets, and the replicas."""
    say(
        f"{study.scenario.scenario}: replicas are bought before demand is known, shares follow it; "
        "regret is what a plan costs beyond the best for the demand that comes"
    )
    say(
        "a request that the worst promised state turns away costs "
        f"{study.promise_usd:g} USD; under 'mid', the scenario's own demand, none is"
    )
    say("")
    _print_regrets(study)
    _print_proof(study)
    say_table(
        "replicas of least regret",
        ["service", *study.plan.replicas.columns],
        [[name, *row] for name, row in study.plan.replicas.iterrows()],
    )


def _print_regrets(study: RegretStudy) -> None:
    """Print what each demand costs at least, and who is regretted how much under it."""
    table, costs, regrets = study.table, study.costs, study.found.table
    low, high = costs["bound"].to_numpy(), costs["found"].to_numpy()
    sure = np.maximum(regrets - (high - low), 0.0)
    say_table(
        "least cost of each demand and regrets, USD a month",
        ["if this demand comes", "least cost", "best for it", "best for mid", LEAST],
        [
            [
                name,
                from_to(low[j], high[j], ",.0f"),
                *(from_to(sure[i, j], regrets[i, j], ",.0f") for i in (j, 0, -1)),
            ]
            for j, name in enumerate(study.demands)
        ],
    )
    say_table(
        "regret of each demand's own best plan, USD a month",
        ["plan", "largest regret, at most", "if this demand comes"],
        [
            [plan, f"{row['largest']:,.0f}", row.drop("largest").idxmax()]
            for plan, row in table.iterrows()
        ],
    )


def _print_proof(study: RegretStudy) -> None:
    """Print the interval of the least regret."""
    end = "" if study.proven else " (stopped before the gap was closed)"
    say(
        f"least regret: at most {study.regret.high:,.2f} USD a month, no replicas that keep every "
        f"promise under 'mid' have less than {study.regret.low:,.2f}{end}"
    )
    if not study.proven:
        say(ELSEWHERE)
    say("")
