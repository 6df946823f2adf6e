"""An irreducible set of promises that clash: no plan keeps them, and without any one there is one.

Halving finds a small set with few relaxations; deleting its members one by one, with integers this
time, makes it irreducible.

References
----------
J. W. Chinneck, "Feasibility and Infeasibility in Optimization", Springer 2008,
doi 10.1007/978-0-387-74932-7 (the deletion filter).
U. Junker, "QuickXplain: preferred explanations and relaxations for over-constrained problems", AAAI
2004 (halving).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from planner.optimization.promises import Loosened, Promise, loosened, promises, without
from planner.optimization.stopping import Stop
from planner.optimization.trial import Verdict, hopeless, promised_only, tried
from planner.problem.arrays import Problem

_TRIAL_S = 3.0
"""Seconds that one trial with integers may take."""

Asked = Callable[[frozenset[Promise]], bool]


@dataclass(frozen=True)
class Clash:
    """Promises that no plan keeps together.

    Attributes
    ----------
    promises : tuple of Promise
        What clashes, in the order of `planner.optimization.promises.promises`.
    irreducible : bool
        Whether a plan was found without each of them; False where the time did not suffice.
    problem : Problem
        The problem with these promises alone.
    """

    promises: tuple[Promise, ...]
    irreducible: bool
    problem: Problem


@dataclass
class _Court:
    """Asks whether promises can be kept, each question once."""

    base: Loosened
    all: tuple[Promise, ...]
    stop: Stop
    seed: int
    hopeless: dict[frozenset[Promise], bool] = field(default_factory=dict)
    tried: dict[frozenset[Promise], Verdict] = field(default_factory=dict)

    def problem(self, kept: frozenset[Promise]) -> Problem:
        """Return the problem with some promises only."""
        return promised_only(without(self.base, [p for p in self.all if p not in kept]))

    def is_hopeless(self, kept: frozenset[Promise]) -> bool:
        """Return whether the relaxation of some promises has no solution."""
        if kept not in self.hopeless:
            self.hopeless[kept] = hopeless(self.problem(kept), self.stop, self.seed)
        return self.hopeless[kept]

    def verdict(self, kept: frozenset[Promise]) -> Verdict:
        """Return whether some promises can be kept, integers and all."""
        if self.hopeless.get(kept):
            return "infeasible"
        if kept not in self.tried:
            stop = self.stop.within(_TRIAL_S)
            self.tried[kept] = tried(self.problem(kept), stop, self.seed).verdict
        return self.tried[kept]

    def cannot(self, kept: frozenset[Promise]) -> bool:
        """Return whether it is proven that some promises cannot be kept."""
        return self.verdict(kept) == "infeasible"


def clash(problem: Problem, stop: Stop, seed: int) -> Clash | None:
    """Find promises that clash.

    Parameters
    ----------
    problem : Problem
        A problem that has no plan.
    stop : Stop
        When to stop: the set is then a clash still, but perhaps not irreducible.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Clash or None
        None where it could not be proven within the time that there is no plan, or where there is
        none even without any promise.

    Notes
    -----
    One of possibly many: what stands first in the list of promises is kept with preference, failure
    states before servers before ceilings.
    """
    base = loosened(promised_only(problem))
    everything = tuple(promises(base.problem))
    court = _Court(base, everything, stop, seed)
    whole = frozenset(everything)
    asked = court.is_hopeless if court.is_hopeless(whole) else court.cannot
    if not asked(whole) or asked(frozenset()):
        return None
    small = frozenset(_halved(frozenset(), False, everything, asked, stop))
    return _deleted(court, small)


def _halved(
    known: frozenset[Promise],
    grown: bool,
    rest: tuple[Promise, ...],
    clashes: Asked,
    stop: Stop,
) -> tuple[Promise, ...]:
    """Return a small part of the rest that clashes with what is known."""
    if grown and clashes(known):
        return ()
    if len(rest) == 1 or stop.passed():
        return rest
    first, second = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    late = _halved(known | set(first), True, second, clashes, stop)
    early = _halved(known | set(late), bool(late), first, clashes, stop)
    return (*early, *late)


def _deleted(court: _Court, small: frozenset[Promise]) -> Clash:
    """Delete members without which there is no plan either; the last of the list go first."""
    kept, irreducible = small, True
    for promise in reversed(court.all):
        if promise not in kept or len(kept) == 1:
            continue
        verdict = court.verdict(kept - {promise})
        if verdict == "infeasible":
            kept = kept - {promise}
        irreducible &= verdict != "unknown"
    return Clash(tuple(p for p in court.all if p in kept), irreducible, court.problem(kept))
