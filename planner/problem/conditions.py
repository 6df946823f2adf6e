"""What a failure state changes besides which regions are up."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def _freeze(noun: object) -> None:
    """Make the arrays of a noun read-only."""
    for field in fields(noun):  # type: ignore[arg-type]
        value = getattr(noun, field.name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False


@dataclass(frozen=True)
class Tunnels:
    """The overlay of tunnels between regions in every state.

    Attributes
    ----------
    links : tuple of str
        Names along ``L``.
    ends : ndarray of int, shape (L, 2)
        Regions that each joins.
    capacity_gbps : ndarray, shape (K, L)
        What it carries, Gbit/s; inf where the scenario says nothing, 0 where it is down.
    loss_share : ndarray, shape (K, L)
        Share of packets that it loses.
    rtt_ms : ndarray, shape (K, R, R)
        Round trips between regions over the overlay, ms; inf where it is parted.
    next_link : ndarray of int, shape (K, R, R)
        First link on the way from one region to the other; -1 where there is none.
    way_link : ndarray of int, shape (K, R, R)
        First link on the quickest way, whether the pair takes it or not: behind the first link, a
        call follows these to its end.
    """

    links: tuple[str, ...]
    ends: Ints
    capacity_gbps: Floats
    loss_share: Floats
    rtt_ms: Floats
    next_link: Ints
    way_link: Ints

    def __post_init__(self) -> None:
        _freeze(self)


@dataclass(frozen=True)
class Conditions:
    """What holds in every failure state, besides which regions are up.

    Attributes
    ----------
    reachable : ndarray of bool, shape (K, S, O, R)
        Whether residency and the service's regions allow it, region and service are up and a path
        exists, in time or late.
    demand_factor : ndarray, shape (K, S, O), or None
        Factor on demand; None for 1 everywhere.
    server_share : ndarray, shape (K, N), or None
        Part of each node pool's servers that is left; None for all.
    control_up : ndarray of bool, shape (K,)
        Whether the federation's control plane runs at its host.
    loss_share : ndarray, shape (K, O, R), or None
        Share of packets lost between origin and region; None for none.
    uplink_share : ndarray, shape (K, O, R), or None
        Part of the region's uplink that this path and all that are degraded like it may use
        together; 1 where it is not degraded, None for 1 everywhere.
    tunnels : Tunnels or None
        The overlay; None where the scenario has no links.
    cut_share : ndarray, shape (K, O, R), or None
        Part of an origin's users whose own path is cut while others' is not; None for nobody.
    """

    reachable: Bools
    demand_factor: Floats | None
    server_share: Floats | None
    control_up: Bools
    loss_share: Floats | None
    uplink_share: Floats | None
    tunnels: Tunnels | None
    cut_share: Floats | None = None

    def __post_init__(self) -> None:
        _freeze(self)
