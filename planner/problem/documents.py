"""Arrays become a plan again, and a plan becomes arrays: names meet axes here."""

from __future__ import annotations

import math

import numpy as np

from planner.federation.weights import for_replicas
from planner.model.plan import (
    Cost,
    Headroom,
    OrderedShare,
    Plan,
    Proof,
    ServicePlan,
    WorstState,
)
from planner.model.scenario import Scenario, digest
from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.problem.judgement import Judgement, hourly_needs
from planner.problem.packing import largest_replicas, packing_limits

Hosts = dict[str, dict[str, tuple[OrderedShare, ...]]]


def as_plan(problem: Problem, solution: Solution, judgement: Judgement) -> Plan:
    """Write a solution down with names, weights, its proof and the judge's findings.

    Parameters
    ----------
    problem : Problem
        The problem; it must carry its scenario.
    solution : Solution
        What was decided.
    judgement : Judgement
        What the judge found of it.

    Returns
    -------
    Plan
        The document; it holds no times.

    Raises
    ------
    ValueError
        If the problem was made of bare arrays.

    Notes
    -----
    Figures are rounded to six decimals: what is left of platform noise would change the bytes.  An
    adaptive plan records the busiest hour's routing only.
    """
    scenario = problem.scenario
    if scenario is None:
        raise ValueError("`problem` must carry its scenario")
    largest = largest_replicas(problem, packing_limits(problem), solution.replicas)
    active = solution.replicas.sum(axis=0) > 0
    return Plan(
        scenario_digest=digest(scenario),
        scenario=scenario,
        steering=problem.steering,
        active_regions=tuple(np.array(problem.axes.regions)[active].tolist()),
        services=_services(problem, scenario, solution.replicas, largest, judgement),
        hosts=_adaptive_hosts(problem, solution)
        if solution.routing is not None
        else _hosts(problem, solution),
        cost=_cost(problem, solution, judgement),
        proof=_proof(solution),
        headroom=_headroom(problem, scenario, judgement),
        worst_state=_worst_state(judgement),
        warnings=(*problem.warnings, *solution.notes),
        needs=hourly_needs(problem.axes, judgement),
    )


def solution_of(problem: Problem, plan: Plan) -> Solution:
    """Read a plan back as arrays.

    Parameters
    ----------
    problem : Problem
        The problem of the plan's scenario.
    plan : Plan
        A plan.

    Returns
    -------
    Solution
        Its replicas, shares and orders; of an adaptive plan the replicas and one hour's shares,
        for the document holds no more of its routing.

    Raises
    ------
    KeyError, ValueError
        If the plan does not name the problem's services, or names hosts, origins or regions that
        the problem does not have: it belongs to another scenario.

    Notes
    -----
    Shares come back to nine decimals and the objective to six, as they were written down.
    """
    axes = problem.axes
    replicas = [[plan.services[s].replicas.get(r, 0) for r in axes.regions] for s in axes.services]
    parts = [
        (axes.hosts.index(host), axes.origins.index(origin), part)
        for host, origins in plan.hosts.items()
        for origin, shares in origins.items()
        for part in shares
    ]
    depth = max((len(part.order) for *_, part in parts), default=1)
    order = np.full((len(parts), depth), -1, np.int64)
    for row, (*_, part) in enumerate(parts):
        order[row, : len(part.order)] = [axes.regions.index(r) for r in part.order]
    return Solution(
        replicas=np.array(replicas, np.int64),
        host=np.array([host for host, *_ in parts], np.int64),
        origin=np.array([origin for _, origin, _ in parts], np.int64),
        order=order,
        share=np.array([part.share for *_, part in parts]),
        routing=None,
        objective=plan.proof.objective,
        bound=plan.proof.bound,
        status=plan.proof.status,
        solver=plan.proof.solver,
        seed=plan.proof.seed,
        seconds=0.0,
    )


def _rounded(value: float) -> float:
    """Round to six decimals: what is left of platform noise would change the bytes."""
    return round(float(value), 6)


def _proof(solution: Solution) -> Proof:
    """Write down what the solver proved."""
    return Proof(
        status=solution.status,
        objective=_rounded(solution.objective),
        bound=_rounded(solution.bound),
        gap=float(f"{solution.gap:.3g}"),
        solver=solution.solver,
        seed=solution.seed,
    )


def _worst_state(judgement: Judgement) -> WorstState:
    """Write down the promised state that hurts most."""
    return WorstState(
        state=judgement.worst_state,
        unserved_share=_rounded(judgement.worst_unserved_share),
        p95_over_limit=_rounded(judgement.worst_p95_over_limit),
        cause=judgement.worst_cause,
    )


def _services(
    problem: Problem, scenario: Scenario, replicas: Ints, largest: Ints, judgement: Judgement
) -> dict[str, ServicePlan]:
    """Write down each service with its weights."""
    regions = problem.axes.regions
    out = {}
    for s, name in enumerate(problem.axes.services):
        wanted = {r: int(n) for r, n in zip(regions, replicas[s], strict=True)}
        most = {r: int(n) for r, n in zip(regions, largest[s], strict=True)}
        out[name] = ServicePlan(
            total=int(replicas[s].sum()),
            replicas=wanted,
            max_replicas=most,
            weights={
                "kubefed": _kubefed_weights(scenario, name, wanted),
                "karmada": _karmada_weights(scenario, wanted),
            },
            p95_ms=_known(regions, judgement.region_p95_ms[s]),
            origin_p95_ms=_known(problem.axes.origins, judgement.origin_p95_ms[s]),
        )
    return out


def _known(names: tuple[str, ...], value_ms: Floats) -> dict[str, float]:
    """Return the finite values by name, to a hundredth of a millisecond."""
    return {
        name: round(float(value), 2)
        for name, value in zip(names, value_ms, strict=True)
        if math.isfinite(value)
    }


def _kubefed_weights(scenario: Scenario, service: str, wanted: dict[str, int]) -> dict[str, int]:
    """Return the weights with which KubeFed's own arithmetic returns the replicas."""
    if not any(wanted.values()):
        return dict.fromkeys(wanted, 0)
    cluster = {r: scenario.regions[r].cluster for r in wanted}
    plan = for_replicas(
        {cluster[r]: n for r, n in wanted.items()},
        target="kubefed",
        key=f"{scenario.namespace}/{service}",
    )
    return {r: plan.weights.get(cluster[r], 0) for r in wanted}


def _karmada_weights(scenario: Scenario, wanted: dict[str, int]) -> dict[str, int]:
    """Return the weights with which Karmada returns the replicas whatever the object's UID."""
    cluster = {r: scenario.regions[r].cluster for r, n in wanted.items() if n > 0}
    if not cluster:
        return {}
    plan = for_replicas({cluster[r]: wanted[r] for r in cluster}, target="karmada")
    return {r: plan.weights[name] for r, name in cluster.items()}


def _hosts(problem: Problem, solution: Solution) -> Hosts:
    """Write down shares and orders of the hosts that are called, the largest share first."""
    axes = problem.axes
    hosts: Hosts = {axes.hosts[h]: {} for h in np.unique(solution.host)}
    rank = np.lexsort((-solution.share, solution.origin, solution.host))
    for c in rank.tolist():
        order = [axes.regions[r] for r in solution.order[c] if r >= 0]
        part = OrderedShare(share=round(float(solution.share[c]), 9), order=tuple(order))
        origin = axes.origins[solution.origin[c]]
        known = hosts[axes.hosts[solution.host[c]]].get(origin, ())
        hosts[axes.hosts[solution.host[c]]][origin] = (*known, part)
    return hosts


def _adaptive_hosts(problem: Problem, solution: Solution) -> Hosts:
    """Write down the busiest hour's routing of each host's first service, nearest order after."""
    axes = problem.axes
    hosts: Hosts = {host: {} for host in axes.hosts}
    routing = np.empty(0) if solution.routing is None else solution.routing
    for h, host in enumerate(axes.hosts):
        service = int(np.flatnonzero(problem.host_of_service == h)[0])
        hour = int(problem.demand_rps[service].sum(axis=0).argmax())
        for o, origin in enumerate(axes.origins):
            rank = np.argsort(problem.latency_ms[service, o], kind="stable").tolist()
            near = [r for r in rank if problem.admissible[service, o, r]]
            parts = [
                OrderedShare(
                    share=round(float(routing[service, o, r, hour]), 9),
                    order=tuple(axes.regions[q] for q in (r, *(n for n in near if n != r))),
                )
                for r in near
                if routing[service, o, r, hour] > 1e-9
            ]
            if parts:
                hosts[host][origin] = tuple(sorted(parts, key=lambda p: (-p.share, p.order)))
    return {host: origins for host, origins in hosts.items() if origins}


def mean_latency_ms(problem: Problem, solution: Solution) -> float:
    r"""Return the demand-weighted mean of network and home calls in the normal state.

    .. math:: \frac{\sum_{so} D_{so} \sum_r x_{sor}\, \text{latency}_{sor}}{\sum_{so} D_{so}}

    with ``x`` the part of an origin's demand that each region serves.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Shares and orders, or the normal state's routing.

    Returns
    -------
    float
        Milliseconds; queues are not in it.
    """
    mean_rps = problem.demand_rps.mean(axis=2)
    if solution.routing is not None:
        served = (problem.demand_rps[:, :, None, :] * solution.routing).mean(axis=3)
    else:
        served = np.zeros(problem.latency_ms.shape)
        for s, host in enumerate(problem.host_of_service):
            mine = solution.host == host
            origin, first = solution.origin[mine], solution.order[mine, 0]
            np.add.at(served[s], (origin, first), mean_rps[s, origin] * solution.share[mine])
    return float((served * problem.latency_ms).sum() / max(mean_rps.sum(), 1e-300))


def _cost(problem: Problem, solution: Solution, judgement: Judgement) -> Cost:
    """Take the objective apart."""
    fixed = float(problem.fixed_cost_usd_month @ (solution.replicas.sum(axis=0) > 0))
    running = float((problem.cost_usd_month * solution.replicas).sum())
    mean = mean_latency_ms(problem, solution)
    latency = problem.usd_per_ms * mean
    lost = max(0.0, solution.objective - fixed - running - latency)
    price = problem.usd_per_lost_request
    return Cost(
        fixed_usd_month=_rounded(fixed),
        replicas_usd_month=_rounded(running),
        latency_usd_month=_rounded(latency),
        lost_usd_month=_rounded(lost),
        mean_latency_ms=_rounded(mean),
        lost_requests_month=round(lost / price if price > 0 else judgement.lost_requests_month, 1),
    )


def _headroom(problem: Problem, scenario: Scenario, judgement: Judgement) -> Headroom:
    """Write down headroom and the month in which growth passes it."""
    return Headroom(
        factor=_rounded(judgement.headroom_factor),
        regions={
            r: _rounded(f) if math.isfinite(f) else None
            for r, f in zip(problem.axes.regions, judgement.headroom_regions, strict=True)
        },
        limited_by=judgement.limited_by,
        month=month_of(scenario, judgement.headroom_factor),
    )


def month_of(scenario: Scenario, factor: float) -> str | None:
    """Return the first month in which the stated growth passes a factor on demand.

    Parameters
    ----------
    scenario : Scenario
        Its `growth` says how fast and from when; growth is even over the months of a year.
    factor : float
        Factor on the demand given.

    Returns
    -------
    str or None
        Year and month; None where demand does not grow so far in a century.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> scenario = read_scenario("taiwan")
    >>> scenario.growth.share_year, scenario.growth.from_month
    (0.2, '2027-01')
    >>> month_of(scenario, 1.2)
    '2028-01'
    """
    yearly = 1 + scenario.growth.share_year
    if factor < 1:
        return scenario.growth.from_month
    if yearly <= 1 or not math.isfinite(factor):
        return None
    months = math.ceil(12 * math.log(factor) / math.log(yearly) - 1e-9)
    if months > 1200:
        return None
    year, month = map(int, scenario.growth.from_month.split("-"))
    years, rest = divmod(month - 1 + months, 12)
    return f"{year + years}-{rest + 1:02d}"
