"""How much is done for each of many re-solves, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from planner.optimization.resolved import Value, cheapest
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem


@dataclass(frozen=True)
class Effort:
    """How much is done for each re-solve.

    Attributes
    ----------
    gap : float
        Relative gap at which it stops.
    time_limit_s : float
        Seconds that it may take.
    seed : int
        Random seed of the solver.
    stop : Stop
        When to end all of the work.
    tell : callable
        Told what is being done.
    """

    gap: float
    time_limit_s: float
    seed: int
    stop: Stop
    tell: Callable[[str], None]

    def limit(self) -> Stop:
        """Return the stop of a re-solve that begins now."""
        return self.stop.within(self.time_limit_s)

    def cheapest(self, problem: Problem) -> Value:
        """Return what the best plan of a problem costs.

        Parameters
        ----------
        problem : Problem
            The problem as arrays.

        Returns
        -------
        Value
            As far as it is known when the limit comes.
        """
        return cheapest(problem, self.gap, self.limit(), self.seed)
