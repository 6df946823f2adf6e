"""An earlier plan on the axes of a problem, whatever has come or gone since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.model.plan import Plan
from planner.problem.arrays import Floats, Ints, Problem

GONE = -2
"""A region of an earlier order that the problem no longer has."""

_MOST = 5


@dataclass(frozen=True)
class Previous:
    """What an earlier plan decided, as far as the problem still knows the names.

    Attributes
    ----------
    replicas : ndarray of int, shape (S, R)
        Replicas; 0 for services and regions that are new.
    host, origin : ndarray of int, shape (C,)
        What each order belongs to.
    order : ndarray of int, shape (C, D)
        Regions in order, padded with -1; `GONE` stands for a region that is no more.
    share : ndarray, shape (C,)
        Part of the origin's demand that followed the order.
    gone_replicas : int
        Replicas of services or regions that are no more.
    warnings : tuple of str
        What has come and gone, in sentences.
    """

    replicas: Ints
    host: Ints
    origin: Ints
    order: Ints
    share: Floats
    gone_replicas: int = 0
    warnings: tuple[str, ...] = ()


def previous_of(problem: Problem, plan: Plan) -> Previous:
    """Read an earlier plan on the axes of a problem.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    plan : Plan
        A plan of this scenario, of an older state of it, or of another one.

    Returns
    -------
    Previous
        Of an adaptive plan, the busiest hour's shares: its document holds no more.

    Notes
    -----
    Names tell what is the same: a region that was renamed has gone and a new one has come.
    """
    axes = problem.axes
    replicas = [
        [_replicas(plan, service, region) for region in axes.regions] for service in axes.services
    ]
    known = np.array(replicas, np.int64)
    total = sum(sum(service.replicas.values()) for service in plan.services.values())
    parts = [
        (axes.hosts.index(host), axes.origins.index(origin), part)
        for host, origins in plan.hosts.items()
        for origin, shares in origins.items()
        for part in shares
        if host in axes.hosts and origin in axes.origins
    ]
    place = {region: r for r, region in enumerate(axes.regions)}
    order = np.full((len(parts), max((len(p.order) for *_, p in parts), default=1)), -1, np.int64)
    for row, (*_, part) in enumerate(parts):
        order[row, : len(part.order)] = [place.get(region, GONE) for region in part.order]
    return Previous(
        replicas=known,
        host=np.array([host for host, *_ in parts], np.int64),
        origin=np.array([origin for _, origin, _ in parts], np.int64),
        order=order,
        share=np.array([part.share for *_, part in parts]),
        gone_replicas=total - int(known.sum()),
        warnings=tuple(_changes(problem, plan)),
    )


def _replicas(plan: Plan, service: str, region: str) -> int:
    """Return what the earlier plan ran; 0 where it knew no such service or region."""
    return plan.services[service].replicas.get(region, 0) if service in plan.services else 0


def _changes(problem: Problem, plan: Plan) -> list[str]:
    """Say which services, regions, host names and origins are new, and which have gone."""
    axes, old = problem.axes, plan.scenario
    called = problem.demand_rps.max(axis=(0, 2)) > 0
    asking = [name for name, calls in zip(axes.origins, called, strict=True) if calls]
    hosts = dict.fromkeys(service.host for service in old.services.values())
    pairs = (
        ("service", tuple(old.services), axes.services, axes.services),
        ("region", tuple(old.regions), axes.regions, axes.regions),
        ("host name", tuple(hosts), axes.hosts, axes.hosts),
        ("origin", tuple(old.origins), tuple(asking), axes.origins),
    )
    said = []
    for noun, before, after, known in pairs:
        new = [name for name in after if name not in before]
        gone = [name for name in before if name not in known]
        if new:
            said.append(f"not in the earlier plan: {_listed(noun, new)}; all of it counts as moved")
        if gone:
            said.append(f"only in the earlier plan: {_listed(noun, gone)}")
    return said


def _listed(noun: str, names: list[str]) -> str:
    """Name some of several things."""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"{noun}{'s' if len(names) > 1 else ''} {', '.join(names[:_MOST])}{more}"
