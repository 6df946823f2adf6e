"""What Prometheus, Alertmanager and Grafana agree on: places, what is watched, promises."""

from __future__ import annotations

import re
from math import fsum
from pathlib import PurePosixPath

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters import naming, workload
from planner.exporters.requirements import platform_of, require, service_platform
from planner.model.plan import Plan
from planner.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

ROOT = PurePosixPath("monitoring")
OBJECTIVE_PATH = "monitoring.availability_share"

_COUNTRY = re.compile(r"[A-Z]{2}")
_DAY_S = 86_400.0
_HOURS = 24


def folder(plan: Plan, region: str, target: str) -> PurePosixPath:
    """Return where the files of a target for one region's cluster stand."""
    return ROOT / workload.cluster_of(plan.scenario, region) / target


def home_region(plan: Plan, target: str) -> str:
    """Return the region that collects from all others.

    Raises
    ------
    MissingInputs
        If the platform names none.
    UnfaithfulExport
        If the scenario has no such region.
    """
    require(plan, target, ["monitoring.home"])
    home = str(platform_of(plan).monitoring.home)
    workload.cluster_of(plan.scenario, home)
    return home


def watched_regions(plan: Plan, home: str) -> tuple[str, ...]:
    """Return the regions with a Prometheus: those that run anything, and the home."""
    return tuple(
        name for name in plan.scenario.regions if name in plan.active_regions or name == home
    )


def standby_region(plan: Plan, home: str) -> str | None:
    """Return the region that notices when the home falls silent, None where there is none.

    Only a region that writes to the home knows whether it is there; one that is read from cannot.
    """
    standby = plan.scenario.federation.standby_region
    by_writing = platform_of(plan).monitoring.collection == "remote_write"
    watched = standby != home and standby in watched_regions(plan, home)
    return standby if by_writing and watched else None


def alerting_regions(plan: Plan, home: str) -> tuple[str, ...]:
    """Return the regions with an Alertmanager: the home, and the standby that watches it."""
    standby = standby_region(plan, home)
    return (home,) if standby is None else (home, standby)


def watched_services(plan: Plan) -> tuple[str, ...]:
    """Return the placed services that show metrics, in the scenario's order."""
    return tuple(
        name
        for name in workload.placed_services(plan)
        if service_platform(plan, name).metrics_port is not None
    )


def refuse_hostile_names(plan: Plan) -> None:
    """Refuse names that no object, label or path can bear; a checked plan has none.

    Raises
    ------
    UnfaithfulExport
        With all of them.
    """
    scenario = plan.scenario
    names = {"scenario": scenario.scenario, "namespace": scenario.namespace}
    names |= {f"regions.{name}": name for name in scenario.regions}
    names |= {f"regions.{n}.cluster": region.cluster for n, region in scenario.regions.items()}
    names |= {f"services.{name}": name for name in scenario.services}
    names |= {f"services.{n}.host": service.host for n, service in scenario.services.items()}
    names |= {f"links.{name}": name for name in scenario.links}
    names |= {f"risk_groups.{name}": name for name in scenario.risk_groups}
    names |= {f"hosts.{name}": name for name in plan.hosts}
    names["platform.monitoring_namespace"] = platform_of(plan).monitoring_namespace
    naming.refuse_bad_names(names)
    bad = [o.country for o in scenario.origins.values() if not _COUNTRY.fullmatch(o.country)]
    if bad:
        raise UnfaithfulExport(f"{bad[0]!r} is no country code; take two capital letters")


def availability_objective(plan: Plan, target: str) -> tuple[float, str]:
    r"""Return the availability by which errors are judged, and where it comes from.

    .. math:: 1 - \frac{\text{lost requests a month}}{\text{requests a month}}

    Parameters
    ----------
    plan : Plan
        Its platform may state the objective; without one it is what the plan itself expects.
    target : str
        What is exported.

    Returns
    -------
    (float, str)
        A share below 1, and a sentence about where it comes from.

    Raises
    ------
    MissingInputs
        If none is stated and none follows: the plan expects to lose nothing, or its hours are not
        the 24 of a day, over which the curve of demand has mean 1.
    """
    stated = platform_of(plan).monitoring.availability_share
    if stated is not None:
        return stated, f"stated as platform.{OBJECTIVE_PATH}"
    lost, asked = plan.cost.lost_requests_month, requests_month(plan)
    if lost <= 0 or asked <= lost or len(plan.scenario.calendar.hours_utc) != _HOURS:
        raise MissingInputs({target: (f"platform.{OBJECTIVE_PATH}",)})
    return 1 - lost / asked, (
        "the plan's own: 1 less the expected lost requests over all requests of a month; "
        f"platform.{OBJECTIVE_PATH} may state another"
    )


def requests_month(plan: Plan) -> float:
    """Return the requests of a month at the demand of the day planned for.

    Notes
    -----
    Only where the hours planned are a whole day: over it the curve of demand has mean 1.
    """
    scenario = plan.scenario
    rates = []
    for name, service in scenario.services.items():
        for code, origin in scenario.origins.items():
            given = scenario.demand_rps.get(name, {}).get(code)
            users = origin.internet_users * origin.propensity_share
            daily = users * service.requests_per_user_day * scenario.calendar.peak_factor
            rates.append(daily / _DAY_S if given is None else fsum(given) / len(given))
    return fsum(rates) * HOURS_PER_MONTH * SECONDS_PER_HOUR
