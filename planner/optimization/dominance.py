"""Failure states that others make unnecessary to look at."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem


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


def binding_rows(problem: Problem, one_rps: Floats) -> Bools:
    """Return the load rows of static steering that no other state's row implies.

    Where more regions are down, each order is followed further: every other region is loaded at
    least as much.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state.

    Returns
    -------
    ndarray of bool, shape (K, S, R)
        False where the state is not promised, the region is down, or another promised state in
        which more regions are down, and it is not, has no larger capacity.
    """
    up = problem.region_up
    promised = np.flatnonzero(problem.must_survive)
    binding = np.zeros(one_rps.shape, bool)
    binding[promised] = up[promised][:, None]
    for state in promised:
        more = promised[(up[promised] <= up[state]).all(axis=1)]
        more = more[more != state]
        same = (up[more] == up[state]).all(axis=1)[:, None, None] & (more > state)[:, None, None]
        implied = up[more][:, None] & (one_rps[more] <= one_rps[state])
        # Of two equal rows the first is kept.
        implied &= ~(same & (one_rps[more] == one_rps[state]))
        binding[state] &= ~implied.any(axis=0)
    return binding
