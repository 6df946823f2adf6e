"""Failure states that others make unnecessary to look at."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Ints, Problem


def kept_states(problem: Problem) -> Ints:
    """Return the promised states, the normal one excepted, that no other one dominates.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray of int
        A state is dominated where each of its admissible pairs includes those of another one.
    """
    states = np.flatnonzero(problem.must_survive)
    states = states[states > 0]
    if not states.size:
        return states
    allowed = problem.state_admissible[states] & problem.region_up[states][:, None, None, :]
    flat = np.packbits(allowed.reshape(states.size, -1), axis=1)
    size = allowed.reshape(states.size, -1).sum(axis=1)
    kept: list[int] = []
    for i in np.argsort(size, kind="stable"):
        # Only a smaller or equal one can be within it.
        if not any((flat[j] & ~flat[i] == 0).all() for j in kept):
            kept.append(int(i))
    undominated: Ints = states[np.sort(kept)]
    return undominated
