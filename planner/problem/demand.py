"""Demand by service, origin and hour."""

from __future__ import annotations

from functools import cache

import numpy as np

from planner.io.datasets import read_table
from planner.model.scenario import Scenario
from planner.problem.arrays import Floats

SECONDS_PER_DAY = 86400.0


def demand_rps(scenario: Scenario) -> Floats:
    r"""Return requests per second of every service, origin and hour.

    .. math:: D_{soh} = \frac{\text{users}_o \cdot \text{propensity}_o \cdot
              \text{requests}_s}{86\,400} \cdot \text{peak} \cdot c\bigl((h + \text{offset}_o)
              \bmod 24\bigr)

    with the local-time curve ``c`` of mean 1, read between its hours on a line.  A demand table in
    the scenario replaces this for the services and origins it names.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.

    Returns
    -------
    ndarray, shape (S, O, H)
        Requests per second.

    Raises
    ------
    ValueError
        If the calendar names a curve that does not exist; a checked scenario does not.

    Notes
    -----
    One curve for all origins and services, and one offset for each origin: weekends, seasons and
    countries with several time zones are not in it.

    Examples
    --------
    The curve has mean 1, so a day's mean is that of the users, times the factor for the peak day.

    >>> from planner.io.scenarios import read_scenario
    >>> scenario = read_scenario("taiwan")
    >>> origin, service = scenario.origins["TW"], scenario.services["api"]
    >>> users = origin.internet_users * origin.propensity_share
    >>> mean = users * service.requests_per_user_day / 86400 * scenario.calendar.peak_factor
    >>> at = list(scenario.services).index("api"), list(scenario.origins).index("TW")
    >>> bool(np.isclose(demand_rps(scenario)[at].mean(), mean))
    True
    """
    calendar, origins = scenario.calendar, list(scenario.origins.values())
    hours = np.array(calendar.hours_utc, float)
    local = (hours[None] + np.array([o.utc_offset_h for o in origins])[:, None]) % 24
    curve = np.interp(local, np.arange(25), _curve(calendar.diurnal_profile))
    users = np.array([o.internet_users * o.propensity_share for o in origins])
    rate = np.array([s.requests_per_user_day for s in scenario.services.values()])
    base = rate[:, None] * users[None] / SECONDS_PER_DAY * calendar.peak_factor
    demand: Floats = base[:, :, None] * curve[None]
    _replace(scenario, demand)
    return demand


@cache
def _curve(profile: str) -> Floats:
    """Return the local-time curve at hours 0 to 24, read once in the life of the process."""
    table = read_table("diurnal")
    rows = table[table["curve"] == profile].sort_values("local_hour")
    load = rows["relative_load"].to_numpy(float)
    if load.size != 24:
        known = ", ".join(sorted(set(table["curve"])))
        raise ValueError(f"`diurnal_profile` must be one of {known}")
    curve: Floats = np.append(load, load[0]) / load.mean()
    curve.flags.writeable = False
    return curve


def _replace(scenario: Scenario, demand: Floats) -> None:
    """Put the rows of the scenario's own demand table in place."""
    services, origins = list(scenario.services), list(scenario.origins)
    for service, table in scenario.demand_rps.items():
        for origin, rps in table.items():
            demand[services.index(service), origins.index(origin)] = rps
