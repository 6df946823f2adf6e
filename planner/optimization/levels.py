"""Which failure states to give up so that the others can be kept, as a scenario can say it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np

from planner.model.scenario import Scenario
from planner.optimization.columns import order_columns
from planner.optimization.loosening import raised_limits
from planner.optimization.stopping import Stop
from planner.optimization.trial import hopeless, promised_only, tried
from planner.problem.arrays import Bools, Problem

FIELDS = ("regions", "risk_groups", "links")
"""What ``policy.survive`` counts."""

_TRIAL_S = 3.0
_MOST = 3


def fewer_states(problem: Problem, stop: Stop, seed: int) -> tuple[str, Problem] | None:
    """Give up failure states until there is a plan.

    Parameters
    ----------
    problem : Problem
        A problem that has no plan.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    (str, Problem) or None
        What is given up, and the problem without; None where states do not help or time is up.

    Notes
    -----
    A scenario promises states by their number of losses, not by name: so levels of
    ``policy.survive`` are lowered, those first that give up the fewest states.  Without a scenario
    single states are given up: those that cannot be survived even alone, then those that leave the
    most regions down, the least probable first, until the rest can be kept.
    """
    if problem.scenario is not None:
        return _lowered(problem, problem.scenario, stop, seed)
    lost = _lost(problem, stop, seed)
    if lost is None or not lost.any():
        return None
    text = f"give up {_listed(problem, lost)} of what must be survived"
    return text, replace(problem, must_survive=problem.must_survive & ~lost)


def _lowered(
    problem: Problem, scenario: Scenario, stop: Stop, seed: int
) -> tuple[str, Problem] | None:
    """Lower levels of survival until there is a plan."""
    for levels, kept in _levels(problem, scenario):
        fewer = _keeping(problem, kept)
        if stop.passed() or hopeless(fewer, stop, seed):
            continue
        if tried(fewer, stop.within(_TRIAL_S), seed).verdict == "feasible":
            return _given_up(problem, scenario, levels, kept)
    return None


def reached_states(problem: Problem, stop: Stop) -> tuple[str, Problem] | None:
    """Lower levels of survival until every origin has regions to follow, whatever they hold.

    Parameters
    ----------
    problem : Problem
        A problem of promised states that has no plan.
    stop : Stop
        When to stop.

    Returns
    -------
    (str, Problem) or None
        What is given up, and the problem without, with limits raised where no level does without;
        None without a scenario, and where neither helps.
    """
    if problem.scenario is None:
        return None
    lower = [
        _given_up(problem, problem.scenario, *level) for level in _levels(problem, problem.scenario)
    ]
    for text, fewer in lower:
        if not stop.passed() and not order_columns(promised_only(fewer)).missing.size:
            return text, fewer
    for text, fewer in lower:
        for more, raised in () if stop.passed() else raised_limits(promised_only(fewer)):
            return f"{text}, {more}", raised
    return None


def _given_up(
    problem: Problem, scenario: Scenario, levels: dict[str, int], kept: Bools
) -> tuple[str, Problem]:
    """Say which states are given up, and return the problem without."""
    policy = scenario.policy.survive
    said = [
        f"{field} {level} instead of {getattr(policy, field)}"
        for field, level in levels.items()
        if level < getattr(policy, field)
    ]
    count = int((problem.must_survive & ~kept).sum())
    states = f"{count} failure state{'' if count == 1 else 's'} fewer"
    text = f"promise to survive {states} (policy.survive: {', '.join(said)})"
    return text, replace(problem, must_survive=kept)


def _levels(problem: Problem, scenario: Scenario) -> list[tuple[dict[str, int], Bools]]:
    """Return all lower levels and the states that they keep, the most states first."""
    policy = scenario.policy.survive
    lost = [losses(name, scenario) for name in problem.axes.states]
    found = []
    for level in product(*(range(getattr(policy, field) + 1) for field in FIELDS)):
        levels = dict(zip(FIELDS, level, strict=True))
        kept = np.array([all(count[f] <= most for f, most in levels.items()) for count in lost])
        kept &= problem.must_survive
        if not kept.all():
            found.append((levels, kept))
    return sorted(found, key=lambda each: -int(each[1].sum()))


def _lost(problem: Problem, stop: Stop, seed: int) -> Bools | None:
    """Return the states to give up, shape (K,)."""
    lost = np.zeros(problem.must_survive.size, bool)
    if _impossible(problem, lost, stop, seed):
        return None
    for state in np.flatnonzero(problem.must_survive)[1:]:
        alone = np.zeros_like(lost)
        alone[state] = True
        lost[state] = hopeless(_keeping(problem, alone), stop, seed)
        if stop.passed():
            return None
    while _impossible(problem, problem.must_survive & ~lost, stop, seed):
        left = np.flatnonzero(problem.must_survive & ~lost)[1:]
        if not left.size or stop.passed():
            return None
        down = (~problem.region_up[left]).sum(axis=1)
        lost[left[np.lexsort((problem.state_probability[left], -down))[0]]] = True
    return _without_needless(problem, lost, stop, seed)


def _without_needless(problem: Problem, lost: Bools, stop: Stop, seed: int) -> Bools:
    """Take back what need not be given up after all."""
    for state in np.flatnonzero(lost):
        fewer = lost.copy()
        fewer[state] = False
        kept = _keeping(problem, problem.must_survive & ~fewer)
        if not stop.passed() and tried(kept, stop.within(_TRIAL_S), seed).verdict == "feasible":
            lost = fewer
    return lost


def _keeping(problem: Problem, states: Bools) -> Problem:
    """Return the problem of some states and the normal one."""
    kept = states.copy()
    kept[0] = True
    return promised_only(replace(problem, must_survive=kept))


def _impossible(problem: Problem, states: Bools, stop: Stop, seed: int) -> bool:
    """Return whether no plan is known that keeps some states."""
    return tried(_keeping(problem, states), stop.within(_TRIAL_S), seed).verdict != "feasible"


def losses(state: str, scenario: Scenario) -> Counter[str]:
    """Count the regions, risk groups and links that a failure state takes.

    Parameters
    ----------
    state : str
        Its name.
    scenario : Scenario
        Which names are what.

    Returns
    -------
    Counter
        Of ``regions``, ``risk_groups`` and ``links``.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> losses("taipei + tokyo down, luzon-strait cut", read_scenario("taiwan"))
    Counter({'regions': 2, 'risk_groups': 1})
    """
    count: Counter[str] = Counter()
    for part in state.split(", "):
        names, _, verb = part.rpartition(" ")
        for name in names.removeprefix("link ").split(" + "):
            if verb == "down" and name in scenario.regions:
                count["regions"] += 1
            elif name in scenario.risk_groups:
                count["risk_groups"] += 1
            elif name in scenario.links:
                count["links"] += 1
    return count


def _listed(problem: Problem, states: Bools) -> str:
    """Name some states."""
    names = [f"'{problem.axes.states[k]}'" for k in np.flatnonzero(states)]
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
