"""What holds in each failure state besides which regions are up."""

from __future__ import annotations

import numpy as np

from planner.failures.known import FailureStates
from planner.model.scenario import Scenario
from planner.problem.arrays import Bools, Floats
from planner.problem.conditions import Conditions
from planner.problem.roundtrips import RoundTrips


def state_conditions(
    scenario: Scenario, states: FailureStates, trips: RoundTrips, allowed: Bools
) -> Conditions:
    """Gather what holds in each failure state besides which regions are up.

    Parameters
    ----------
    scenario : Scenario
        The input.
    states : FailureStates
        Its failure states.
    trips : RoundTrips
        Their round trips.
    allowed : ndarray of bool, shape (S, O, R)
        What residency and the services' own lists allow.

    Returns
    -------
    Conditions
        Read-only arrays.
    """
    path = np.isfinite(trips.mean_ms)[trips.situation] & states.region_up[:, None, :]
    reachable = path[:, None] & allowed
    reachable[~states.service_up] = False
    host = tuple(scenario.regions).index(scenario.federation.host_region)
    share = states.server_share
    return Conditions(
        reachable=reachable,
        demand_factor=states.demand_factor(),
        server_share=None if (share == 1).all() else np.ascontiguousarray(share),
        control_up=states.control_up & states.region_up[:, host],
        loss_share=_of_states(trips, trips.loss_share),
        uplink_share=_of_states(trips, trips.uplink_share),
        tunnels=trips.tunnels,
        cut_share=_of_states(trips, trips.cut_share),
    )


def _of_states(trips: RoundTrips, values: Floats | None) -> Floats | None:
    """Return the values of each state's situation."""
    return None if values is None else values[trips.situation]
