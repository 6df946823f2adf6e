"""The worst promised state, and in a sentence what makes it so."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Floats, Problem
from planner.simulation.assessment import (
    Worst,
    p95_over_limit,
    service_demand_rps,
    unserved_share,
)
from planner.simulation.latency import Percentiles
from planner.simulation.setting import Setting
from planner.simulation.steady import Steady

NEGLIGIBLE_SHARE = 1e-9

_CAUSES = {
    "no_region": "find none of their regions up; {region} serves them normally",
    "cut": "are cut off from their region; {region} serves them normally",
    "service": "ask for a service that is down; {region} serves them normally",
    "inadmissible": "are sent where they may not be served; {region} serves them normally",
    "capacity": "exceed the emergency capacity of {region}",
    "path": "exceed what degraded paths to {region} carry",
    "uplink": "exceed the uplink of {region}",
    "home": "need storage of which no home region is left; {region} holds it normally",
    "link": "exceed the tunnels to their home region {region}",
}


def worst_state(setting: Setting, steady: Steady, found: Percentiles, limit_ms: Floats) -> Worst:
    """Return the promised state with the largest unserved share, then the largest p95 over limit.

    Parameters
    ----------
    setting : Setting
        What held.
    steady : Steady
        Flows of the steady state.
    found : Percentiles
        95th percentiles.
    limit_ms : ndarray, shape (K, S)
        Promised 95th percentiles, ms.

    Returns
    -------
    Worst
        The first of several that are equally bad.

    Notes
    -----
    Shares below 1e-9 of the demand count as nothing.  Badly late and slightly lossy states do not
    compare: any loss is worse than any delay.
    """
    problem, states = setting.problem, len(setting.problem.region_up)
    demand = service_demand_rps(problem.demand_rps, setting.demand_factor, states)
    share = unserved_share(steady.lost, demand)
    share = np.where(share > NEGLIGIBLE_SHARE, share, 0.0)
    over = np.nan_to_num(p95_over_limit(found.state_ms, limit_ms), nan=0.0, posinf=np.inf)
    promised = np.flatnonzero(problem.must_survive).tolist()
    state = max(promised, key=lambda k: (share[k], over[k], -k))
    if share[state] > 0:
        cause = _loss_cause(setting, steady, state)
    else:
        cause = _delay_cause(setting, steady, found, limit_ms, state)
    return Worst(problem.axes.states[state], float(share[state]), float(over[state]), cause)


def _loss_cause(setting: Setting, steady: Steady, state: int) -> str:
    """Name service, region and hour of the largest loss."""
    problem, demand = setting.problem, setting.state_demand_rps(state)
    total = np.divide(
        steady.lost.total[state].sum(axis=(0, 1)),
        demand.sum(axis=(0, 1)),
        out=np.zeros(demand.shape[2]),
        where=demand.sum(axis=(0, 1)) > 0,
    )
    hour = int(total.argmax())
    each = {kind: getattr(steady.lost, kind)[state, :, :, hour] for kind in _CAUSES}
    kind = max(each, key=lambda name: each[name].sum())
    service = int(each[kind].sum(axis=1).argmax())
    part = each[kind][service].sum() / demand[service, :, hour].sum()
    region = _region(setting, steady, state, service, hour, kind, each[kind][service])
    what = _CAUSES[kind].format(region=problem.axes.regions[region])
    return (
        f"{part:.2%} of the requests for {problem.axes.services[service]} "
        f"at {_clock(problem, hour)} {what}"
    )


def _region(
    setting: Setting,
    steady: Steady,
    state: int,
    service: int,
    hour: int,
    kind: str,
    lost_rps: Floats,
) -> int:
    """Return the region to name: the full one, or the one that is missed."""
    problem = setting.problem
    if kind == "link":
        return int(problem.home_region[state, service])
    if kind == "home":
        return int(problem.home_region[0, service])
    if kind == "uplink":
        return int(steady.uplink_share[state, :, hour].argmax())
    if kind == "capacity":
        used = steady.utilisation_share[state, service, :, hour]
        return int(np.where(problem.region_up[state], used, -1.0).argmax())
    normal = _carried_rps(setting, steady, 0)[service, :, :, hour]
    total = np.maximum(normal.sum(axis=1, keepdims=True), 1e-300)
    return int((lost_rps[:, None] * normal / total).sum(axis=0).argmax())


def _carried_rps(setting: Setting, steady: Steady, state: int) -> Floats:
    """Return what each region takes of each origin in a state, shape (S, O, R, H)."""
    problem = setting.problem
    regions = problem.region_up.shape[1]
    return steady.flows.dense_rps(state, problem.demand_rps, regions, setting.demand_factor)


def _delay_cause(
    setting: Setting, steady: Steady, found: Percentiles, limit_ms: Floats, state: int
) -> str:
    """Name service, origin, region and hour of the largest p95 over its limit."""
    problem = setting.problem
    ratio = found.state_ms[state] / limit_ms[state][:, None]
    if np.isnan(ratio).all():
        return "nobody asks for anything"
    service, origin = np.unravel_index(np.nanargmax(ratio), ratio.shape)
    hour = int(found.state_hour[state, service, origin])
    carried = _carried_rps(setting, steady, state)
    region = int(carried[service, origin, :, hour].argmax())
    axes = problem.axes
    return (
        f"{axes.services[service]} for {axes.origins[origin]} from {axes.regions[region]} "
        f"at {_clock(problem, hour)}: 95th percentile "
        f"{found.state_ms[state, service, origin]:.1f} ms of {limit_ms[state, service]:.0f} ms"
    )


def _clock(problem: Problem, hour: int) -> str:
    """Return the hour for people."""
    return f"{problem.axes.hours[hour]:02d}:00 UTC"
