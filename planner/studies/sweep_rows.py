"""One row of a sweep: a variant checked, optimised and judged, whatever comes of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache
from importlib.metadata import version
from time import perf_counter
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from planner.errors import (
    Infeasible,
    InvalidScenario,
    SolverStopped,
    TooManyOrders,
    TooManyRules,
    TooManyStates,
)
from planner.failures.states import failure_states
from planner.io.variations import checked_variant
from planner.model.scenario import Scenario
from planner.model.variation import Variation
from planner.optimization.highs_answers import solver_version
from planner.optimization.optimize import solve
from planner.problem.arrays import Problem, Solution
from planner.problem.build import build_problem
from planner.problem.documents import mean_latency_ms
from planner.problem.judgement import Judgement
from planner.studies.main_job import judge
from planner.studies.variation import Variants, variants_of
from planner.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

STATUSES = ("optimal", "limit", "infeasible", "invalid", "failed")
"""What may come of a variant: proven, stopped at a limit (with a plan or without), no plan, no
scenario, or something that should not have happened."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class SweepJob:
    """What is the same for all variants of a sweep; texts, so that it travels and is compared.

    Attributes
    ----------
    fields, variation : str
        The scenario's fields and the variation, as JSON.
    gap : float
        Relative gap at which to stop.
    time_limit_s : float
        Seconds that the solver may take for a variant.
    seed : int
        Random seed of the solver.
    version : str
        Of the planner and its solver, that the rows are of.
    """

    fields: str
    variation: str
    gap: float
    time_limit_s: float
    seed: int
    version: str


@dataclass(frozen=True)
class SweepRow:
    """What came of a variant.

    Attributes
    ----------
    variant : int
        Its number.
    key : str
        Digest of its number and values.
    settings : tuple
        Its values, one for each field that is varied.
    status : str
        One of `STATUSES`.
    message : str
        Why there is no plan; the cause of the worst state where there is one.
    figures : dict
        What the plan is worth; empty without one.
    replicas : dict
        Service, region to replicas.
    seconds : float
        Wall time; the only part that is not the same in every run.
    """

    variant: int
    key: str
    settings: tuple[Any, ...]
    status: str
    message: str = ""
    figures: Figures = field(default_factory=dict)
    replicas: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: float = 0.0

    def entry(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


_ROW = TypeAdapter(SweepRow)


def row_of_entry(entry: dict[str, Any], settings: tuple[Any, ...]) -> SweepRow | None:
    """Return the row of plain data, its values those of the variant; None where it is none."""
    if entry.keys() != SweepRow.__dataclass_fields__.keys() or entry["status"] not in STATUSES:
        return None
    try:
        return _ROW.validate_python({**entry, "settings": settings})
    except ValidationError:
        return None


def sweep_job(variants: Variants, *, gap: float, time_limit_s: float, seed: int) -> SweepJob:
    """Return what workers need to know of a sweep."""
    return SweepJob(
        json.dumps(variants.fields),
        variants.variation.model_dump_json(),
        gap,
        time_limit_s,
        seed,
        _version(),
    )


@cache
def _version() -> str:
    """Return what rows are made with."""
    return f"planner {version('planner')}, {solver_version()}"


@lru_cache(maxsize=2)
def variants_of_job(job: SweepJob) -> Variants:
    """Return the variants of a job; in a worker the same ones for every row."""
    variation = Variation.model_validate_json(job.variation)
    return variants_of(json.loads(job.fields), variation)


def sweep_row(job: SweepJob, number: int) -> SweepRow:
    """Check, optimise and judge a variant.

    Parameters
    ----------
    job : SweepJob
        The sweep.
    number : int
        Of the variant.

    Returns
    -------
    SweepRow
        Always: a variant that cannot be planned has a status and a sentence.

    Raises
    ------
    RuntimeError
        If this is another version than that of the job.
    """
    if job.version != _version():
        raise RuntimeError(f"the worker has {_version()}, not {job.version}")
    began, variants = perf_counter(), variants_of_job(job)
    status, message, figures, replicas = _outcome(job, variants, number)
    return SweepRow(
        number,
        variants.key(number),
        variants.values(number),
        status,
        message,
        figures,
        replicas,
        round(perf_counter() - began, 4),
    )


def failed_row(job: SweepJob, number: int, message: str) -> SweepRow:
    """Return the row of a variant that nobody could finish."""
    variants = variants_of_job(job)
    return SweepRow(number, variants.key(number), variants.values(number), "failed", message)


_Outcome = tuple[str, str, Figures, dict[str, dict[str, int]]]


def _outcome(job: SweepJob, variants: Variants, number: int) -> _Outcome:
    """Return status, sentence, figures and replicas."""
    try:
        scenario = checked_variant(variants.fields_of(number), f"variant {number}")
        return _planned(job, scenario)
    except InvalidScenario as error:
        return (
            "invalid",
            "; ".join(str(fault).removeprefix("file  ") for fault in error.faults),
            {},
            {},
        )
    except (TooManyStates, TooManyOrders, TooManyRules) as error:
        return "invalid", str(error), {}, {}
    except Infeasible as error:
        return "infeasible", _clash(error), {}, {}
    except SolverStopped as error:
        return "limit", str(error), {}, {}
    except Exception as error:
        # A row shall say so, and the other variants shall go on.
        return "failed", f"{type(error).__name__}: {error}", {}, {}


def _clash(error: Infeasible) -> str:
    """Name the first clash; the way out is sought against the clock and may differ by run."""
    return error.clashes[0] if error.clashes else "no plan keeps every promise"


def _planned(job: SweepJob, scenario: Scenario) -> _Outcome:
    """Optimise and judge a scenario."""
    problem = build_problem(scenario, failure_states(scenario))
    solution = solve(problem, gap=job.gap, time_limit_s=job.time_limit_s, seed=job.seed)
    found = judge(problem, solution)
    replicas = {
        service: dict(zip(problem.axes.regions, row, strict=True))
        for service, row in zip(problem.axes.services, solution.replicas.tolist(), strict=True)
    }
    return solution.status, found.worst_cause, _figures(problem, solution, found), replicas


def _figures(problem: Problem, solution: Solution, found: Judgement) -> Figures:
    """Return what a plan is worth, to six decimals: the rest is noise of the platform."""
    active = solution.replicas.sum(axis=0) > 0
    mean_rps = float(problem.demand_rps.mean(axis=2).sum())
    month = max(mean_rps * HOURS_PER_MONTH * SECONDS_PER_HOUR, 1e-300)
    figures: Figures = {
        "objective_usd_month": solution.objective,
        "bound_usd_month": solution.bound,
        "gap": solution.gap,
        "fixed_usd_month": float(problem.fixed_cost_usd_month @ active),
        "replicas_usd_month": float((problem.cost_usd_month * solution.replicas).sum()),
        "mean_latency_ms": mean_latency_ms(problem, solution),
        "demand_rps": mean_rps,
        "headroom_factor": found.headroom_factor,
        "worst_unserved_share": found.worst_unserved_share,
        "worst_p95_over_limit": found.worst_p95_over_limit,
        "unserved_share": found.lost_requests_month / month,
    }
    rounded = {key: _rounded(value) for key, value in figures.items()}
    return {
        **rounded,
        "active_regions": int(active.sum()),
        "replicas": int(solution.replicas.sum()),
        "worst_state": found.worst_state,
        "limited_by": found.limited_by,
    }


def _rounded(value: float) -> float | None:
    """Return a figure that JSON has: not a number and infinity are None."""
    return float(f"{round(float(value), 6):.12g}") if np.isfinite(value) else None
