"""What regions take, as one dense array: for small problems only."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Floats
from planner.simulation.assessment import Assessment


def carried_rps(found: Assessment) -> Floats:
    """Return requests per second, shape (K, S, O, R, H)."""
    return np.stack([found.carried_rps(state) for state in range(len(found.axes.states))])
