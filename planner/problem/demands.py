"""Named demands become factors on the demand of a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from planner.io.demands import continents
from planner.model.demands import Demand
from planner.model.scenario import Scenario
from planner.problem.arrays import Floats, Problem

MID = "mid"
"""Name of the demand that is planned for."""


def usual_demands(scenario: Scenario, low: float, high: float) -> dict[str, Demand]:
    """Return all demand low, as it is and high, and each continent alone high.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    low, high : float
        Factors on demand.

    Returns
    -------
    dict of str to Demand
        By name, "mid" first; continents only where there is more than one.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> list(usual_demands(read_scenario("taiwan"), 0.9, 1.1))[:4]
    ['mid', 'low', 'high', 'africa-high']
    """
    demands = {MID: Demand(), "low": Demand(factor=low), "high": Demand(factor=high)}
    there = sorted(set(continents(scenario).values()))
    for continent in there if len(there) > 1 else ():
        name = f"{continent.lower().replace(' ', '-')}-high"
        demands[name] = Demand(continents={continent: high})
    return demands


def demand_factor(scenario: Scenario, demand: Demand) -> Floats:
    """Return the factor on the demand of each service and origin.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    demand : Demand
        Named factors.

    Returns
    -------
    ndarray, shape (S, O)
        Factor of all × of the service × of the origin, or of its continent where it has none.
    """
    where: Mapping[str, str] = continents(scenario)
    alone = demand.continents
    service = [demand.services.get(name, 1.0) for name in scenario.services]
    origin = [
        demand.origins.get(name, alone.get(where.get(name, ""), 1.0)) for name in scenario.origins
    ]
    factor: Floats = demand.factor * np.array(service)[:, None] * np.array(origin)[None]
    return factor


def under(problem: Problem, demand: Demand) -> Problem:
    """Return a problem under another demand.

    Parameters
    ----------
    problem : Problem
        The problem; it must carry its scenario.
    demand : Demand
        Named factors.

    Returns
    -------
    Problem
        The same but for its demand.

    Raises
    ------
    ValueError
        If the problem was made of bare arrays.
    """
    if problem.scenario is None:
        raise ValueError("`problem` must carry its scenario")
    factor = demand_factor(problem.scenario, demand)
    return replace(problem, demand_rps=problem.demand_rps * factor[:, :, None])
