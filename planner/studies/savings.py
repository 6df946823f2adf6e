"""What one server more or less, wider uplinks and looser limits would save or cost.

Each is an edit of the scenario, built and solved anew; what it saves is an interval from both gaps.
Three things are known without a solve of their own: an edit that changes no number that matters
saves nothing; what all edits of one kind save together, one of them saves at most; and where the
plan still fits with a server less, that server costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from planner.failures.states import failure_states
from planner.model.scenario import Scenario
from planner.optimization.reasons import more_usd, written_usd
from planner.optimization.resolved import Interval, Value, dearer
from planner.problem.arrays import Ints, NodePools, Problem
from planner.problem.build import build_problem
from planner.problem.packing import fits, packing_limits
from planner.studies.effort import Effort

UPLINK_FACTOR = 1.1
CEILING_STEP = 0.01
LIMIT_STEP_MS = 5.0

Kind = Literal["server more", "server less", "uplink", "ceiling", "limit"]

_FREE = {
    "server more": {"pools"},
    "server less": {"pools"},
    "uplink": {"uplink_gbps"},
    "limit": {"state_admissible", "emergency_limit_ms"},
}
"""Kind to the arrays that it may change and still only loosen, or only tighten, the problem."""

_NEVER_MATTER = {
    "axes",
    "emergency_limit_ms",
    "limit_ms",
    "scenario",
    "warnings",
    "conditions",
    "queue",
    "network",
    "state_rtt_ms",
    "rtt_ms",
    "state_region_rtt_ms",
}
"""What the optimiser does not look at: it is in the admissible pairs already."""


@dataclass(frozen=True)
class Saving:
    """What an edit of the scenario saves or costs.

    Attributes
    ----------
    change : str
        The edit, in words.
    dearer : Interval
        How much dearer the best plan becomes, US dollars a month: negative is saved.
    solved : bool
        Whether it was solved anew; else it is known without.
    server_usd_month : float or None
        What the server costs that is added or given back.
    feasible : bool
        Whether a plan was found that keeps every promise.
    """

    change: str
    dearer: Interval
    solved: bool
    server_usd_month: float | None = None
    feasible: bool = True

    @property
    def sentence(self) -> str:
        """What it means."""
        low, high = self.dearer.low, self.dearer.high
        if not self.feasible:
            return "no plan keeps every promise" if np.isinf(low) else "no plan was found in time"
        if max(abs(low), abs(high)) < 0.005:
            return "changes nothing"
        if high <= 0 and low < 0:
            if high > -0.005:
                return f"saves at most {-low:,.2f} USD a month, if anything"
            return f"saves {written_usd(Interval(-high, -low))}"
        if low >= 0:
            if low < 0.005:
                return f"costs at most {high:,.2f} USD a month more, if anything"
            return f"costs {more_usd(self.dearer)}"
        return f"saves at most {-low:,.2f} and costs at most {high:,.2f} USD a month more"


@dataclass(frozen=True)
class _Edit:
    """An edit of the scenario, and the problem that it makes."""

    kind: Kind
    change: str
    problem: Problem
    server_usd_month: float | None = None


def find_savings(
    problem: Problem, replicas: Ints, value: Value, effort: Effort
) -> tuple[Saving, ...]:
    """Return what each edit saves or costs.

    Parameters
    ----------
    problem : Problem
        The problem of the plan; it must carry its scenario.
    replicas : ndarray of int, shape (S, R)
        The plan's counts.
    value : Value
        What the plan costs and what was proven.
    effort : Effort
        How much is done for each re-solve.

    Returns
    -------
    tuple of Saving
        One server more and one less of each pool, a tenth more of each uplink, one point more of
        both ceilings (of the normal one below the emergency one only), 5 ms more of each emergency
        limit.

    Raises
    ------
    ValueError
        If the problem was made of bare arrays.

    Notes
    -----
    A higher ceiling is no mere loosening: servers may be fuller and requests wait longer, so fewer
    pairs of origin and region keep their limit.
    """
    scenario = problem.scenario
    if scenario is None:
        raise ValueError("`problem` must carry its scenario")
    if effort.stop.passed():
        return ()
    edits = list(_edits(scenario, problem))
    together = {
        kind: _together(problem, [e for e in edits if e.kind == kind], value, effort)
        for kind in ("server more", "uplink")
    }
    return tuple(
        _saving(problem, replicas, value, edit, together.get(edit.kind), effort)
        for edit in edits
        if not effort.stop.passed()
    )


def _edits(scenario: Scenario, problem: Problem) -> Iterable[_Edit]:
    """Return every edit with the problem that it makes."""
    price = dict(zip(problem.pools.names, problem.pools.server_cost_usd_month, strict=True))
    for region, place in scenario.regions.items():
        for pool, row in place.pools.items():
            name = f"{region}/{pool}"
            for more in (1, -1) if row.servers > 1 else (1,):
                pools = {
                    **place.pools,
                    pool: row.model_copy(update={"servers": row.servers + more}),
                }
                edited = _with_region(scenario, region, pools=pools)
                kind: Kind = "server more" if more > 0 else "server less"
                change = f"one server {'more' if more > 0 else 'less'} in {name}"
                yield _Edit(kind, change, free_problem(edited), float(price[name]))
    for region, place in scenario.regions.items():
        wider = place.uplink_gbps * UPLINK_FACTOR
        change = f"uplink of {region} {wider:.3g} Gbit/s instead of {place.uplink_gbps:.3g}"
        yield _Edit(
            "uplink", change, free_problem(_with_region(scenario, region, uplink_gbps=wider))
        )
    yield from _ceilings(scenario)
    for name, service in scenario.services.items():
        limit = service.objective.emergency_p95_ms
        looser = service.objective.model_copy(update={"emergency_p95_ms": limit + LIMIT_STEP_MS})
        services = {**scenario.services, name: service.model_copy(update={"objective": looser})}
        change = f"emergency limit of {name} {limit + LIMIT_STEP_MS:g} ms instead of {limit:g}"
        yield _Edit(
            "limit", change, free_problem(scenario.model_copy(update={"services": services}))
        )


def _ceilings(scenario: Scenario) -> Iterable[_Edit]:
    """Return the edits of both ceilings, where there is a point left."""
    # A normal ceiling above the emergency ceiling is no scenario.
    most = round(scenario.policy.ceiling_emergency_share - CEILING_STEP, 9)
    for field, name, limit in (
        ("ceiling_normal_share", "normal ceiling", most),
        ("ceiling_emergency_share", "emergency ceiling", 1.0),
    ):
        share = getattr(scenario.policy, field)
        if share + CEILING_STEP < 1 and share <= limit:
            policy = scenario.policy.model_copy(update={field: share + CEILING_STEP})
            change = f"{name} {100 * (share + CEILING_STEP):g} % instead of {100 * share:g} %"
            yield _Edit(
                "ceiling", change, free_problem(scenario.model_copy(update={"policy": policy}))
            )


def _with_region(scenario: Scenario, name: str, **update: object) -> Scenario:
    """Return the scenario with a region changed."""
    region = scenario.regions[name].model_copy(update=update)
    return scenario.model_copy(update={"regions": {**scenario.regions, name: region}})


def free_problem(scenario: Scenario) -> Problem:
    """Build the problem of a scenario, with shares as free as its steering allows.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.

    Returns
    -------
    Problem
        Without what the DNS target cannot express.
    """
    return replace(build_problem(scenario, failure_states(scenario)), rules=None)


def _together(problem: Problem, edits: list[_Edit], value: Value, effort: Effort) -> float | None:
    """Return what all edits of a kind together save at most; None where they do not add up."""
    if len(edits) < 2 or any(_changed(problem, e.problem) - _FREE[e.kind] for e in edits):
        return None
    effort.tell(f"all of these at once: {edits[0].change} and the like")
    most = replace(
        problem,
        pools=replace(
            problem.pools,
            servers=np.max([e.problem.pools.servers for e in edits], axis=0),
        ),
        uplink_gbps=np.max([e.problem.uplink_gbps for e in edits], axis=0),
    )
    return max(0.0, value.objective - effort.cheapest(most).bound)


def _saving(
    problem: Problem,
    replicas: Ints,
    value: Value,
    edit: _Edit,
    together: float | None,
    effort: Effort,
) -> Saving:
    """Return what an edit saves, without a solve where it is known."""
    changed = _changed(problem, edit.problem)
    loosens = edit.kind in ("server more", "uplink", "limit") and not changed - _FREE[edit.kind]
    tightens = edit.kind == "server less" and not changed - _FREE[edit.kind]
    open_usd = value.objective - value.bound
    if not changed:
        return Saving(edit.change, Interval(0.0, 0.0), False, edit.server_usd_month)
    if loosens and together is not None and together <= open_usd + effort.gap * value.objective:
        return Saving(edit.change, Interval(-together, 0.0), False, edit.server_usd_month)
    if tightens and fits(edit.problem, packing_limits(edit.problem), replicas).all():
        return Saving(edit.change, Interval(0.0, open_usd), False, edit.server_usd_month)
    effort.tell(f"what if: {edit.change}")
    found = effort.cheapest(edit.problem)
    interval = dearer(found, value)
    if loosens:
        interval = Interval(min(interval.low, 0.0), min(interval.high, 0.0))
    if tightens:
        interval = Interval(max(interval.low, 0.0), max(interval.high, 0.0))
    return Saving(edit.change, interval, True, edit.server_usd_month, found.feasible)


def _changed(problem: Problem, other: Problem) -> set[str]:
    """Return the fields in which two problems differ, as far as the optimiser looks at them."""
    names = {f.name for f in fields(Problem)} - _NEVER_MATTER
    return {n for n in names if not _same(getattr(problem, n), getattr(other, n))}


def _same(one: object, other: object) -> bool:
    """Return whether two fields are the same, sums of prices up to the last digits."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape:
            return False
        if one.dtype.kind == "f":
            return bool(np.allclose(one, other, rtol=1e-12, atol=0.0))
        return bool((one == other).all())
    if isinstance(one, NodePools):
        return all(_same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return one == other
