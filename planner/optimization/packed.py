r"""Plans whose pods somebody can pack, though not in any order: cuts, then branches.

A step solves the problem with rows that every packing keeps (`planner.problem.packing`); whoever
steers, its bound holds for all packable plans.  Its replicas are then really packed, region by
region.  Where they cannot be,

- a row that every packing keeps and these pods break joins the next step
  (`planner.problem.vector_packing`);
- without such a row the step branches: what cannot be packed cannot be packed with more pods
  either, so of a least count ``x`` that cannot, some service has fewer,

.. math:: \bigvee_{s:\, x_s > 0} P_s \le x_s - 1

and each branch is the problem again with a lower `max_replicas`.

Where the search for a packing stops at its limit, the count is no plan, and the bound of the step
stands for all that lies above it.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from planner.errors import Infeasible, SolverStopped
from planner.optimization.explain import explain
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Ints, Problem, Solution
from planner.problem.packing import fits, in_any_order, packing_limits
from planner.problem.vector_packing import Packed, PackingCut, packed
from planner.problem.whole_units import pod_sizes, servers_of

Step = Callable[[Problem, Stop], Solution]

_FIRST_PART = 0.6
"""Part of the time for the first step: a plan that fits in any order must still be found."""

_SURE_PART = 0.5
"""Part of the time then left for that plan."""

_GRACE_S = 10.0
"""Seconds for it after the end."""


@dataclass(order=True)
class _Branch:
    """Problems with at most so many replicas, and a bound on them."""

    bound: float
    number: int
    most: Ints = field(compare=False)


@dataclass
class _Hunt:
    """What a search knows: rows, open branches, the best plan, the least bound set aside."""

    problem: Problem
    step: Step
    branches: list[_Branch]
    cuts: list[PackingCut] = field(default_factory=list)
    best: Solution | None = None
    aside: float = np.inf
    made: int = 1
    undecided: int = 0
    why: Infeasible | None = None

    def bound(self) -> float:
        """Return the proven bound on all plans."""
        least = min((branch.bound for branch in self.branches), default=np.inf)
        return min(least, self.aside)

    def add(self, bound: float, most: Ints) -> None:
        """Open a branch."""
        heapq.heappush(self.branches, _Branch(bound, self.made, most))
        self.made += 1

    def take(self, found: Solution | None) -> None:
        """Keep a plan if it is the cheapest."""
        if found is not None and (self.best is None or found.objective < self.best.objective):
            self.best = found


def solve_packed(problem: Problem, step: Step, gap: float, stop: Stop, seed: int) -> Solution:
    """Find the cheapest plan whose pods can be packed.

    Parameters
    ----------
    problem : Problem
        A problem with the packing limit at best.
    step : callable
        Solves a problem, to the gap, until a stop; asks for `packing_cuts` as `fits` does.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Solution
        A packable plan and a bound on all packable plans; a note where a search for a packing
        stopped at its limit.

    Raises
    ------
    Infeasible
        If no packable plan keeps every promise.
    SolverStopped
        If none was found before the search ended.

    Notes
    -----
    Every step starts anew, so pools that are full of pods of many sizes take many times as long as
    a plan with the guaranteed limit.
    """
    started = time.perf_counter()
    hunt = _Hunt(problem, step, [_Branch(-np.inf, 0, problem.max_replicas)])
    _advance(hunt, gap, stop.part(_FIRST_PART))
    if hunt.best is None and hunt.branches:
        hunt.take(_in_any_order(hunt, stop))
    while hunt.branches and not stop.passed():
        if closed(hunt.best.objective if hunt.best else None, hunt.bound(), gap):
            break
        _advance(hunt, gap, stop)
        stop.tell(hunt.best.objective if hunt.best else None, hunt.bound())
    if hunt.best is None and hunt.bound() == np.inf:
        raise hunt.why or explain(problem, None, seed)
    if hunt.best is None:
        hunted = "the search ended" if hunt.branches else "the search for packings ended"
        raise SolverStopped(
            f"no plan was found before {hunted}; the bound is {hunt.bound():,.2f} USD a month"
        )
    return _solution(hunt, hunt.best, gap, time.perf_counter() - started)


def _advance(hunt: _Hunt, gap: float, stop: Stop) -> None:
    """Solve the branch with the least bound; keep its plan, add rows, or branch again."""
    branch = heapq.heappop(hunt.branches)
    part = replace(hunt.problem, max_replicas=branch.most, packing_cuts=tuple(hunt.cuts))
    try:
        found = hunt.step(part, stop)
    except Infeasible as error:
        hunt.why = error if error.clashes else hunt.why
        return
    except SolverStopped:
        hunt.add(branch.bound, branch.most)
        return
    bound = max(branch.bound, found.bound)
    answers = list(_answers(hunt.problem, found.replicas))
    if all(answer.can for _, answer in answers):
        hunt.take(found)
        if stop.passed() and not closed(found.objective, bound, gap):
            hunt.add(bound, branch.most)
        else:
            hunt.aside = min(hunt.aside, bound)
        return
    new = [
        PackingCut(region, answer.weight, answer.room)
        for region, answer in answers
        if answer.weight is not None
    ]
    if any(cut not in hunt.cuts for cut in new):
        hunt.cuts += [cut for cut in new if cut not in hunt.cuts]
        hunt.add(bound, branch.most)
        return
    region = next(region for region, answer in answers if not answer.can)
    _split(hunt, bound, branch.most, region, found.replicas[:, region])


def _answers(problem: Problem, replicas: Ints) -> Iterator[tuple[int, Packed]]:
    """Yield whether each region's servers hold its pods."""
    for region in range(replicas.shape[1]):
        yield region, _packed(problem, region, _pods(problem, replicas[:, region]))


def _pods(problem: Problem, replicas: Ints) -> Ints:
    """Return a region's pods, those of a rolling update included."""
    pods: Ints = np.where(replicas > 0, replicas + problem.surge_replicas, 0)
    return pods


def _packed(problem: Problem, region: int, pods: Ints) -> Packed:
    """Return whether a region's servers hold pods."""
    return packed(pod_sizes(problem), pods, servers_of(problem, region))


def _split(hunt: _Hunt, bound: float, most: Ints, region: int, replicas: Ints) -> None:
    """Branch on the services of which there are too many together."""
    problem = hunt.problem
    pods = _least(problem, region, _pods(problem, replicas))
    if _packed(problem, region, pods).can is None:
        hunt.undecided += 1
        hunt.aside = min(hunt.aside, bound)
    for service in np.flatnonzero(pods):
        fewer = most.copy()
        top = max(int(pods[service] - 1 - problem.surge_replicas[service]), 0)
        least = problem.min_replicas[service, region]
        fewer[service, region] = top if top >= least else 0
        hunt.add(bound, fewer)


def _least(problem: Problem, region: int, pods: Ints) -> Ints:
    """Return pods that are not known to be packable although any one fewer are."""
    least = pods.copy()
    for service in np.flatnonzero(pods):
        low, high = 0, int(least[service])
        while low < high:
            trial = least.copy()
            trial[service] = middle = (low + high) // 2
            if _packed(problem, region, trial).can:
                low = middle + 1
            else:
                high = middle
        least[service] = low
    return least


def _in_any_order(hunt: _Hunt, stop: Stop) -> Solution | None:
    """Return a plan that fits in any order: what can be packed at best may cost less, not more."""
    part = Stop(_GRACE_S) if stop.passed() else stop.part(_SURE_PART)
    sure = replace(hunt.problem, packing="guaranteed", packing_cuts=())
    try:
        found = hunt.step(sure, part)
    except (Infeasible, SolverStopped):
        return None
    packable = all(answer.can for _, answer in _answers(hunt.problem, found.replicas))
    return found if packable else None


def _solution(hunt: _Hunt, best: Solution, gap: float, seconds: float) -> Solution:
    """Write the answer down."""
    bound = min(hunt.bound(), best.objective)
    notes = (*best.notes, *_order_matters(hunt.problem, best.replicas))
    if hunt.undecided:
        times = "once" if hunt.undecided == 1 else f"{hunt.undecided} times"
        notes = (
            *notes,
            f"the search for a packing stopped at its limit {times}: such replicas are no plan "
            "here, and the bound allows them",
        )
    return replace(
        best,
        bound=bound,
        status="optimal" if closed(best.objective, bound, gap + 1e-12) else "limit",
        seconds=seconds,
        notes=notes,
    )


def _order_matters(problem: Problem, replicas: Ints) -> Iterator[str]:
    """Say where the pods fit at best only."""
    sure = in_any_order(problem)
    tight = np.flatnonzero(~fits(sure, packing_limits(sure), replicas))
    if tight.size:
        where = ", ".join(problem.axes.regions[region] for region in tight)
        yield (
            f"packed at best: in {where} the order in which pods start decides whether all find "
            "room; start with the largest"
        )
