"""In which promised states a federation controller divides replicas."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from planner.exporters.steering import State, promised_states
from planner.model.plan import Plan
from planner.model.policy import Federation

_Up = TypeVar("_Up", bool, NDArray[np.bool_])


def control_left(federation: Federation, is_up: Callable[[str], _Up]) -> _Up:
    """Return whether a control plane is left: at the host, or at the standby that takes over.

    Parameters
    ----------
    federation : Federation
        Its host, and its standby if it has one.
    is_up : callable
        Region to whether a control plane can run there, in one state or an array of them.

    Returns
    -------
    bool or ndarray of bool
        As `is_up` has it.
    """
    host = is_up(federation.host_region)
    if federation.standby_region is None:
        return host
    return host | is_up(federation.standby_region)


def divided_states(plan: Plan) -> tuple[State, ...]:
    """Return the promised states in which a control plane is left to divide.

    Parameters
    ----------
    plan : Plan
        Where the host is lost and no standby takes over, everything stays as it runs.

    Returns
    -------
    tuple of State
        Everything up first.
    """
    federation = plan.scenario.federation
    return tuple(s for s in promised_states(plan) if control_left(federation, s.is_up))
