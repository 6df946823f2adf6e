"""What a component takes with it when it fails, and what is left in a state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from planner.model.events import Crowd, Degradation, Event
from planner.model.scenario import Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Effect:
    """What one component takes with it, by name.

    Attributes
    ----------
    regions, links, groups, services : frozenset of str
        Regions, links and risk groups that are down, services that fail in every region.
    segments : tuple of str
        Cable segments that are cut.
    server_share : mapping of str to float
        Node pool ("region/pool") to the part of its servers that is left.
    crowds : tuple of Crowd
        Demand that rises.
    control_plane : bool
        Whether the federation's control plane is down.
    degraded : tuple of Degradation
        Paths that are degraded.
    """

    regions: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    segments: tuple[str, ...] = ()
    server_share: Mapping[str, float] = field(default_factory=dict)
    crowds: tuple[Crowd, ...] = ()
    control_plane: bool = False
    degraded: tuple[Degradation, ...] = ()


@dataclass(frozen=True, eq=False)
class Effects:
    """The same for all components, along the axes; a row a component.

    Attributes
    ----------
    region_down, link_down, group_down, service_down : ndarray of bool
        Shapes (N, R), (N, L), (N, G) and (N, S): what is down with the component.
    segments_cut : tuple of tuple of str, length N
        Cable segments that are cut with it.
    server_share : ndarray, shape (N, P)
        Part of each node pool's servers that it leaves.
    demand_factor : ndarray, shape (N, S, O)
        Factor on demand.
    control_down : ndarray of bool, shape (N,)
        Whether the control plane is down with it.
    degraded : tuple of tuple of Degradation, length N
        Paths that it degrades.
    """

    region_down: Bools
    link_down: Bools
    group_down: Bools
    service_down: Bools
    segments_cut: tuple[tuple[str, ...], ...]
    server_share: Floats
    demand_factor: Floats
    control_down: Bools
    degraded: tuple[tuple[Degradation, ...], ...]

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


def pool_names(scenario: Scenario) -> tuple[str, ...]:
    """Return the node pools along ``P``, region by region.

    Parameters
    ----------
    scenario : Scenario
        The input.

    Returns
    -------
    tuple of str
        "region/pool".
    """
    return tuple(f"{r}/{pool}" for r, region in scenario.regions.items() for pool in region.pools)


def group_effect(scenario: Scenario, names: Iterable[str]) -> Effect:
    """Return what risk groups take with them: regions, services and every link that names one.

    Parameters
    ----------
    scenario : Scenario
        The input.
    names : iterable of str
        Risk groups; each must exist.

    Returns
    -------
    Effect
        The corridor is not in it: cables are cut by group.
    """
    groups = frozenset(names)
    members = [scenario.risk_groups[group] for group in groups]
    return Effect(
        groups=groups,
        regions=frozenset(region for group in members for region in group.regions),
        services=frozenset(service for group in members for service in group.services),
        links=frozenset(
            name for name, link in scenario.links.items() if groups.intersection(link.risk_groups)
        ),
    )


def event_effect(scenario: Scenario, event: Event) -> Effect:
    """Return what an event does.

    Parameters
    ----------
    scenario : Scenario
        The input.
    event : Event
        One of its events.

    Returns
    -------
    Effect
        With everything that its risk groups take with them.
    """
    cut = group_effect(scenario, event.risk_groups_cut)
    left = {
        f"{region}/{pool}": share
        for region, share in event.server_share.items()
        for pool in scenario.regions[region].pools
    }
    return Effect(
        regions=cut.regions.union(event.regions_down),
        links=cut.links.union(event.links_down),
        groups=cut.groups,
        services=cut.services.union(event.services_down),
        segments=event.cables_cut,
        server_share=left,
        crowds=event.crowds,
        control_plane=event.control_plane_down,
        degraded=event.degraded,
    )


def effects(scenario: Scenario, rows: Sequence[Effect]) -> Effects:
    """Put effects along the axes of a scenario.

    Parameters
    ----------
    scenario : Scenario
        The input; its order is that of the axes.
    rows : sequence of Effect, length N
        What each component takes with it.

    Returns
    -------
    Effects
        Read-only arrays.
    """
    pools = pool_names(scenario)
    share = np.ones((len(rows), len(pools)))
    for row, effect in enumerate(rows):
        for pool, left in effect.server_share.items():
            share[row, pools.index(pool)] = left
    return Effects(
        region_down=_named([row.regions for row in rows], tuple(scenario.regions)),
        link_down=_named([row.links for row in rows], tuple(scenario.links)),
        group_down=_named([row.groups for row in rows], tuple(scenario.risk_groups)),
        service_down=_named([row.services for row in rows], tuple(scenario.services)),
        segments_cut=tuple(row.segments for row in rows),
        server_share=share,
        demand_factor=_demand_factor(scenario, rows),
        control_down=np.array([row.control_plane for row in rows], dtype=np.bool_),
        degraded=tuple(row.degraded for row in rows),
    )


def _named(rows: Sequence[frozenset[str]], names: tuple[str, ...]) -> Bools:
    """Which names are in each row."""
    place = {name: column for column, name in enumerate(names)}
    table = np.zeros((len(rows), len(names)), dtype=np.bool_)
    for row, members in enumerate(rows):
        table[row, [place[name] for name in members]] = True
    return table


def _demand_factor(scenario: Scenario, rows: Sequence[Effect]) -> Floats:
    """Factors on demand, shape (N, S, O); a broadcast 1 where nobody crowds."""
    services, origins = tuple(scenario.services), tuple(scenario.origins)
    shape = (len(rows), len(services), len(origins))
    if not any(row.crowds for row in rows):
        return np.broadcast_to(np.float64(1.0), shape)
    factor = np.ones(shape)
    for row, effect in enumerate(rows):
        for crowd in effect.crowds:
            s = [services.index(name) for name in crowd.services or services]
            o = [origins.index(code) for code in crowd.origins or origins]
            factor[row, np.array(s)[:, None], np.array(o)] *= crowd.factor
    return factor


def left_up(down: Bools, taken: Bools) -> Bools:
    """Return what no component that is down takes with it.

    Parameters
    ----------
    down : ndarray of bool, shape (K, N)
        Which components are down.
    taken : ndarray of bool, shape (N, X)
        What each of them takes.

    Returns
    -------
    ndarray of bool, shape (K, X)
        What is left.

    Examples
    --------
    >>> left_up(np.array([[False, True]]), np.array([[True, False], [False, True]])).tolist()
    [[True, False]]
    """
    up = np.ones((down.shape[0], taken.shape[1]), dtype=np.bool_, order="F")
    for n, x in np.argwhere(taken):
        up[:, x] &= ~down[:, n]
    return up


def left_share(down: Bools, share: Floats) -> Floats:
    """Return the product of the shares that the components leave which are down.

    Parameters
    ----------
    down : ndarray of bool, shape (K, N)
        Which components are down.
    share : ndarray, shape (N, X)
        What each of them leaves.

    Returns
    -------
    ndarray, shape (K, X)
        What is left of 1.

    Examples
    --------
    >>> left_share(np.array([[True, True], [False, True]]), np.array([[0.5], [0.5]])).tolist()
    [[0.25], [0.5]]
    """
    left = np.ones((down.shape[0], share.shape[1]), order="F")
    for n, x in np.argwhere(share != 1):
        left[down[:, n], x] *= share[n, x]
    return left
