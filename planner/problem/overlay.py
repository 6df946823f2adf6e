"""Calls between regions: over the tunnels of the scenario, relayed where that is quicker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.failures.known import FailureStates
from planner.latency.overlay import Overlay, overlay_rtt, relays
from planner.model.scenario import Scenario
from planner.problem.arrays import Bools, Floats, Ints
from planner.problem.conditions import Tunnels
from planner.problem.detours import Detours, link_ends
from planner.problem.rtt_factors import with_link_factors

NAMED_STATES = 5
"""A warning names so many states and counts the rest."""


@dataclass(frozen=True)
class Between:
    """Round trips between regions.

    Attributes
    ----------
    rtt_ms : ndarray, shape (K, R, R)
        In each state, ms; inf where two regions that are up are parted.
    tunnels : Tunnels or None
        The overlay; None where the scenario has no links.
    warnings : tuple of str
        Pairs that are relayed with everything up, that no links join, and states with parted ones.
    """

    rtt_ms: Floats
    tunnels: Tunnels | None
    warnings: tuple[str, ...]


def between_regions(
    scenario: Scenario, states: FailureStates, public_ms: Floats, detours: Detours
) -> Between:
    """Route calls between regions in every state.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    states : FailureStates
        Its failure states.
    public_ms : ndarray, shape (R, R)
        Round trips over the public internet with everything up, ms.
    detours : Detours
        What the states add.

    Returns
    -------
    Between
        Over the tunnels where the scenario has any.

    Notes
    -----
    A pair that no links join even with everything up keeps its public path. So does, for what it is
    worth, a pair of which one region is down; no region that is down relays for others.
    """
    rtt = (public_ms + detours.region_ms)[detours.situation]
    if not scenario.links:
        return Between(rtt, None, _parted(states, rtt))
    ends, link_ms = link_ends(scenario), _link_ms(scenario, states, public_ms, detours)
    distinct, row = np.unique(link_ms, axis=0, return_inverse=True)
    row = row.ravel()
    margin = scenario.policy.relay_margin_ms
    overlay = overlay_rtt(
        ends,
        distinct,
        len(scenario.regions),
        np.broadcast_to(public_ms, (len(distinct), *public_ms.shape)),
        np.inf if margin is None else margin,
    )
    over = overlay.rtt_ms[row]
    joined = np.isfinite(over[0])
    up = states.region_up
    rtt = np.where(joined & up[:, :, None] & up[:, None, :], over, rtt)
    tunnels = Tunnels(
        links=tuple(scenario.links),
        ends=ends,
        capacity_gbps=_capacity_gbps(scenario, detours, np.isfinite(link_ms)),
        loss_share=_loss_share(scenario, detours),
        rtt_ms=over,
        next_link=overlay.next_link[row],
        way_link=overlay.way_link[row],
    )
    normal = (
        *_relayed(scenario, overlay, int(row[0])),
        *_detached(scenario, overlay, int(row[0]), public_ms),
    )
    return Between(rtt, tunnels, (*normal, *_parted(states, rtt)))


def _link_ms(
    scenario: Scenario, states: FailureStates, public_ms: Floats, detours: Detours
) -> Floats:
    """Round trip over each link in each state, ms; inf where it or one of its ends is down."""
    ends = link_ends(scenario)
    own = np.array(
        [np.nan if x.rtt_ms is None else x.rtt_ms for x in scenario.links.values()], np.float64
    )
    own = with_link_factors(scenario, ends, own)
    base = np.where(np.isnan(own), public_ms[ends[:, 0], ends[:, 1]], own)
    up = states.link_up & states.region_up[:, ends[:, 0]] & states.region_up[:, ends[:, 1]]
    return np.where(up, (base + detours.link_ms)[detours.situation], np.inf)


def _capacity_gbps(scenario: Scenario, detours: Detours, up: Bools) -> Floats:
    """Capacity of each link in each state, Gbit/s."""
    given = [x.capacity_gbps for x in scenario.links.values()]
    whole = np.array([np.inf if x is None else x for x in given])
    return np.where(up, (whole * detours.link_capacity_share)[detours.situation], 0.0)


def _loss_share(scenario: Scenario, detours: Detours) -> Floats:
    """Share of packets that each link loses in each state."""
    own = np.array([x.loss_share for x in scenario.links.values()])
    loss: Floats = (1 - (1 - own) * (1 - detours.link_loss_share))[detours.situation]
    return loss


def _relayed(scenario: Scenario, overlay: Overlay, normal: int) -> tuple[str, ...]:
    """Name the pairs that are relayed although a link joins them."""
    names = tuple(scenario.regions)
    return tuple(
        f"calls between {names[pair.ends[0]]} and {names[pair.ends[1]]} go through "
        f"{' and '.join(names[r] for r in pair.via)}: {pair.relayed_ms:.0f} ms instead of "
        f"{pair.direct_ms:.0f}"
        for pair in relays(overlay, normal)
    )


def _detached(
    scenario: Scenario, overlay: Overlay, normal: int, public_ms: Floats
) -> tuple[str, ...]:
    """Name the pairs that no link joins: relayed far, or not joined at all."""
    names = tuple(scenario.regions)
    found = []
    direct, taken = overlay.direct_ms[normal], overlay.rtt_ms[normal]
    for a, b in np.argwhere(np.triu(np.isinf(direct), k=1)):
        pair = f"{names[a]} and {names[b]}"
        if np.isinf(taken[a, b]):
            found.append(f"no links join {pair}: calls between them take the public internet")
        elif taken[a, b] > public_ms[a, b] + (scenario.policy.relay_margin_ms or 0.0):
            found.append(
                f"no link joins {pair}: calls between them are relayed in {taken[a, b]:.0f} ms, "
                f"and the public internet would take {public_ms[a, b]:.0f}"
            )
    return tuple(found)


def _parted(states: FailureStates, rtt_ms: Floats) -> tuple[str, ...]:
    """Name the states in which regions that are up are parted."""
    up = states.region_up
    parted: Ints = np.flatnonzero(
        (np.isinf(rtt_ms) & up[:, :, None] & up[:, None, :]).any(axis=(1, 2))
    )
    if not parted.size:
        return ()
    names = [states.name(int(k)) for k in parted[:NAMED_STATES]]
    more = f" and {parted.size - NAMED_STATES:,} more" if parted.size > NAMED_STATES else ""
    return (f"regions are cut off from one another in: {'; '.join(names)}{more}",)
