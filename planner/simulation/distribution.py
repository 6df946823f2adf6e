"""Distributions of response times: by origin, by serving region, and over all users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import pandas as pd

from planner.problem.arrays import Axes, Floats, Ints, Problem
from planner.simulation.assessment import Assessment
from planner.simulation.latency import worst_hours
from planner.simulation.mixture import CHEAP_POINTS, Mixture
from planner.simulation.streams import Streams, day_mixture, mixture, streams

PROBABILITIES = (0.5, 0.9, 0.95, 0.99)
WIDTH_MS = 0.01

ROWS_AT_ONCE, ATOMS_AT_ONCE = 2**20, 2**20
"""Rows times hours of states taken together, and atoms of distributions evaluated together."""

Over = Literal["day", "worst hour"] | int
By = Literal["origin", "region", "service"]


@dataclass(frozen=True)
class Summary:
    """Figures of distributions; the axes are states, services and what they are summed up by.

    Attributes
    ----------
    mean_ms, p50_ms, p90_ms, p95_ms, p99_ms : ndarray, shape (K', S, X)
        Mean and percentiles, ms; NaN where nobody is served, inf where a queue has no steady state.
    within_share : ndarray, shape (K', S, X)
        Share of served requests within the objective: the normal limit in state 0, the emergency
        limit in all others.
    hour : ndarray of int, shape (K', S, X)
        Index of the hour; -1 where it is the whole day, or where nobody is served.
    """

    mean_ms: Floats
    p50_ms: Floats
    p90_ms: Floats
    p95_ms: Floats
    p99_ms: Floats
    within_share: Floats
    hour: Ints


@dataclass(frozen=True)
class Distribution:
    """Response times of what is served, in some states.

    Attributes
    ----------
    axes : Axes
        Names along the axes.
    states : ndarray of int, shape (K',)
        Which states.
    over : {'day', 'worst hour'} or int
        Whether hours are mixed by what is served in each, or the one with the largest p95 is taken,
        or the index of the only one that is looked at.
    origin, region : Summary or None
        By origin (X = O) and by serving region (X = R); None where not asked for.
    service : Summary or None
        Over all users of each service (X = 1).
    """

    axes: Axes
    states: Ints
    over: Over
    origin: Summary | None
    region: Summary | None
    service: Summary | None

    def table(self, by: By) -> pd.DataFrame:
        """Return one row for each state, service and origin, region, or service alone.

        Parameters
        ----------
        by : {'origin', 'region', 'service'}
            What is summed up.

        Returns
        -------
        DataFrame
            Columns `mean_ms` to `p99_ms`, `within_share` and, in the worst hour, `hour_utc`; rows
            without users are left out.

        Raises
        ------
        KeyError
            If that was not asked for.
        """
        found: Summary | None = getattr(self, by)
        if found is None:
            raise KeyError(f"the distribution by {by} was not asked for")
        names = {"origin": self.axes.origins, "region": self.axes.regions, "service": ("all",)}
        states = [self.axes.states[k] for k in self.states.tolist()]
        levels = [states, list(self.axes.services), list(names[by])]
        index = pd.MultiIndex.from_product(levels, names=["state", "service", by])
        columns = {f.name: getattr(found, f.name).ravel() for f in fields(Summary)}
        hour = columns.pop("hour")
        table = pd.DataFrame(columns, index=index)
        if self.over != "day":
            table["hour_utc"] = np.array(self.axes.hours)[hour]
        known: pd.DataFrame = table[~np.isnan(columns["mean_ms"])]
        return known.droplevel(2) if by == "service" else known


def distribution(
    problem: Problem,
    assessment: Assessment,
    *,
    states: Sequence[int] | None = None,
    over: Over = "day",
    by: Sequence[By] = ("origin", "region", "service"),
) -> Distribution:
    """Return mean, percentiles and the share within the objective.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    assessment : Assessment
        The judge's replay of a plan.
    states : sequence of int, optional
        Which states, ascending; all without it.
    over : {'day', 'worst hour'} or int
        Mix the hours by what is served in each, or take the hour with the largest 95th percentile,
        each origin, region and service its own, or the hour of that index.
    by : sequence of {'origin', 'region', 'service'}
        What to sum up.

    Returns
    -------
    Distribution
        Of what is served, late or not; what is lost has no response time.

    Notes
    -----
    Percentiles are never added: the distribution of the sum of network, queue and home calls is
    mixed over points, jitter, new connections, rounds of loss recovery, regions and hours, and its
    own percentile is found to 0.01 ms.  Home calls that find no home, or no room on the tunnels,
    count as lost and take no time.  Equal distributions, of which failure states have many, are
    looked at once.

    Examples
    --------
    >>> import numpy as np
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> from planner.problem.arrays import Solution
    >>> from planner.simulation.replay import simulate
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> host, origin = (index.ravel() for index in np.indices((2, 47)))
    >>> order, share = np.tile([0, 1], (94, 1)), np.ones(94)
    >>> end = (None, 0.0, 0.0, "limit", "by hand", 0, 0.0)
    >>> solution = Solution(problem.max_replicas, host, origin, order, share, *end)
    >>> found = distribution(problem, simulate(problem, solution), states=[0], by=["service"])
    >>> table = found.table("service")
    >>> bool((table["p50_ms"] < table["p95_ms"]).all())
    True
    """
    chosen = np.arange(len(problem.axes.states)) if states is None else np.array(states, np.int64)
    sizes = {"origin": len(problem.axes.origins), "region": len(problem.axes.regions), "service": 1}
    out = {name: _empty((chosen.size, len(problem.axes.services), sizes[name])) for name in by}
    for service in range(len(problem.axes.services)):
        limits = problem.limit_ms[service], problem.emergency_limit_ms[service]
        for part in _blocks(assessment, chosen):
            found = streams(problem, assessment.replicas, assessment.flows, service, chosen[part])
            if found is None:
                continue
            for name in by:
                group, groups = _grouped(found, name, sizes[name])
                summed = _summed(found, group, groups, over, limits)
                for field in fields(Summary):
                    figures = getattr(summed, field.name).reshape(-1, sizes[name])
                    getattr(out[name], field.name)[part, service] = figures
    return Distribution(
        problem.axes, chosen, over, out.get("origin"), out.get("region"), out.get("service")
    )


def _empty(shape: tuple[int, ...]) -> Summary:
    """Return figures of nobody."""
    mean, p50, p90, p95, p99, within = np.full((6, *shape), np.nan)
    return Summary(mean, p50, p90, p95, p99, within, np.full(shape, -1))


def _blocks(assessment: Assessment, states: Ints) -> Iterator[slice]:
    """Cut the states into blocks with not too many rows."""
    rows = max(1, len(assessment.flows) // len(assessment.axes.states))
    step = max(1, ROWS_AT_ONCE // (rows * len(assessment.axes.hours)))
    for start in range(0, states.size, step):
        yield slice(start, min(start + step, states.size))


def _grouped(found: Streams, by: By, size: int) -> tuple[Ints, int]:
    """Return the group of each row, and the number of groups."""
    inside = {"origin": found.origin, "region": found.region, "service": np.zeros_like(found.state)}
    return found.state * size + inside[by], found.states.size * size


def _summed(
    found: Streams, group: Ints, groups: int, over: Over, limits: tuple[float, float]
) -> Summary:
    """Sum every group up; equal ones once."""
    like = _first_alike(found, group, groups)
    own = np.flatnonzero(like == np.arange(groups))
    number = np.full(groups, -1)
    number[own] = np.arange(own.size)
    mine = np.flatnonzero(like[group] == group)
    few, at = found.of(mine), number[group[mine]]
    hour = np.full(own.size, -1)
    if over == "worst hour":
        hour = worst_hours(few, at, own.size)[1]
    elif over != "day":
        hour = np.full(own.size, over)
    figures = _figures(few, at, hour, limits)
    normal = np.repeat(found.states == 0, groups // found.states.size)
    place = np.where(like >= 0, number[like], -1)
    columns = np.concatenate([figures, np.full((len(figures), 1), np.nan)], axis=1)[:, place]
    within = np.where(normal, columns[5], columns[6])
    mean, p50, p90, p95, p99 = columns[:5]
    return Summary(mean, p50, p90, p95, p99, within, np.append(hour, -1)[place])


def _first_alike(found: Streams, group: Ints, groups: int) -> Ints:
    """Return the first group whose rows are the same, of which only the state may differ."""
    parts = [found.origin[:, None], found.region[:, None], found.queue_row, found.rps]
    parts += [found.leg_ms, found.home_ms[:, None]]
    parts += [p[:, None] for p in (found.loss_share, found.home_loss_share) if p is not None]
    rows = np.ascontiguousarray(np.concatenate(parts, axis=1, dtype=np.float64))
    known: dict[bytes, int] = {}
    kind = np.array([known.setdefault(row.tobytes(), len(known)) for row in rows])
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(groups + 1))
    first: dict[bytes, int] = {}
    like = np.full(groups, -1)
    sorted_kind = kind[order]
    for g in np.unique(group).tolist():
        like[g] = first.setdefault(sorted_kind[ends[g] : ends[g + 1]].tobytes(), g)
    return like


def _figures(found: Streams, group: Ints, hour: Ints, limits: tuple[float, float]) -> Floats:
    """Return mean, percentiles and both shares within a limit, shape (7, groups)."""
    atoms = np.bincount(group, (found.point_share > 0).sum(axis=1), hour.size)
    atoms = np.cumsum(atoms * max(found.cases.probability.size, CHEAP_POINTS // 8))
    block = (atoms // ATOMS_AT_ONCE).astype(np.int64)
    out = np.full((7, hour.size), np.nan)
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(hour.size + 1))
    for number in np.unique(block).tolist():
        first, last = np.searchsorted(block, [number, number + 1])
        rows = order[ends[first] : ends[last]]
        mixed = _mixed(found.of(rows), group[rows] - first, hour[first:last])
        out[:, first:last] = _of_mixture(mixed, limits)
    return out


def _mixed(found: Streams, group: Ints, hour: Ints) -> Mixture:
    """Mix the hour of each group, or the whole day where it is -1."""
    if (hour < 0).all() and found.rps.shape[1] > 1:
        return day_mixture(found, group, hour.size)
    hours = np.arange(found.rps.shape[1])
    selected = (hour[group][:, None] == hours) | (hour < 0).all()
    return mixture(found, selected, np.broadcast_to(group[:, None], found.rps.shape), hour.size)


def _of_mixture(mixed: Mixture, limits: tuple[float, float]) -> Floats:
    """Return mean, percentiles and both shares within a limit, shape (7, groups)."""
    rows: list[Floats] = [mixed.mean_ms()]
    for probability in PROBABILITIES:
        least = rows[-1] if len(rows) > 1 else None
        rows.append(mixed.quantile_ms(probability, least_ms=least, width_ms=WIDTH_MS))
    rows += [1 - mixed.tail(np.full(mixed.groups, limit)) for limit in limits]
    return np.stack(rows)
