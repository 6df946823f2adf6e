"""The overlay of tunnels between regions: which links carry a pair, how quickly, and how full."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from planner.latency.cables import Bools, Floats, Ints
from planner.latency.graph import LEAST_MS, MOST_MS, Graph
from planner.latency.shortest_paths import Paths, shortest_paths
from planner.latency.trees import shortest_trees


@dataclass(frozen=True, eq=False)
class Overlay:
    """Paths between regions in each state.

    Attributes
    ----------
    link_ends : ndarray of int, shape (L, 2)
        Regions at both ends of each link.
    rtt_ms : ndarray, shape (K, R, R)
        Round trip of each pair on the path it takes, ms; infinite where the two are parted.
    direct_ms : ndarray, shape (K, R, R)
        Round trip over the quickest link that joins the two, ms; infinite where none is up.
    next_link : ndarray of int, shape (K, R, R)
        First link on the way from the first region to the second; -1 where there is none.
    way_link : ndarray of int, shape (K, R, R)
        First link on the quickest way over links that are up, whether the pair takes it or not. A
        pair that does not take a direct link follows these to its end.
    """

    link_ends: Ints
    rtt_ms: Floats
    direct_ms: Floats
    next_link: Ints
    way_link: Ints

    def __post_init__(self) -> None:
        for value in vars(self).values():
            value.setflags(write=False)


@dataclass(frozen=True)
class Relay:
    """A pair that goes through other regions although a direct link is up.

    Attributes
    ----------
    ends : tuple of int
        The two regions, the lower index first.
    via : tuple of int
        The regions between them, in order from the first.
    direct_ms, relayed_ms : float
        Round trip over the direct link and on the way taken, ms.
    """

    ends: tuple[int, int]
    via: tuple[int, ...]
    direct_ms: float
    relayed_ms: float


def overlay_rtt(
    link_ends: ArrayLike,
    link_rtt_ms: ArrayLike,
    regions: int,
    direct_rtt_ms: ArrayLike,
    margin_ms: float,
) -> Overlay:
    r"""Route every pair of regions over the links that are up.

    .. math:: d_{ab} = \begin{cases} l_{ab} & l_{ab} \le w_{ab} + m \\ w_{ab} & \text{else}
        \end{cases}

    with l the direct link, infinite where it is down or does not exist, w the quickest way over
    links that are up, and m the margin that a way through other regions must be worth.

    Parameters
    ----------
    link_ends : array_like of int, shape (L, 2)
        Regions at both ends of each link; several may join the same two.
    link_rtt_ms : array_like, shape (K, L)
        Round trip over each link in each state, ms, from 1e-6 to 1e6; infinite where it is down.
    regions : int
        Number of regions R.
    direct_rtt_ms : array_like, shape (K, R, R)
        Round trips over the public internet, ms: taken where no link at all is given (L = 0).
    margin_ms : float
        A way through other regions is taken if it is quicker by more than this; not negative.

    Returns
    -------
    Overlay
        Round trips and links.

    Raises
    ------
    ValueError
        If a shape does not fit, a link ends where it began or outside the regions, a round trip
        is out of range, or the margin is negative.

    Notes
    -----
    The two ends pin the path, as a tunnel in a tunnel does; regions between them forward and do
    not choose again. Links are as quick as they are when idle, and a region forwards for free. To
    see what tunnels over the public internet would gain, give its round trips as links.

    Examples
    --------
    Taipei, Tokyo and Sydney by the medians of public measurements:

    >>> ends = [[0, 1], [1, 2], [0, 2]]
    >>> rtt = [[33.0, 114.0, 288.0], [np.inf, 114.0, 288.0]]
    >>> found = overlay_rtt(ends, rtt, 3, np.zeros((2, 3, 3)), margin_ms=5.0)
    >>> found.rtt_ms[0].tolist()
    [[0.0, 33.0, 147.0], [33.0, 0.0, 114.0], [147.0, 114.0, 0.0]]
    >>> found.rtt_ms[1, 0].tolist(), found.next_link[1, 0].tolist()
    ([0.0, 402.0, 288.0], [-1, 2, 2])
    """
    ends = np.array(link_ends, dtype=np.int64).reshape(-1, 2)
    rtt = np.array(link_rtt_ms, dtype=np.float64)
    public = np.array(direct_rtt_ms, dtype=np.float64)
    _check(ends, rtt, regions)
    if public.shape != (len(rtt), regions, regions):
        raise ValueError("`direct_rtt_ms` must have regions by regions for every state")
    if not margin_ms >= 0:
        raise ValueError("`margin_ms` must not be negative")
    if not len(ends):
        none = np.full(public.shape, -1, dtype=np.int64)
        return Overlay(ends, public, public.copy(), none, none.copy())
    ways = _ways(ends, rtt, regions)
    direct, link = _direct(ends, rtt, regions)
    straight = np.isfinite(direct) & (direct <= ways.distance_ms + margin_ms)
    return Overlay(
        link_ends=ends,
        rtt_ms=np.where(straight, direct, ways.distance_ms),
        direct_ms=direct,
        next_link=np.where(straight, link, ways.parent_edge),
        way_link=ways.parent_edge,
    )


def _check(ends: Ints, rtt_ms: Floats, regions: int) -> None:
    """Raise ValueError where the links are not links between regions."""
    if rtt_ms.ndim != 2 or rtt_ms.shape[1] != len(ends):
        raise ValueError("`link_rtt_ms` must have one column a link")
    if ((ends < 0) | (ends >= regions)).any() or (ends[:, 0] == ends[:, 1]).any():
        raise ValueError("`link_ends` must be two regions each, from 0 to `regions` - 1")
    if not (((rtt_ms >= LEAST_MS) & (rtt_ms <= MOST_MS)) | np.isposinf(rtt_ms)).all():
        raise ValueError(f"`link_rtt_ms` must be from {LEAST_MS:g} to {MOST_MS:g}, or infinite")


def _ways(ends: Ints, rtt_ms: Floats, regions: int) -> Paths:
    """Return the quickest ways over links, seen from the start: the link away from it."""
    used = np.flatnonzero(np.isfinite(rtt_ms).any(axis=0)) if len(rtt_ms) else np.arange(0)
    open_ms = rtt_ms[:, used]
    graph = Graph(regions, ends[used], open_ms.min(axis=0, initial=np.inf))
    found = shortest_paths(graph, shortest_trees(graph, np.arange(regions)), open_ms)
    edge = np.append(used, -1)[found.parent_edge].swapaxes(1, 2)
    # There and back are summed from different ends and may differ in the last bit.
    distance = np.minimum(found.distance_ms, found.distance_ms.swapaxes(1, 2))
    return Paths(distance, edge)


def _direct(ends: Ints, rtt_ms: Floats, regions: int) -> tuple[Floats, Ints]:
    """Return the quickest link that joins each pair, the lowest of equals, and its round trip."""
    direct = np.full((len(rtt_ms), regions, regions), np.inf)
    link = np.full(direct.shape, -1, dtype=np.int64)
    for n, (a, b) in enumerate(ends):
        better = rtt_ms[:, n] < direct[:, a, b]
        for i, j in ((a, b), (b, a)):
            direct[better, i, j] = rtt_ms[better, n]
            link[better, i, j] = n
    return direct, link


def relays(overlay: Overlay, state: int = 0) -> tuple[Relay, ...]:
    """List the pairs that go through other regions although a direct link is up.

    Parameters
    ----------
    overlay : Overlay
        Paths between regions.
    state : int, default: 0
        The failure state.

    Returns
    -------
    tuple of Relay
        Each pair once, by its regions.

    Examples
    --------
    >>> rtt = [[33.0, 114.0, 288.0]]
    >>> found = overlay_rtt([[0, 1], [1, 2], [0, 2]], rtt, 3, np.zeros((1, 3, 3)), margin_ms=5.0)
    >>> relays(found)
    (Relay(ends=(0, 2), via=(1,), direct_ms=288.0, relayed_ms=147.0),)
    """
    direct, taken = overlay.direct_ms[state], overlay.rtt_ms[state]
    pairs = np.argwhere(np.triu(np.isfinite(direct) & (taken < direct), k=1))
    return tuple(
        Relay(
            (int(a), int(b)),
            _via(overlay, state, int(a), int(b)),
            float(direct[a, b]),
            float(taken[a, b]),
        )
        for a, b in pairs
    )


def _via(overlay: Overlay, state: int, start: int, end: int) -> tuple[int, ...]:
    """Return the regions between two on the quickest way."""
    between = []
    at = start
    while at != end:
        at = int(overlay.link_ends[overlay.way_link[state, at, end]].sum()) - at
        between.append(at)
    return tuple(between[:-1])


def link_loads_gbps(overlay: Overlay, traffic_gbps: ArrayLike) -> Floats:
    """Add up what each link carries.

    Parameters
    ----------
    overlay : Overlay
        Paths between regions.
    traffic_gbps : array_like, shape (K, R, R)
        From the first region to the second in each state, Gbit/s; not negative.

    Returns
    -------
    ndarray, shape (K, L)
        Both directions together, Gbit/s. What parted pairs would send is on no link.

    Raises
    ------
    ValueError
        If the shape does not fit or traffic is negative or not finite.

    Notes
    -----
    All pairs walk their paths together, one link a step, so memory stays at K · R · R.

    Examples
    --------
    >>> rtt = [[33.0, 114.0, 288.0]]
    >>> found = overlay_rtt([[0, 1], [1, 2], [0, 2]], rtt, 3, np.zeros((1, 3, 3)), margin_ms=5.0)
    >>> link_loads_gbps(found, [[[0.0, 1.0, 2.0], [0.0, 0.0, 0.0], [4.0, 0.0, 0.0]]]).tolist()
    [[7.0, 6.0, 0.0]]
    """
    traffic = np.asarray(traffic_gbps, dtype=np.float64)
    if traffic.shape != overlay.rtt_ms.shape:
        raise ValueError("`traffic_gbps` must have regions by regions for every state")
    if not (np.isfinite(traffic) & (traffic >= 0)).all():
        raise ValueError("`traffic_gbps` must not be negative")
    states, links = len(traffic), len(overlay.link_ends)
    load = np.zeros(states * links)
    state, at, end = np.nonzero((traffic > 0) & (overlay.next_link >= 0))
    sent = traffic[state, at, end]
    link = overlay.next_link[state, at, end]
    while link.size:
        load += np.bincount(state * links + link, weights=sent, minlength=len(load))
        at = overlay.link_ends[link].sum(axis=1) - at
        going: Bools = at != end
        state, at, end, sent = state[going], at[going], end[going], sent[going]
        link = overlay.way_link[state, at, end]
    return load.reshape(states, links)
