"""What may fail: regions, servers, risk groups, links, cables, the control plane, events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from planner.failures.effects import (
    Bools,
    Effect,
    Effects,
    Floats,
    Ints,
    effects,
    event_effect,
    group_effect,
)
from planner.model.events import Event
from planner.model.failure import KINDS, Failure, Kind
from planner.model.scenario import Scenario
from planner.units import HOURS_PER_YEAR

LEAST_LEVEL_PROBABILITY = 1e-12
"""So many servers of one pool are lost at once less often: left out, and so not covered."""

MINUTES_PER_HOUR = 60.0


@dataclass(frozen=True, eq=False)
class Components:
    r"""What may fail, independently from block to block.

    Attributes
    ----------
    names : tuple of str, length N
        Names for people: "taipei", "luzon-strait", "1 of 3 servers of taipei/main".
    kinds : tuple of str, length N
        What each is, such as "region" or "pool"; one kind stands after the other.
    block : ndarray of int, shape (N,)
        Components of one block exclude one another, such as one server of a pool lost and two;
        blocks are counted from 0 on.
    unavailability : ndarray, shape (N,)
        Probability of being down at a moment.
    idle_probability : ndarray, shape (N,)
        Probability that nothing of the component's block is down.
    events_per_year : ndarray, shape (N,)
        How often it begins; for a pool, how often it comes to so many lost servers by one more.
    repair_h : ndarray, shape (N,)
        Time to repair, h: `unavailability` × 8760 / `events_per_year`.
    effects : Effects
        What each takes with it.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    block: Ints
    unavailability: Floats
    idle_probability: Floats
    events_per_year: Floats
    repair_h: Floats
    effects: Effects

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def odds(self) -> Floats:
        """Probability of each over that of nothing in its block, shape (N,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            odds: Floats = np.where(
                self.unavailability > 0, self.unavailability / self.idle_probability, 0.0
            )
        return odds

    @property
    def all_up_probability(self) -> float:
        """Probability that nothing is down."""
        first = np.unique(self.block, return_index=True)[1]
        return float(np.prod(self.idle_probability[first]))

    def of_kind(self, kind: Kind) -> Bools:
        """Which components are of a kind, shape (N,)."""
        return np.array([one == kind for one in self.kinds], dtype=np.bool_)


@dataclass(frozen=True)
class _Row:
    """One component before it stands along the axes; without `idle` a block of its own."""

    name: str
    kind: Kind
    effect: Effect
    unavailability: float
    events_per_year: float
    repair_h: float
    block: str
    idle: float


def components(
    scenario: Scenario,
    kinds: Sequence[Kind] = KINDS,
    cable_km: Mapping[str, float] | None = None,
) -> Components:
    r"""Collect what may fail.

    A pool of n servers, each down with probability q, is one block: exactly j of them are lost with

    .. math:: P(j) = \binom{n}{j} q^j (1 - q)^{n - j}.

    Parameters
    ----------
    scenario : Scenario
        The input.
    kinds : sequence of str, default: all
        Kinds that are counted, such as "region".
    cable_km : mapping of str to float, optional
        Cable segment to its length, km; needed where the scenario counts cables.

    Returns
    -------
    Components
        In the order of `planner.model.failure.KINDS`, each kind as in the scenario.

    Raises
    ------
    ValueError
        If a kind does not exist, a link names a risk group that the scenario lacks, or cables are
        counted without their lengths.

    Notes
    -----
    Risk groups are components of their own and what falls with them is derived, so components stay
    independent. Levels of a pool below 1e-12 are left out; their probability is not covered.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> parts = components(read_scenario("taiwan"), ["region", "pool"])
    >>> parts.names[0], parts.names[4], len(parts)
    ('taipei', '1 of 3 servers of taipei/main', 15)
    """
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise ValueError(f"`kinds` must be of {', '.join(KINDS)}, not {unknown[0]!r}")
    for name, link in scenario.links.items():
        if lost := set(link.risk_groups) - set(scenario.risk_groups):
            raise ValueError(f"link `{name}` must name known risk groups, not {sorted(lost)}")
    made = {
        "region": _regions,
        "pool": _pools,
        "risk_group": _groups,
        "link": _links,
        "control_plane": _control_plane,
        "event": _events,
    }
    rows: list[_Row] = []
    for kind in KINDS:
        if kind in kinds:
            rows += _cables(scenario, cable_km) if kind == "cable" else made[kind](scenario)
    return _stacked(scenario, rows)


def event_components(scenario: Scenario, names: Sequence[str]) -> Components:
    """Return events as components, whether they have a rate or not.

    Parameters
    ----------
    scenario : Scenario
        The input.
    names : sequence of str
        Keys of its events.

    Returns
    -------
    Components
        One each; an event without a `failure` has unavailability 0 and lasts its duration.

    Raises
    ------
    ValueError
        If there is no such event, or one is named twice.
    """
    for name in names:
        if name not in scenario.events:
            known = ", ".join(scenario.events) or "none"
            raise ValueError(f"no event {name!r}; the scenario has: {known}")
    if len(set(names)) < len(names):
        raise ValueError("each event must be named once")
    return _stacked(scenario, [_event(scenario, name, scenario.events[name]) for name in names])


def _single(name: str, kind: Kind, effect: Effect, failure: Failure) -> _Row:
    """One component that is a block of its own."""
    down = failure.unavailability_probability
    return _Row(
        name,
        kind,
        effect,
        unavailability=down,
        events_per_year=failure.events_per_year,
        repair_h=failure.repair_h,
        block=f"{kind} {name}",
        idle=1.0 - down,
    )


def _regions(scenario: Scenario) -> Iterator[_Row]:
    """Return the regions as wholes."""
    for name, region in scenario.regions.items():
        yield _single(name, "region", Effect(regions=frozenset([name])), region.failure)


def _groups(scenario: Scenario) -> Iterator[_Row]:
    """Risk groups with all that they take."""
    for name, group in scenario.risk_groups.items():
        yield _single(name, "risk_group", group_effect(scenario, [name]), group.failure)


def _links(scenario: Scenario) -> Iterator[_Row]:
    """Links that fail by themselves."""
    for name, link in scenario.links.items():
        if (failure := link.failure or scenario.failures.links) is not None:
            yield _single(name, "link", Effect(links=frozenset([name])), failure)


def _control_plane(scenario: Scenario) -> Iterator[_Row]:
    """Return the federation's control plane."""
    if (failure := scenario.failures.control_plane) is not None:
        yield _single("control plane", "control_plane", Effect(control_plane=True), failure)


def _cables(scenario: Scenario, cable_km: Mapping[str, float] | None) -> Iterator[_Row]:
    """Cable segments, each by its length."""
    cables = scenario.failures.cables
    if cables.segments == "none":
        return
    if cable_km is None:
        raise ValueError("`cable_km` must give the lengths of the cable segments that are counted")
    for name in cable_km if cables.segments == "all" else cables.segments:
        if name not in cable_km:
            raise ValueError(f"`cable_km` must have the segment {name!r}")
        rate = cables.rate_per_1000km_year * cable_km[name] / 1000
        failure = Failure(rate_per_year=rate, repair_days=cables.repair_days)
        yield _single(name, "cable", Effect(segments=(name,)), failure)


def _events(scenario: Scenario) -> Iterator[_Row]:
    """Events that have a rate."""
    for key, event in scenario.events.items():
        if event.failure is not None:
            yield _event(scenario, key, event)


def _event(scenario: Scenario, key: str, event: Event) -> _Row:
    """One event, counted or not."""
    name, effect = event.name or key, event_effect(scenario, event)
    if event.failure is not None:
        return _single(name, "event", effect, event.failure)
    return _Row(
        name,
        "event",
        effect,
        unavailability=0.0,
        events_per_year=0.0,
        repair_h=event.duration_min / MINUTES_PER_HOUR,
        block=f"event {key}",
        idle=1.0,
    )


def _pools(scenario: Scenario) -> Iterator[_Row]:
    """Node pools, a component for every number of servers lost."""
    for region, place in scenario.regions.items():
        for key, pool in place.pools.items():
            failure = pool.failure or scenario.failures.servers
            if failure is not None and failure.unavailability_probability > 0:
                last = len(place.pools) == 1
                yield from _levels(region, f"{region}/{key}", pool.servers, failure, last=last)


def _levels(
    region: str, pool: str, servers: int, failure: Failure, *, last: bool
) -> Iterator[_Row]:
    """Levels of one pool; with all servers of the `last` pool its region is lost."""
    probability = _binomial(servers, failure.unavailability_probability)
    for lost in range(1, servers + 1):
        if probability[lost] < LEAST_LEVEL_PROBABILITY:
            continue
        gone = frozenset([region]) if last and lost == servers else frozenset[str]()
        # j repairs go on at once; so P(j) = rate of coming to j × its repair time, as for the rest.
        repair_h = failure.repair_h / lost
        yield _Row(
            f"{lost} of {servers} servers of {pool}",
            "pool",
            Effect(regions=gone, server_share={pool: (servers - lost) / servers}),
            unavailability=float(probability[lost]),
            events_per_year=float(probability[lost]) * HOURS_PER_YEAR / repair_h,
            repair_h=repair_h,
            block=f"pool {pool}",
            idle=float(probability[0]),
        )


def _binomial(trials: int, share: float) -> Floats:
    """Probability of 0 to n successes."""
    j = np.arange(trials + 1)
    ways = gammaln(trials + 1) - gammaln(j + 1) - gammaln(trials - j + 1)
    probability: Floats = np.exp(ways + xlogy(j, share) + xlog1py(trials - j, -share))
    return probability


def _stacked(scenario: Scenario, rows: Sequence[_Row]) -> Components:
    """Put the components into arrays."""
    number = {block: i for i, block in enumerate(dict.fromkeys(row.block for row in rows))}
    return Components(
        names=tuple(row.name for row in rows),
        kinds=tuple(row.kind for row in rows),
        block=np.array([number[row.block] for row in rows], dtype=np.int64),
        unavailability=np.array([row.unavailability for row in rows]),
        idle_probability=np.array([row.idle for row in rows]),
        events_per_year=np.array([row.events_per_year for row in rows]),
        repair_h=np.array([row.repair_h for row in rows]),
        effects=effects(scenario, [row.effect for row in rows]),
    )
