"""Failure states: which components are down at one moment, with its probability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from planner.failures.bits import Words, draws, packed, ranked, unpacked
from planner.failures.components import Components, components, event_components
from planner.failures.effects import Bools, Floats, pool_names
from planner.failures.enumeration import MAX_STATES, enumerated, probability_of, promised_limits
from planner.failures.known import FailureStates, covered
from planner.model.failure import KINDS, PROMISED_KINDS, Kind
from planner.model.scenario import Scenario


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
    known = covered(probability)
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
        covered_probability=known,
        uncovered_probability=1.0 - known,
    )
