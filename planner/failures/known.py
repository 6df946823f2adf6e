"""The noun of this room: failure states, which components are down in each and how likely it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from planner.failures.components import Components
from planner.failures.effects import Bools, Floats, left_share, left_up
from planner.failures.words import state_name


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
            covered_probability=covered(probability),
            uncovered_probability=1.0 - covered(probability),
        )

    @property
    def table(self) -> pd.DataFrame:
        """States with their probability and whether the policy promises them."""
        columns = {"probability": self.probability, "must_survive": self.must_survive}
        return pd.DataFrame(columns, index=pd.Index(self.names, name="state"))


def covered(probability: Floats) -> float:
    """Return the sum of probabilities, at most 1.

    Parameters
    ----------
    probability : ndarray, shape (K,)
        Probabilities of states.

    Returns
    -------
    float
        Summed without rounding on the way.

    Examples
    --------
    >>> covered(np.full(10, 0.1))
    1.0
    """
    return min(math.fsum(probability.tolist()), 1.0)


def _frozen(array: Bools) -> Bools:
    """Return the array, read-only."""
    array.setflags(write=False)
    return array
