"""Canary steps: weights that mean whole pods, by the arithmetic of Argo Rollouts.

Without traffic routing a weight is only a ratio of pods.  A weight that does not fit the number of
replicas is rounded by the controller; the steps here are those that need no rounding, or least.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

FULL = 100


@dataclass(frozen=True)
class Step:
    """One step of a canary.

    Attributes
    ----------
    weight : int
        Percent that the Rollout states.
    canary, stable : int
        Pods of the new and of the old version while it lasts.
    """

    weight: int
    canary: int
    stable: int


def canary_pods(replicas: int, weight: int, surge: int) -> tuple[int, int]:
    r"""Return how many pods of the new and of the old version a weight means.

    Of the whole numbers beside ``replicas × weight / 100``, and of the totals ``replicas`` and, if
    there is a surge, ``replicas + 1``, that pair whose ratio is nearest to the weight.

    Parameters
    ----------
    replicas : int
        Replicas of the Rollout.
    weight : int
        Percent, 0 to 100.
    surge : int
        `maxSurge`, pods.

    Returns
    -------
    (int, int)
        Canary and stable pods.

    Notes
    -----
    The rule of ``approximateWeightedCanaryStableReplicaCounts`` in Argo Rollouts, utils/replicaset.
    From 1 to 99 % either version keeps a pod where there are two or more. Pods that are not
    available yet may hold either number back for a while.

    Examples
    --------
    >>> canary_pods(10, 41, 0), canary_pods(3, 50, 0), canary_pods(1, 50, 1)
    ((4, 6), (2, 1), (1, 1))
    """
    if replicas == 0:
        return 0, 0
    below, rest = divmod(replicas * weight, FULL)
    above = below + (rest > 0)
    whole = weight in (0, FULL) or (replicas == 1 and surge == 0)
    options = [(above, replicas)] if above < replicas or whole else []
    for total in (replicas, replicas + 1)[: 2 if surge else 1]:
        if total > replicas:
            options.append((above, total))
        if 2 * (total * weight % FULL) != FULL and (below or whole):
            options.append((below, total))
    canary, total = min(
        options, key=lambda o: abs(Fraction(o[0] * FULL, o[1]) - weight), default=(0, replicas)
    )
    return canary, total - canary


def canary_steps(replicas: int, surge: int) -> tuple[Step, ...]:
    """Return the steps of a canary before it replaces everything: fewest pods, a quarter, a half.

    Parameters
    ----------
    replicas : int
        Replicas of the Rollout.
    surge : int
        `maxSurge`, pods; one replica without it has no canary at all.

    Returns
    -------
    tuple of Step
        Of rising weight; each states the weight that is nearest to the ratio of its pods.

    Examples
    --------
    >>> [(step.weight, step.canary) for step in canary_steps(10, 1)]
    [(10, 1), (30, 3), (50, 5)]
    >>> canary_steps(1, 0)
    ()
    """
    reachable = _reachable(replicas, surge)
    if not reachable:
        return ()
    wanted = (min(reachable), -(-replicas // 4), -(-replicas // 2))
    return tuple(reachable[count] for count in sorted(set(wanted)) if count in reachable)


def _reachable(replicas: int, surge: int) -> dict[int, Step]:
    """Find for each number of canary pods beside at least one old one the weight that fits best."""
    best: dict[int, Step] = {}
    for weight in range(1, FULL):
        step = Step(weight, *canary_pods(replicas, weight, surge))
        if step.canary and step.stable:
            best[step.canary] = min(best.get(step.canary, step), step, key=_misfit)
    return best


def _misfit(step: Step) -> tuple[int, Fraction]:
    """Prefer no extra pod, then the weight nearest to the ratio of the pods."""
    total = step.canary + step.stable
    return total, abs(Fraction(step.canary * FULL, total) - step.weight)
