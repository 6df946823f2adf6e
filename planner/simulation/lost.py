"""Demand that is not served, by what stopped it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.problem.arrays import Floats

CAUSES = (
    "no_region",
    "cut",
    "service",
    "inadmissible",
    "capacity",
    "path",
    "uplink",
    "home",
    "link",
)
"""Names of what may stop a request, in the order of `Lost`."""


@dataclass(frozen=True)
class Lost:
    """Demand that is not served, requests per second, by what stopped it.

    Attributes
    ----------
    no_region : ndarray, shape (K, S, O, H)
        None of the regions of its order is up.
    cut : ndarray, shape (K, S, O, H)
        No path leads to the region it is sent to.
    service : ndarray, shape (K, S, O, H)
        The service is down everywhere.
    inadmissible : ndarray, shape (K, S, O, H)
        The region it is sent to may not serve it in that state.
    capacity : ndarray, shape (K, S, O, H)
        Above the emergency capacity of its region.
    path : ndarray, shape (K, S, O, H)
        Above what degraded paths to its region carry together.
    uplink : ndarray, shape (K, S, O, H)
        Above the uplink of its region.
    home : ndarray, shape (K, S, O, H)
        Calls that must reach the home region while none is left or no path leads there.
    link : ndarray, shape (K, S, O, H)
        Calls to the home region above what the tunnels on their way carry.
    """

    no_region: Floats
    cut: Floats
    service: Floats
    inadmissible: Floats
    capacity: Floats
    path: Floats
    uplink: Floats
    home: Floats
    link: Floats

    def __post_init__(self) -> None:
        for cause in CAUSES:
            getattr(self, cause).flags.writeable = False

    @cached_property
    def total(self) -> Floats:
        """All demand that is not served, shape (K, S, O, H), requests per second."""
        total = self.turned_away + self.home
        total += self.link
        total.flags.writeable = False
        return total

    @cached_property
    def turned_away(self) -> Floats:
        """Demand that no region takes, shape (K, S, O, H); failed home calls are not in it."""
        total = self.no_region + self.cut
        for part in (self.service, self.inadmissible, self.capacity, self.path, self.uplink):
            total += part
        total.flags.writeable = False
        return total

    @staticmethod
    def nothing(shape: tuple[int, int, int, int]) -> dict[str, Floats]:
        """Return zeros by cause, to be added to.

        Parameters
        ----------
        shape : tuple of int
            (K, S, O, H).

        Returns
        -------
        dict of str to ndarray
            Arguments of `Lost`; pages that nobody writes to cost no memory.
        """
        return {cause: np.zeros(shape) for cause in CAUSES}
