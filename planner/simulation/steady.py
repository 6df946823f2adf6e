"""The steady state: what each region receives, takes and turns away in each failure state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.simulation.balancer import adaptive_routing
from planner.simulation.flows import Flows, merged
from planner.simulation.lost import CAUSES, Lost
from planner.simulation.routing import Routing, followers, next_up, static_routing
from planner.simulation.setting import Setting
from planner.simulation.shedding import Refused, Room, admit, gathered, room_of
from planner.simulation.tunnels import LinkLoads, home_calls, homeless_share

ROWS_AT_ONCE = 2**16
"""Rows times hours of a block of states: a block's arrays fit the processor's cache."""

HOME, LINK = CAUSES.index("home"), CAUSES.index("link")


@dataclass(frozen=True)
class Steady:
    """Flows of the steady state.

    Attributes
    ----------
    flows : Flows
        Parts of each origin's demand that each region takes.
    load_rps : ndarray, shape (K, S, R, H)
        Requests per second that arrive at each region.
    utilisation_share : ndarray, shape (K, S, R, H)
        Load over what the replicas complete at full utilisation; inf where there are none.
    uplink_share : ndarray, shape (K, R, H)
        Traffic of what the replicas take over the uplink's capacity.
    lost : Lost
        What is not served, and why.
    links : LinkLoads or None
        What the tunnels carry; None where the problem has no tunnels.
    """

    flows: Flows
    load_rps: Floats
    utilisation_share: Floats
    uplink_share: Floats
    lost: Lost
    links: LinkLoads | None


@dataclass
class _Books:
    """What is written while blocks of states are replayed."""

    flows: list[Flows]
    load_rps: Floats
    traffic_gbps: Floats
    lost: dict[str, Floats]
    link_gbps: Floats | None


def steady_state(setting: Setting, solution: Solution) -> Steady:
    """Load the regions, turn away what exceeds them, and book what is lost to its cause.

    Parameters
    ----------
    setting : Setting
        What holds: the problem, what runs, and the rules.
    solution : Solution
        Shares and orders, or the balancer's routing.

    Returns
    -------
    Steady
        Flows in every state and hour.

    Raises
    ------
    PlannerError
        If the solver gives up routing a state under adaptive steering.

    Notes
    -----
    What exceeds the *emergency* ceiling is turned away in every state, the normal one included:
    between the two ceilings a promise is broken but everybody is served.

    Where requests spill over, every share first tries the first region of its order that is up;
    what is turned away, for whatever reason, then tries the next that is up and may serve it, all
    shares together, round by round, in the room that earlier rounds leave.  What is left at the end
    is booked to what stopped it first.
    """
    problem = setting.problem
    books = _empty(problem)
    for routing, states in _routed(setting, solution):
        _replay(setting, solution.order, routing, states, books)
    full = (problem.rps_per_replica * setting.replicas)[..., None]
    none = np.full_like(books.load_rps, np.inf)
    used = np.divide(books.load_rps, full, out=none, where=full > 0)
    links = None
    if books.link_gbps is not None and problem.conditions and problem.conditions.tunnels:
        tunnels = problem.conditions.tunnels
        links = LinkLoads(tunnels.links, books.link_gbps, tunnels.capacity_gbps)
    return Steady(
        flows=merged(books.flows),
        load_rps=books.load_rps,
        utilisation_share=np.where(books.load_rps > 0, used, 0.0),
        uplink_share=books.traffic_gbps / problem.uplink_gbps[:, None],
        lost=Lost(**books.lost),
        links=links,
    )


def _empty(problem: Problem) -> _Books:
    """Return books without an entry."""
    states, regions = problem.region_up.shape
    services, origins, hours = problem.demand_rps.shape
    tunnels = problem.conditions.tunnels if problem.conditions is not None else None
    return _Books(
        flows=[],
        load_rps=np.zeros((states, services, regions, hours)),
        traffic_gbps=np.zeros((states, regions, hours)),
        lost=Lost.nothing((states, services, origins, hours)),
        link_gbps=None if tunnels is None else np.zeros((states, len(tunnels.links), hours)),
    )


def _routed(setting: Setting, solution: Solution) -> Iterator[tuple[Routing, Ints]]:
    """Route the states block by block."""
    problem = setting.problem
    states, hours = len(problem.region_up), problem.demand_rps.shape[2]
    if problem.steering == "adaptive":
        for state in range(states):
            yield adaptive_routing(setting, solution, state), np.array([state])
        return
    who = followers(problem, solution)
    size = max(1, ROWS_AT_ONCE // max(1, who.column.size * hours))
    for start in range(0, states, size):
        block = np.arange(start, min(start + size, states))
        yield static_routing(setting, solution, block, who), block


def _replay(setting: Setting, order: Ints, routing: Routing, states: Ints, books: _Books) -> None:
    """Replay a block of states and write it into the books."""
    room = room_of(setting, states)
    sent = routing.sent
    demand = sent_rps(setting, sent)
    ok, stopped = np.flatnonzero(routing.cause < 0), np.flatnonzero(routing.cause >= 0)
    whole = ok.size == len(sent)
    flows, offered = (sent, demand) if whole else (sent.of(ok), demand[ok])
    kept, refused = admit(setting, room, flows, offered)
    refused = [Refused(ok[x.row], x.cause, x.rps) for x in refused]
    if stopped.size:
        refused.append(Refused(stopped, routing.cause[stopped], demand[stopped]))
    served = [(flows, offered, kept)]
    # A balancer has already looked for room everywhere.
    if setting.spill_over and refused and setting.problem.steering == "static":
        more, left = _spill(setting, order, routing, room, demand, refused)
        served += more
        refused = [Refused(x.row, x.cause, x.rps * left[x.row]) for x in refused]
    for entry in refused:
        _book(books.lost, states, sent, entry)
    books.load_rps[states] = room.arrived_rps
    books.traffic_gbps[states] = room.traffic_gbps
    taken = merged([_taken(*part) for part in served])
    books.flows.append(taken.of(np.argsort(taken.state, kind="stable")) if served[1:] else taken)
    _call_home(setting, states, served, books)


def sent_rps(setting: Setting, flows: Flows) -> Floats:
    """Return the requests per second of each row in every hour of its state.

    Parameters
    ----------
    setting : Setting
        What holds.
    flows : Flows
        Rows.

    Returns
    -------
    ndarray, shape (F, H)
        Requests per second.
    """
    return flows.rps(setting.problem.demand_rps, setting.demand_factor)


def _taken(flows: Flows, asked_rps: Floats, rps: Floats) -> Flows:
    """Return what is served as parts of demand, one figure where all hours are alike."""
    if asked_rps is rps:
        return flows
    shares = flows.share if flows.share.ndim == 2 else flows.share[:, None]
    part = np.divide(rps, asked_rps, out=np.ones_like(rps), where=asked_rps > 0)
    rows = (flows.state, flows.service, flows.origin, flows.region)
    return Flows(*rows, shares * part)


def _spill(
    setting: Setting,
    order: Ints,
    routing: Routing,
    room: Room,
    demand_rps: Floats,
    refused: list[Refused],
) -> tuple[list[tuple[Flows, Floats, Floats]], Floats]:
    """Send what was turned away on, round by round; return what is served and what part is left."""
    turned = np.zeros_like(demand_rps)
    for entry in refused:
        turned[entry.row] += entry.rps
    row = np.flatnonzero((turned > 0).any(axis=1) & (routing.column >= 0))
    column, left, served = routing.column[row], turned.copy(), []
    sent = routing.sent.of(row)
    tried = np.where(
        sent.region < setting.problem.region_up.shape[1],
        (order[column] == sent.region[:, None]).argmax(axis=1),
        order.shape[1],
    )
    for _ in range(order.shape[1]):
        region, tried = next_up(setting, order, sent, column, tried)
        on = np.flatnonzero(region < setting.problem.region_up.shape[1])
        if not on.size:
            break
        row, column, tried = row[on], column[on], tried[on]
        sent = sent.of(on)
        target = Flows(sent.state, sent.service, sent.origin, region[on], sent.share)
        kept, _ = admit(setting, room, target, left[row])
        served.append((target, demand_rps[row], kept))
        left[row] -= kept
    return served, np.divide(left, turned, out=np.zeros_like(left), where=turned > 0)


def _book(lost: dict[str, Floats], states: Ints, flows: Flows, entry: Refused) -> None:
    """Add what is turned away to its causes."""
    cause = np.broadcast_to(np.asarray(entry.cause), entry.row.shape)
    for kind in np.unique(cause).tolist():
        mine = cause == kind
        row, table = entry.row[mine], lost[CAUSES[kind]]
        _, services, origins, hours = table.shape
        at = (flows.state[row] - states[0]) * services + flows.service[row]
        place = at * origins + flows.origin[row]
        sums = gathered(place, entry.rps[mine], states.size * services * origins)
        table[states] += sums.reshape(states.size, services, origins, hours)


def _call_home(
    setting: Setting, states: Ints, served: list[tuple[Flows, Floats, Floats]], books: _Books
) -> None:
    """Book the calls that find no home region, and those that the tunnels do not carry."""
    problem = setting.problem
    if not (problem.home_share > 0).any():
        return
    for flows, _, rps in served:
        _book_share(books, states, flows, rps, HOME, homeless_share(problem, states)[..., None])
    if books.link_gbps is None or problem.conditions is None or problem.conditions.tunnels is None:
        return
    carried = np.zeros((states.size, *books.load_rps.shape[1:]))
    for flows, _, rps in served:
        at = (flows.state - states[0], flows.service, flows.region)
        place = np.ravel_multi_index(at, carried.shape[:3])
        carried += gathered(place, rps, carried[..., 0].size).reshape(carried.shape)
    books.link_gbps[states], kept = home_calls(problem, problem.conditions.tunnels, states, carried)
    dropped = (1 - kept) * problem.home_share[:, None, None]
    for flows, _, rps in served:
        _book_share(books, states, flows, rps, LINK, dropped)


def _book_share(
    books: _Books, states: Ints, flows: Flows, rps: Floats, cause: int, share: Floats
) -> None:
    """Book a share of what is served, given by state, service and region, to a cause."""
    some: Bools = np.any(share > 0, axis=3)
    if not some.any():
        return
    at = flows.state - states[0]
    row = np.flatnonzero(some[at, flows.service, flows.region])
    part = share[at[row], flows.service[row], flows.region[row]]
    _book(books.lost, states, flows, Refused(row, cause, rps[row] * part))
