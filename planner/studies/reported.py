"""Predictions beside the figures that somebody reported, with a sentence for each difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planner.model.plan import Plan
from planner.model.reported import ReportedFigure
from planner.studies.failures import FailureStudy
from planner.studies.replays import Replay

Value = float | str | None


@dataclass(frozen=True)
class Before:
    """The state before: a plan of a baseline scenario, and the incident replayed on it.

    Attributes
    ----------
    plan : Plan
        The baseline's plan.
    incident : Replay or None
        What was reported on; None where the scenario names no incident.
    """

    plan: Plan
    incident: Replay | None


@dataclass(frozen=True)
class Comparison:
    """One figure.

    Attributes
    ----------
    figure : str
        What it is about, as the scenario names it.
    predicted, reported : float, str or None
        Both figures; None where there is no prediction.
    why : str
        Why they differ, or why nothing is predicted.
    beside : dict of str to float, str or None
        The same prediction from the other baselines, by scenario.
    """

    figure: str
    predicted: Value
    reported: Value
    why: str
    beside: dict[str, Value]


def side_by_side(
    study: FailureStudy, incident: Replay | None, before: Sequence[Before]
) -> tuple[Comparison, ...]:
    """Set predictions beside what was reported; nothing is fitted.

    Parameters
    ----------
    study : FailureStudy
        The plan in its failure states; its scenario has the reported figures.
    incident : Replay or None
        The incident on this plan, for scenarios without a state before.
    before : sequence of Before
        The states before, the first of which is compared with.

    Returns
    -------
    tuple of Comparison
        In the scenario's order; empty where nothing is reported.

    Notes
    -----
    The failed share is that of the first baseline while the incident lasts, or of the plan itself
    where there is none.  Percentiles are those of the whole day with everything up.
    """
    reported = study.plan.scenario.reported
    if reported is None:
        return ()
    views = before or (Before(study.plan, incident),)
    return tuple(_compared(name, figure, study, views) for name, figure in reported.figures.items())


def _compared(
    name: str, figure: ReportedFigure, study: FailureStudy, views: Sequence[Before]
) -> Comparison:
    """Set one figure beside its prediction."""
    first, *rest = [_predicted(name, study, view) for view in views]
    differ = {
        view.plan.scenario.scenario: value
        for view, value in zip(views[1:], rest, strict=True)
        if name.partition(".")[0] in _ABOUT_BEFORE
    }
    return Comparison(
        figure=name,
        predicted=first,
        reported=figure.text if figure.value is None else figure.value,
        why=figure.why,
        beside=differ,
    )


def _predicted(name: str, study: FailureStudy, before: Before) -> Value:
    """Predict one figure; None where nothing predicts it."""
    kind, _, rest = name.partition(".")
    predict = _PREDICTIONS.get(kind)
    return None if predict is None else predict(study, before, tuple(rest.split(".")))


def _failed_share(study: FailureStudy, before: Before, names: tuple[str, ...]) -> Value:
    """Return the part of a service's requests, or of all, that fails while the incident lasts."""
    if before.incident is None:
        return None
    found, services = before.incident.timeline, before.plan.services
    chosen = [not names[0] or name == names[0] for name in services]
    failed = found.event.failed + found.gap.failed
    offered = found.event.offered + found.gap.offered
    if offered[chosen].sum() <= 0:
        return None
    return float(failed[chosen].sum() / offered[chosen].sum())


def _mean_latency_change(study: FailureStudy, before: Before, names: tuple[str, ...]) -> Value:
    """Return the change of the mean of network and home calls from the state before."""
    was = before.plan.cost.mean_latency_ms
    if before.plan is study.plan or was <= 0:
        return None
    return study.plan.cost.mean_latency_ms / was - 1


def _availability(study: FailureStudy, before: Before, names: tuple[str, ...]) -> Value:
    """Return the lower end of the availability of all services, weighted with requests."""
    weight = study.problem.demand_rps.sum(axis=(1, 2))
    return float(np.average(study.availability.low, weights=weight))


def _p95_ms(study: FailureStudy, before: Before, names: tuple[str, ...]) -> Value:
    """Return the 95th percentile of a service for an origin over the whole day, everything up."""
    table = study.normal.table("origin")["p95_ms"]
    key = (study.problem.axes.states[0], *names)
    return float(table[key]) if len(names) == 2 and key in table.index else None


def _rtt_ms(study: FailureStudy, before: Before, names: tuple[str, ...]) -> Value:
    """Return the round trip between two regions."""
    regions = study.problem.axes.regions
    if len(names) != 2 or not set(names) <= set(regions):
        return None
    a, b = (regions.index(name) for name in names)
    return float(study.problem.network.region_rtt_ms[a, b])


def _replica_share(study: FailureStudy, before: Before, names: tuple[str, ...]) -> Value:
    """Return the first region's part of the replicas of the regions named."""
    total = study.plan.replicas.sum()
    if not set(names) <= set(total.index) or not total[list(names)].sum():
        return None
    return float(total[names[0]] / total[list(names)].sum())


def _serving_region(study: FailureStudy, before: Before, names: tuple[str, ...]) -> Value:
    """Return the region that serves most of an origin's requests, and how much of them."""
    shares: dict[str, float] = {}
    weights = _requests_by_host(study, names[0])
    for host, origins in study.plan.hosts.items():
        for part in origins.get(names[0], ()):
            region = part.order[0]
            shares[region] = shares.get(region, 0.0) + part.share * weights[host]
    if not sum(shares.values()):
        return None
    most = max(shares, key=lambda region: shares[region])
    return f"{most} ({100 * shares[most] / sum(shares.values()):.0f} %)"


def _requests_by_host(study: FailureStudy, origin: str) -> dict[str, float]:
    """Return what an origin asks of each host in the mean, requests per second."""
    problem = study.problem
    if origin not in problem.axes.origins:
        return dict.fromkeys(problem.axes.hosts, 0.0)
    asked = problem.demand_rps[:, problem.axes.origins.index(origin)].mean(axis=1)
    rps = np.bincount(problem.host_of_service, asked, len(problem.axes.hosts))
    return dict(zip(problem.axes.hosts, rps.tolist(), strict=True))


_ABOUT_BEFORE = ("failed_share", "mean_latency_change_share")

_PREDICTIONS: Mapping[str, Callable[[FailureStudy, Before, tuple[str, ...]], Value]] = {
    "failed_share": _failed_share,
    "mean_latency_change_share": _mean_latency_change,
    "availability_share": _availability,
    "p95_ms": _p95_ms,
    "rtt_ms": _rtt_ms,
    "replica_share": _replica_share,
    "serving_region": _serving_region,
}
