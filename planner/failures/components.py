"""What fails on its own: regions, risk groups, and links that have a failure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.model.scenario import Scenario

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Components:
    """What may fail, independently of one another.

    Components stand in the order regions, risk groups, links, each as in the scenario.

    Attributes
    ----------
    regions, risk_groups, links : tuple of str
        Names of the components of each kind; only links with a failure of their own are here.
    unavailability : ndarray, shape (N,)
        MTTR / (MTBF + MTTR) of each component.
    link_needs : ndarray of bool, shape (L, N)
        Components that each link of the scenario falls with: its risk groups and itself.
    """

    regions: tuple[str, ...]
    risk_groups: tuple[str, ...]
    links: tuple[str, ...]
    unavailability: Floats
    link_needs: Bools

    @property
    def of_kind(self) -> tuple[range, range, range]:
        """Indices of the regions, of the risk groups and of the links."""
        first = len(self.regions)
        second = first + len(self.risk_groups)
        return range(first), range(first, second), range(second, second + len(self.links))


def components(scenario: Scenario) -> Components:
    """Collect what may fail.

    Parameters
    ----------
    scenario : Scenario
        The input; risk groups that a link names must exist.

    Returns
    -------
    Components
        Regions, risk groups and links with a failure of their own.

    Raises
    ------
    ValueError
        If a link names a risk group that the scenario lacks.
    """
    own = {name: link.failure for name, link in scenario.links.items() if link.failure}
    failures = [
        *(region.failure for region in scenario.regions.values()),
        *(group.failure for group in scenario.risk_groups.values()),
        *own.values(),
    ]
    unavailability = np.array([failure.unavailability_probability for failure in failures])
    needs = _link_needs(scenario, tuple(own), len(failures))
    for array in (unavailability, needs):
        array.setflags(write=False)
    return Components(
        tuple(scenario.regions), tuple(scenario.risk_groups), tuple(own), unavailability, needs
    )


def _link_needs(scenario: Scenario, own: tuple[str, ...], size: int) -> Bools:
    """Which components each link falls with."""
    groups = {name: len(scenario.regions) + i for i, name in enumerate(scenario.risk_groups)}
    itself = {name: size - len(own) + i for i, name in enumerate(own)}
    needs = np.zeros((len(scenario.links), size), dtype=np.bool_)
    for row, (name, link) in enumerate(scenario.links.items()):
        if unknown := set(link.risk_groups) - set(groups):
            raise ValueError(f"link `{name}` must name known risk groups, not {sorted(unknown)}")
        needs[row, [groups[group] for group in link.risk_groups]] = True
        if name in itself:
            needs[row, itself[name]] = True
    return needs
