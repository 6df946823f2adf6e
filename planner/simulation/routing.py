"""Where demand goes in each failure state under the plan's own shares and orders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.simulation.flows import Flows
from planner.simulation.setting import CUT, Setting

SLACK = 1e-9
"""Part of a demand that may be missing from its shares: rounding."""


@dataclass(frozen=True)
class Routing:
    """What is sent where in some states.

    Attributes
    ----------
    sent : Flows
        Parts of each origin's demand; region R stands for none.
    column : ndarray of int, shape (F,)
        Order column that each row follows; -1 where it follows none.
    cause : ndarray of int, shape (F,)
        Why the region does not serve it, as an index of `CAUSES`; -1 where it does.
    """

    sent: Flows
    column: Ints
    cause: Ints


@dataclass(frozen=True)
class Followers:
    """Order columns once for each service that follows them.

    Attributes
    ----------
    column : ndarray of int, shape (E,)
        Index of the order column; -1 for demand that follows none.
    service, origin : ndarray of int, shape (E,)
        Who follows it.
    share : ndarray, shape (E,)
        Part of that demand.
    """

    column: Ints
    service: Ints
    origin: Ints
    share: Floats


def followers(problem: Problem, solution: Solution) -> Followers:
    """Return who follows which order column, services in order, then origins.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Shares and orders.

    Returns
    -------
    Followers
        What shares leave over follows no column.
    """
    services, origins, _ = problem.demand_rps.shape
    parts = []
    for service in range(services):
        mine = np.flatnonzero(solution.host == problem.host_of_service[service])
        share, origin = solution.share[mine], solution.origin[mine]
        rest = np.maximum(1.0 - np.bincount(origin, share, origins), 0.0)
        short = np.flatnonzero(rest > SLACK)
        column = np.concatenate([mine, np.full(short.size, -1)])
        origin = np.concatenate([origin, short])
        share = np.concatenate([share, rest[short]])
        order = np.argsort(origin, kind="stable")
        parts.append((column[order], np.full(order.size, service), origin[order], share[order]))
    return Followers(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def static_routing(
    setting: Setting, solution: Solution, states: Ints, who: Followers | None = None
) -> Routing:
    """Follow each share to the first region of its order that is up.

    Parameters
    ----------
    setting : Setting
        What holds.
    solution : Solution
        Shares and orders.
    states : ndarray of int, shape (K',)
        Which states.
    who : Followers, optional
        Those of the solution, where they are known already.

    Returns
    -------
    Routing
        The same in every hour.

    Notes
    -----
    DNS is taken to have drained: every resolver follows the order that the state asks for.  A share
    that reaches a region which may not serve it is lost there; it does not go on to the next.
    """
    who = followers(setting.problem, solution) if who is None else who
    first = first_up(solution.order, setting.problem.region_up[states])
    nowhere = np.full((states.size, 1), setting.problem.region_up.shape[1])
    region = np.concatenate([first, nowhere], axis=1)[:, who.column].ravel()
    each = who.column.size
    sent = Flows(
        state=np.repeat(states, each),
        service=np.tile(who.service, states.size),
        origin=np.tile(who.origin, states.size),
        region=region,
        share=np.tile(who.share, states.size),
    )
    cause = setting.stops(sent.state, sent.service, sent.origin, sent.region)
    return parted(setting, Routing(sent, np.tile(who.column, states.size), cause))


def parted(setting: Setting, routing: Routing) -> Routing:
    """Tell users whose own path is cut from others of their origin.

    Parameters
    ----------
    setting : Setting
        What holds.
    routing : Routing
        What is sent where, in the order of the states.

    Returns
    -------
    Routing
        The same, with rows of their own for those who are cut off.
    """
    cut, sent = setting.cut_share, routing.sent
    if cut is None:
        return routing
    served = np.flatnonzero(routing.cause < 0)
    off = np.zeros(len(sent))
    off[served] = cut[sent.state[served], sent.origin[served], sent.region[served]]
    some = np.flatnonzero(off > 0)
    if not some.size:
        return routing
    row = np.concatenate([np.arange(len(sent)), some])
    order = np.argsort(row, kind="stable")
    row = row[order]
    part = np.concatenate([1.0 - off, off[some]])[order]
    cause = np.concatenate([routing.cause, np.full(some.size, CUT)])[order]
    flows = sent.of(row)
    scale = part if flows.share.ndim == 1 else part[:, None]
    return Routing(replace(flows, share=flows.share * scale), routing.column[row], cause)


def first_up(order: Ints, region_up: Bools) -> Ints:
    """Return the first region of each order that is up.

    Parameters
    ----------
    order : ndarray of int, shape (C, D)
        Regions in order of preference, padded with -1.
    region_up : ndarray of bool, shape (K, R)
        Whether each region is up.

    Returns
    -------
    ndarray of int, shape (K, C)
        The region that each order leads to, R where none of it is up.

    Examples
    --------
    >>> up = np.array([[True, True, True], [False, True, True]])
    >>> first_up(np.array([[0, 2], [1, 0], [0, -1]]), up).tolist()
    [[0, 1, 0], [2, 1, 3]]
    """
    states, regions = region_up.shape
    alive = np.concatenate([region_up, np.zeros((states, 1), dtype=bool)], axis=1)
    found = np.full((states, len(order)), regions, dtype=np.int64)
    for place in reversed(range(order.shape[1])):
        here = order[:, place]
        np.copyto(found, here[None], where=alive[:, here])
    return found


def next_up(
    setting: Setting, order: Ints, flows: Flows, column: Ints, tried: Ints
) -> tuple[Ints, Ints]:
    """Return the next region of each order that is up and may serve, and its place in the order.

    Parameters
    ----------
    setting : Setting
        What holds.
    order : ndarray of int, shape (C, D)
        Regions in order of preference, padded with -1.
    flows : Flows
        Rows that go on.
    column : ndarray of int, shape (F,)
        Order column of each.
    tried : ndarray of int, shape (F,)
        Place in the order that was tried last, -1 for none.

    Returns
    -------
    region : ndarray of int, shape (F,)
        Region, R where none is left.
    place : ndarray of int, shape (F,)
        Its place in the order, D where none is left.
    """
    regions, depth = setting.problem.region_up.shape[1], order.shape[1]
    region, place = np.full(len(flows), regions), np.full(len(flows), depth)
    for at in reversed(range(depth)):
        here = order[column, at]
        ahead = np.flatnonzero((at > tried) & (here >= 0))
        state, there = flows.state[ahead], here[ahead]
        cause = setting.stops(state, flows.service[ahead], flows.origin[ahead], there)
        good = ahead[(cause < 0) & setting.problem.region_up[state, there]]
        region[good], place[good] = here[good], at
    return region, place
