"""Failure states: which components are down at one moment, with its probability."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planner.failures.components import Bools, Components, Floats, components
from planner.model.policy import Survive
from planner.model.scenario import Scenario

MAX_STATES = 200_000
"""More states than this are refused."""

Combination = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class FailureStates:
    """Failure states, the most probable first after state 0, in which everything is up.

    Attributes
    ----------
    names : tuple of str, length K
        Such as "all up", "taipei + tokyo down", "taipei down, luzon-strait cut",
        "link taipei-tokyo down".
    regions, links, risk_groups : tuple of str
        Names along the axes ``R``, ``L`` and ``G``, as in the scenario.
    region_up : ndarray of bool, shape (K, R)
        Whether the region is up.
    link_up : ndarray of bool, shape (K, L)
        Whether the link and all of its risk groups are up; its two regions do not matter.
    group_up : ndarray of bool, shape (K, G)
        Whether the risk group is up.
    probability : ndarray, shape (K,)
        Probability that exactly this is down.
    must_survive : ndarray of bool, shape (K,)
        Whether the policy promises the state.
    covered_probability : float
        Sum of `probability`.
    uncovered_probability : float
        What is left of 1: the states that are not here.
    """

    names: tuple[str, ...]
    regions: tuple[str, ...]
    links: tuple[str, ...]
    risk_groups: tuple[str, ...]
    region_up: Bools
    link_up: Bools
    group_up: Bools
    probability: Floats
    must_survive: Bools
    covered_probability: float
    uncovered_probability: float

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def table(self) -> pd.DataFrame:
        """States with their probability and whether the policy promises them."""
        columns = {"probability": self.probability, "must_survive": self.must_survive}
        return pd.DataFrame(columns, index=pd.Index(self.names, name="state"))


def failure_states(
    scenario: Scenario, order: int | None = None, cutoff_probability: float = 0.0
) -> FailureStates:
    r"""Enumerate what may be down at once.

    Components fail independently of one another: a link falls with its risk groups and with
    itself. With :math:`q_i = \mathrm{MTTR}_i / (\mathrm{MTBF}_i + \mathrm{MTTR}_i)`,

    .. math:: P(k) = \prod_{i \in k} q_i \prod_{i \notin k} (1 - q_i).

    Parameters
    ----------
    scenario : Scenario
        The input.
    order : int, optional
        Largest number of components down at once; by default what the policy promises over all
        kinds, at least 1.
    cutoff_probability : float, default: 0.0
        States must be more probable than this.

    Returns
    -------
    FailureStates
        State 0 ("all up"), then all others by decreasing probability, equal ones by name. State 0
        and the states that the policy promises are there whatever `order` and the cut-off say.

    Raises
    ------
    ValueError
        If `order` is negative, the cut-off is not in [0, 1), or there are too many states.

    Notes
    -----
    A state is promised if the regions, risk groups and links down in it are each at most as many
    as the policy says for their kind. Independence flatters: what fails together belongs in one
    risk group.

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
    parts = components(scenario)
    limits = _limits(parts, scenario.policy.survive)
    depth = max(1, sum(limits)) if order is None else order
    promised = _promised(parts, limits)
    found = promised | set(_enumerated(parts.unavailability, depth, cutoff_probability))
    down = _down(sorted(found), len(parts.unavailability))
    probability = _probability(down, parts.unavailability)
    must_survive = np.array([state in promised for state in sorted(found)])
    keep = must_survive | (probability > cutoff_probability)
    return _sorted(scenario, parts, down[keep], probability[keep], must_survive[keep])


def _limits(parts: Components, survive: Survive) -> tuple[int, int, int]:
    """Most components of each kind that are down in a promised state."""
    promised = (survive.regions, survive.risk_groups, survive.links)
    regions, groups, links = (
        min(count, len(kind)) for count, kind in zip(promised, parts.of_kind, strict=True)
    )
    return regions, groups, links


def _promised(parts: Components, limits: tuple[int, int, int]) -> set[Combination]:
    """All combinations of at most so many of each kind, "all up" among them."""
    choices = [
        [c for size in range(limit + 1) for c in combinations(kind, size)]
        for kind, limit in zip(parts.of_kind, limits, strict=True)
    ]
    _refuse_many(math.prod(len(choice) for choice in choices))
    return {tuple(chain(*choice)) for choice in product(*choices)}


def _enumerated(unavailability: Floats, depth: int, cutoff: float) -> Iterable[Combination]:
    """All combinations of at most `depth` components that may exceed the cut-off."""
    odds = unavailability / (1 - unavailability)
    # A component more often down than up makes a state likelier: such a gain is still to come.
    floor = cutoff / np.maximum(odds, 1).prod() * (1 - 1e-9)
    level, probability = np.empty((1, 0), dtype=np.int64), np.array([(1 - unavailability).prod()])
    total = 1
    for _ in range(min(depth, len(odds))):
        last = level[:, -1] if level.shape[1] else np.full(len(level), -1)
        children = len(odds) - 1 - last
        _refuse_many(total + int(children.sum()))
        parent = np.repeat(np.arange(len(level)), children)
        start = np.repeat(np.cumsum(children) - children, children)
        added = last[parent] + 1 + np.arange(len(parent)) - start
        probability = probability[parent] * odds[added]
        keep = probability >= floor
        level, probability = np.column_stack([level[parent], added])[keep], probability[keep]
        total += len(level)
        yield from map(tuple, level.tolist())


def _refuse_many(count: int) -> None:
    """Refuse to enumerate without end."""
    if count > MAX_STATES:
        raise ValueError(
            f"more than {MAX_STATES} failure states; lower `order` or raise `cutoff_probability`"
        )


def _down(states: list[Combination], size: int) -> Bools:
    """Which components are down, states × components."""
    down = np.zeros((len(states), size), dtype=np.bool_)
    rows = np.repeat(np.arange(len(states)), [len(state) for state in states])
    down[rows, list(chain(*states))] = True
    return down


def _probability(down: Bools, unavailability: Floats) -> Floats:
    """Exact product over components; equal factors give equal bits, whatever their order."""
    factors = np.sort(np.where(down, unavailability, 1 - unavailability), axis=1)
    probability: Floats = factors.prod(axis=1)
    return probability


def _sorted(
    scenario: Scenario, parts: Components, down: Bools, probability: Floats, promised: Bools
) -> FailureStates:
    """Sort the states and cut them along the axes."""
    names = [_name(parts, row) for row in down]
    order = sorted(range(len(names)), key=lambda k: (down[k].any(), -probability[k], names[k]))
    down, probability = down[order], probability[order]
    regions, groups, _ = parts.of_kind
    covered = min(math.fsum(probability), 1.0)
    return FailureStates(
        names=tuple(names[k] for k in order),
        regions=parts.regions,
        links=tuple(scenario.links),
        risk_groups=parts.risk_groups,
        region_up=~down[:, regions],
        link_up=~(down.astype(np.int64) @ parts.link_needs.T.astype(np.int64) > 0),
        group_up=~down[:, groups],
        probability=probability,
        must_survive=promised[order],
        covered_probability=covered,
        uncovered_probability=1.0 - covered,
    )


def _name(parts: Components, down: NDArray[np.bool_]) -> str:
    """Say in words what is down."""
    lost = []
    kinds = (parts.regions, parts.risk_groups, parts.links)
    for names, kind, words in zip(
        kinds, parts.of_kind, ("{} down", "{} cut", "link {} down"), strict=True
    ):
        if own := [name for name, index in zip(names, kind, strict=True) if down[index]]:
            lost.append(words.format(" + ".join(own)))
    return ", ".join(lost) or "all up"
