"""Failure states: which components are down at one moment, with its probability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from planner.failures.bits import Words, draws, packed, ranked, unpacked
from planner.failures.components import Components, components, event_components
from planner.failures.effects import Bools, Floats, left_share, left_up, pool_names
from planner.failures.enumeration import MAX_STATES, enumerated, probability_of, promised_limits
from planner.failures.words import state_name
from planner.model.failure import KINDS, PROMISED_KINDS, Kind
from planner.model.scenario import Scenario


@dataclass(frozen=True, eq=False)
class FailureStates:
    """Failure states, the most probable first after state 0, in which everything is up.

    Attributes
    ----------
    components : Components
        What may fail, along ``N``.
    regions, links, risk_groups, services, origins, pools : tuple of str
        Names along the axes ``R``, ``L``, ``G``, ``S``, ``O`` and ``P``, as in the scenario; pools
        as "region/pool".
    down : ndarray of bool, shape (K, N)
        Which components are down.
    probability : ndarray, shape (K,)
        Probability that exactly this is down, or how often it was drawn.
    must_survive : ndarray of bool, shape (K,)
        Whether the policy promises the state.
    covered_probability : float
        Sum of `probability`.
    uncovered_probability : float
        What is left of 1: the states that are not here.
    samples : int
        How many states were drawn; 0 where they were enumerated.
    """

    components: Components
    regions: tuple[str, ...]
    links: tuple[str, ...]
    risk_groups: tuple[str, ...]
    services: tuple[str, ...]
    origins: tuple[str, ...]
    pools: tuple[str, ...]
    down: Bools
    probability: Floats
    must_survive: Bools
    covered_probability: float
    uncovered_probability: float
    samples: int = 0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.probability)

    def name(self, state: int) -> str:
        """Say in words what is down in one state.

        Parameters
        ----------
        state : int
            Index of the state.

        Returns
        -------
        str
            Such as "taipei + tokyo down, luzon-strait cut".
        """
        lost = np.flatnonzero(self.down[state])
        parts = self.components
        return state_name([parts.kinds[n] for n in lost], [parts.names[n] for n in lost])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is down in each state, in words, length K."""
        return tuple(self.name(state) for state in range(len(self)))

    @cached_property
    def region_up(self) -> Bools:
        """Whether the region is up and has a server left, shape (K, R)."""
        up = left_up(self.down, self.components.effects.region_down)
        gone = self.components.effects.server_share == 0
        for r, region in enumerate(self.regions):
            own = [p for p, pool in enumerate(self.pools) if pool.startswith(f"{region}/")]
            if gone[:, own].any(axis=0).all():
                up[:, r] &= left_up(self.down, gone[:, own]).any(axis=1)
        return _frozen(up)

    @cached_property
    def link_up(self) -> Bools:
        """Whether the link and all that it falls with are up, shape (K, L); its ends apart."""
        return _frozen(left_up(self.down, self.components.effects.link_down))

    @cached_property
    def group_up(self) -> Bools:
        """Whether the risk group is up, shape (K, G)."""
        return _frozen(left_up(self.down, self.components.effects.group_down))

    @cached_property
    def service_up(self) -> Bools:
        """Whether the service works at all, shape (K, S)."""
        return _frozen(left_up(self.down, self.components.effects.service_down))

    @cached_property
    def server_share(self) -> Floats:
        """Part of each node pool's servers that is left, shape (K, P)."""
        share = left_share(self.down, self.components.effects.server_share)
        share.setflags(write=False)
        return share

    @cached_property
    def control_up(self) -> Bools:
        """Whether the control plane works; its host region apart, shape (K,)."""
        taken = self.components.effects.control_down[:, None]
        return _frozen(left_up(self.down, taken)[:, 0])

    def demand_factor(self) -> Floats | None:
        """Return the factors on demand.

        Returns
        -------
        ndarray, shape (K, S, O), or None
            The product over what is down; None where it is 1 everywhere.
        """
        factor = self.components.effects.demand_factor
        if not (factor != 1)[self.down.any(axis=0)].any():
            return None
        flat = left_share(self.down, factor.reshape(len(factor), -1))
        return np.ascontiguousarray(flat).reshape(len(self), *factor.shape[1:])

    def segments_down(self, segments: Sequence[str]) -> Bools:
        """Return which cable segments are cut by themselves, their corridors apart.

        Parameters
        ----------
        segments : sequence of str
            Names along the axis wanted; a cut of any other segment changes nothing.

        Returns
        -------
        ndarray of bool, shape (K, len(segments))
            Whether the segment is cut.
        """
        place = {name: column for column, name in enumerate(segments)}
        taken = np.zeros((len(self.components), len(segments)), dtype=np.bool_)
        for n, cut in enumerate(self.components.effects.segments_cut):
            taken[n, [place[name] for name in cut if name in place]] = True
        return ~left_up(self.down, taken)

    def take(self, states: ArrayLike) -> FailureStates:
        """Return some of the states, in the order asked for.

        Parameters
        ----------
        states : array_like of int
            Their indices; the first must be 0, which is all up.

        Returns
        -------
        FailureStates
            What is not covered grows by what was left out.

        Raises
        ------
        ValueError
            If state 0 is not the first.
        """
        rows = np.asarray(states, dtype=np.int64)
        if not len(rows) or rows[0] != 0:
            raise ValueError("`states` must begin with state 0")
        probability = self.probability[rows]
        return replace(
            self,
            down=self.down[rows],
            probability=probability,
            must_survive=self.must_survive[rows],
            covered_probability=_covered(probability),
            uncovered_probability=1.0 - _covered(probability),
        )

    @property
    def table(self) -> pd.DataFrame:
        """States with their probability and whether the policy promises them."""
        columns = {"probability": self.probability, "must_survive": self.must_survive}
        return pd.DataFrame(columns, index=pd.Index(self.names, name="state"))


def failure_states(
    scenario: Scenario,
    order: int | None = None,
    cutoff_probability: float = 0.0,
    *,
    kinds: Sequence[Kind] = PROMISED_KINDS,
    cable_km: Mapping[str, float] | None = None,
) -> FailureStates:
    r"""Enumerate what may be down at once.

    Components fail independently from block to block: what falls with a risk group is derived from
    it. With :math:`q_i = \mathrm{MTTR}_i / (\mathrm{MTBF}_i + \mathrm{MTTR}_i)`, and
    :math:`b` over the blocks of which nothing is down,

    .. math:: P(k) = \prod_{i \in k} q_i \prod_{b \notin k} \Bigl(1 - \sum_{i \in b} q_i\Bigr).

    Parameters
    ----------
    scenario : Scenario
        The input.
    order : int, optional
        Largest number of components down at once; by default what the policy promises over all
        kinds, at least 1. So many servers of one pool are one component.
    cutoff_probability : float, default: 0.0
        States must be more probable than this.
    kinds : sequence of str, default: those that a policy can promise
        Kinds of components that are counted.
    cable_km : mapping of str to float, optional
        Lengths of the cable segments that may be counted, km.

    Returns
    -------
    FailureStates
        State 0 ("all up"), then all others by decreasing probability; of equal ones those with
        fewer components first, then in the order of the components. State 0 and the states that the
        policy promises are there whatever `order` and the cut-off say.

    Raises
    ------
    ValueError
        If `order` is negative, the cut-off is not in [0, 1), there are too many states, or the
        lengths of cables that are counted are not given.

    Notes
    -----
    A state is promised if the regions, risk groups and links down in it are each at most as many
    as the policy says for their kind, and nothing else is down. Independence flatters: what fails
    together belongs in one risk group.

    References
    ----------
    J. Bogle et al., "TEAVAR: Striking the Right Utilization-Availability Balance in WAN Traffic
    Engineering", SIGCOMM 2019, section 4 (cut-off on enumerated states).

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> states = failure_states(read_scenario("taiwan"))
    >>> states.names[:2], states.must_survive[:2].tolist()
    (('all up', 'luzon-strait cut'), [True, False])
    >>> f"{states.covered_probability:.5f}"
    '0.99988'
    """
    if order is not None and order < 0:
        raise ValueError("`order` must not be negative")
    if not 0 <= cutoff_probability < 1:
        raise ValueError("`cutoff_probability` must be in [0, 1)")
    parts = components(scenario, kinds, cable_km)
    limits = promised_limits(parts, scenario.policy.survive)
    depth = min(len(parts), max(1, sum(limits)) if order is None else order)
    rows = enumerated(parts, limits, depth, cutoff_probability)
    return _sorted(
        scenario,
        parts,
        packed(rows.astype(np.int64), len(parts)),
        probability_of(parts, rows),
        limits,
    )


def sampled_states(
    scenario: Scenario,
    samples: int,
    seed: int,
    *,
    kinds: Sequence[Kind] = KINDS,
    cable_km: Mapping[str, float] | None = None,
) -> FailureStates:
    r"""Draw what is down at random moments.

    Parameters
    ----------
    scenario : Scenario
        The input.
    samples : int
        How many moments are drawn.
    seed : int
        Seed of the generator: the same draws for the same scenario.
    kinds : sequence of str, default: all
        Kinds of components that are counted.
    cable_km : mapping of str to float, optional
        Lengths of the cable segments that may be counted, km.

    Returns
    -------
    FailureStates
        The distinct states, in the order of `failure_states`; `probability` is how often each was
        drawn. State 0 is there even if it never was; promised states are only if they were drawn.

    Raises
    ------
    ValueError
        If `samples` is not positive, `seed` is negative, or there are too many distinct states.

    Notes
    -----
    All probability counts as covered: what is not known is the error of the sample, at most
    :math:`0.5 / \sqrt{samples}` for any share (standard deviation).

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> states = sampled_states(read_scenario("taiwan"), 10_000, seed=1)
    >>> states.names[0], states.samples, bool(abs(states.probability[0] - 0.985) < 0.01)
    ('all up', 10000, True)
    """
    if samples < 1:
        raise ValueError("`samples` must be positive")
    if seed < 0:
        raise ValueError("`seed` must not be negative")
    parts = components(scenario, kinds, cable_km)
    high = _stacked_within(parts)
    low = high - parts.unavailability
    words, count = draws(low, high, parts.block, samples, seed, MAX_STATES)
    if words[0].any():
        words = np.vstack([np.zeros_like(words[:1]), words])
        count = np.append(0, count)
    found = _sorted(
        scenario, parts, words, count / samples, promised_limits(parts, scenario.policy.survive)
    )
    return replace(found, samples=samples)


def event_states(scenario: Scenario, name: str, *, also: Sequence[str] = ()) -> FailureStates:
    """Return the two states of a replay: all up, and the event.

    Parameters
    ----------
    scenario : Scenario
        The input.
    name : str
        Key of the event.
    also : sequence of str, optional
        Keys of events that last at the same time.

    Returns
    -------
    FailureStates
        Two states. The second has the probability that all events have at once, 0 where one of
        them has no rate; it is never promised.

    Raises
    ------
    ValueError
        If there is no such event, or one is named twice.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> states = event_states(read_scenario("taiwan"), "taipei-down", also=["crowd-in-japan"])
    >>> states.names
    ('all up', 'Taipei down, A crowd in Japan')
    """
    parts = event_components(scenario, [name, *also])
    both = math.prod(parts.unavailability.tolist())
    down = np.array([[False] * len(parts), [True] * len(parts)])
    promised = np.array([True, False])
    return _states(scenario, parts, down, np.array([1.0 - both, both]), promised)


def _stacked_within(parts: Components) -> Floats:
    """Upper end of each component's part of its block's [0, 1)."""
    total = np.cumsum(parts.unavailability)
    first = np.searchsorted(parts.block, parts.block)
    high: Floats = total - (total - parts.unavailability)[first]
    return high


def _sorted(
    scenario: Scenario,
    parts: Components,
    words: Words,
    probability: Floats,
    limits: tuple[int, ...],
) -> FailureStates:
    """Sort the states and say which of them are promised."""
    order = ranked(words, probability)
    down = unpacked(words[order], len(parts))
    return _states(scenario, parts, down, probability[order], _kept(parts, down, limits))


def _kept(parts: Components, down: Bools, limits: tuple[int, ...]) -> Bools:
    """Which states the policy promises, shape (K,)."""
    limit = dict(zip(PROMISED_KINDS, limits, strict=True))
    promised = np.ones(len(down), dtype=np.bool_)
    for kind in dict.fromkeys(parts.kinds):
        count = np.zeros(len(down), dtype=np.int32)
        for n in np.flatnonzero(parts.of_kind(kind)):
            count += down[:, n]
        promised &= count <= limit.get(kind, 0)
    return promised


def _states(
    scenario: Scenario, parts: Components, down: Bools, probability: Floats, promised: Bools
) -> FailureStates:
    """Name the axes."""
    covered = _covered(probability)
    return FailureStates(
        components=parts,
        regions=tuple(scenario.regions),
        links=tuple(scenario.links),
        risk_groups=tuple(scenario.risk_groups),
        services=tuple(scenario.services),
        origins=tuple(scenario.origins),
        pools=pool_names(scenario),
        down=down,
        probability=probability,
        must_survive=promised,
        covered_probability=covered,
        uncovered_probability=1.0 - covered,
    )


def _covered(probability: Floats) -> float:
    """Sum of the probabilities, at most 1."""
    return min(math.fsum(probability.tolist()), 1.0)


def _frozen(array: Bools) -> Bools:
    """Return the array, read-only."""
    array.setflags(write=False)
    return array
