"""What an export lacks: all of it at once, each with its path in the scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from planner.errors import MissingInputs
from planner.model.plan import Plan
from planner.model.platform import Platform, RegionPlatform, ServicePlatform


def platform_of(plan: Plan) -> Platform:
    """Return the platform of a plan's scenario, an empty one where it says nothing."""
    return plan.scenario.platform or Platform()


def region_platform(plan: Plan, region: str) -> RegionPlatform:
    """Return the network of a region, an empty one where the scenario says nothing."""
    return platform_of(plan).regions.get(region, RegionPlatform())


def service_platform(plan: Plan, service: str) -> ServicePlatform:
    """Return what is known of a service besides its size."""
    return platform_of(plan).services.get(service, ServicePlatform())


def absent(plan: Plan, paths: Iterable[str]) -> Iterator[str]:
    """Yield those of some paths below ``platform`` at which nothing is given.

    Parameters
    ----------
    plan : Plan
        Its scenario holds the platform.
    paths : iterable of str
        Such as ``regions.taipei.pod_cidr``; names are those of the fields and of the members.

    Yields
    ------
    str
        The path with ``platform.`` before it.

    Notes
    -----
    A default counts as given; an empty list or mapping does not.
    """
    for path in paths:
        value: object = platform_of(plan)
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else getattr(value, part, None)
        if value is None or value == () or value == {}:
            yield f"platform.{path}"


def require(plan: Plan, target: str, paths: Iterable[str]) -> None:
    """Refuse to export where something is missing.

    Parameters
    ----------
    plan : Plan
        Its scenario holds the platform.
    target : str
        What is exported.
    paths : iterable of str
        What it needs, below ``platform``.

    Raises
    ------
    MissingInputs
        With every path that is missing.
    """
    missing = tuple(dict.fromkeys(absent(plan, paths)))
    if missing:
        raise MissingInputs({target: missing})


def each_region(regions: Iterable[str], *fields: str) -> list[str]:
    """Return the paths of some fields of each region.

    Examples
    --------
    >>> each_region(["tokyo"], "pod_cidr", "as_number")
    ['regions.tokyo.pod_cidr', 'regions.tokyo.as_number']
    """
    return [f"regions.{region}.{field}" for region in regions for field in fields]


def each_service(services: Iterable[str], *fields: str) -> list[str]:
    """Return the paths of some fields of each service.

    Examples
    --------
    >>> each_service(["api"], "readiness_path")
    ['services.api.readiness_path']
    """
    return [f"services.{service}.{field}" for service in services for field in fields]
