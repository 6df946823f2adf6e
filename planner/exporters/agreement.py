"""Whether a federation controller would place what the plan says."""

from __future__ import annotations

from collections.abc import Mapping

from planner.errors import UnfaithfulExport
from planner.exporters import workload
from planner.model.plan import Plan


def agrees(replicas: Mapping[str, int], plan: Plan, name: str) -> bool:
    """Return whether `replicas`, by cluster, are those that the plan has for a service.

    Parameters
    ----------
    replicas : mapping of str to int
        What the controller would place, by cluster; zeros do not count.
    plan : Plan
        What was decided.
    name : str
        The service.

    Returns
    -------
    bool
        True if every cluster would get exactly the plan's replicas.
    """
    return _without_zeros(replicas) == _planned(plan, name)


def must_agree(controller: str, replicas: Mapping[str, int], plan: Plan, name: str) -> None:
    """Raise unless the controller would place exactly the plan's replicas.

    Parameters
    ----------
    controller : str
        Its name, for the sentence.
    replicas, plan, name
        As for `agrees`.

    Raises
    ------
    UnfaithfulExport
        Naming the service, what would be placed and what the plan says.
    """
    if not agrees(replicas, plan, name):
        raise UnfaithfulExport(
            f"{controller} would place the service '{name}' as {_words(_without_zeros(replicas))}; "
            f"the plan says {_words(_planned(plan, name))}"
        )


def _planned(plan: Plan, name: str) -> dict[str, int]:
    """Replicas of the plan by cluster, without zeros."""
    return _without_zeros(workload.by_cluster(plan.scenario, plan.services[name].replicas))


def _without_zeros(replicas: Mapping[str, int]) -> dict[str, int]:
    """Leave out clusters without replicas."""
    return {cluster: count for cluster, count in replicas.items() if count != 0}


def _words(replicas: Mapping[str, int]) -> str:
    """Write replicas for people."""
    parts = (f"{cluster} {count}" for cluster, count in sorted(replicas.items()))
    return ", ".join(parts) or "nothing at all"
