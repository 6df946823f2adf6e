"""What a plan says, as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.model.plan import OrderedShare, Plan
from planner.model.scenario import Scenario


def region_names(scenario: Scenario) -> dict[str, str]:
    """Return the name of each region for people: its `name`, or its id.

    Parameters
    ----------
    scenario : Scenario
        Where the regions stand.

    Returns
    -------
    dict of str to str
        Region id to name, in the scenario's order.
    """
    return {key: region.name or key for key, region in scenario.regions.items()}


def users_by_origin(scenario: Scenario) -> pd.Series[float]:
    """Return the users of the platform in each origin: internet users × propensity.

    Parameters
    ----------
    scenario : Scenario
        Where the origins stand.

    Returns
    -------
    Series, indexed by origin
        People; 1 for every origin where no origin states any.
    """
    users = {c: o.internet_users * o.propensity_share for c, o in scenario.origins.items()}
    stated = any(users.values())
    people = pd.Series(users if stated else dict.fromkeys(users, 1.0), dtype=float)
    return people.rename_axis("origin")


def serving_shares(plan: Plan) -> pd.DataFrame:
    """Return which part of each origin's requests each region serves with everything up.

    Host names are weighted by the requests that a user makes a day of the services behind them.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    DataFrame, origin × region
        Rows sum to 1; rows of origins that no host serves are 0.
    """
    calls = dict.fromkeys(plan.hosts, 0.0)
    for service in plan.scenario.services.values():
        calls[service.host] = calls.get(service.host, 0.0) + service.requests_per_user_day
    if not any(calls.values()):
        calls = dict.fromkeys(calls, 1.0)
    rows, columns = list(plan.scenario.origins), list(plan.scenario.regions)
    served = np.zeros((len(rows), len(columns)))
    for host, origins in plan.hosts.items():
        for origin, parts in origins.items():
            for part in parts:
                at = rows.index(origin), columns.index(part.order[0])
                served[at] += calls[host] * part.share
    total = served.sum(axis=1, keepdims=True)
    return pd.DataFrame(served / np.where(total > 0, total, 1.0), index=rows, columns=columns)


def main_regions(plan: Plan) -> dict[str, str | None]:
    """Return the region that serves most of each origin; None where none does.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    dict of str to (str or None)
        Origin to region; of equal parts the scenario's first region.
    """
    table = serving_shares(plan)
    served = table.max(axis=1) > 0
    largest = table.idxmax(axis=1)
    return {origin: str(largest[origin]) if served[origin] else None for origin in table.index}


def users_by_region(plan: Plan) -> pd.Series[float]:
    """Return the share of all users that each region serves with everything up.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    Series, indexed by region
        Shares, largest first.
    """
    users = users_by_origin(plan.scenario)
    served = serving_shares(plan).mul(users, axis=0).sum() / users.sum()
    return served.sort_values(ascending=False, kind="stable")


def decisions(plan: Plan) -> pd.DataFrame:
    """Return one row for each service and region in which it runs.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    DataFrame
        Columns ``service, region, cluster, replicas, max_replicas`` and one ``weight_...`` for
        each federation controller.
    """
    controllers = sorted({c for s in plan.services.values() for c in s.weights})
    rows = [
        {
            "service": name,
            "region": region,
            "cluster": plan.scenario.regions[region].cluster,
            "replicas": service.replicas[region],
            "max_replicas": service.max_replicas.get(region, 0),
            **{f"weight_{c}": service.weights.get(c, {}).get(region, 0) for c in controllers},
        }
        for name, service in plan.services.items()
        for region in plan.scenario.regions
        if service.replicas.get(region, 0) > 0
    ]
    columns = ["service", "region", "cluster", "replicas", "max_replicas"]
    return pd.DataFrame(rows, columns=columns + [f"weight_{c}" for c in controllers])


def serving_p95(plan: Plan) -> pd.DataFrame:
    """Return the 95th percentile of the users of each serving region, ms, and what is promised.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    DataFrame, service × region
        End to end, normal state, worst hour; NaN where the region serves nobody; the last column,
        ``promised``, is the service's objective.
    """
    table = pd.DataFrame(
        [
            [s.p95_ms.get(region) for region in plan.scenario.regions]
            for s in plan.services.values()
        ],
        index=pd.Index(list(plan.services), name="service"),
        columns=list(plan.scenario.regions),
        dtype=float,
    )
    promised = [plan.scenario.services[name].objective.p95_ms for name in plan.services]
    return table.assign(promised=promised)


def origin_p95(plan: Plan) -> pd.DataFrame:
    """Return the 95th percentile that users of each origin see, ms.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    DataFrame, origin × service
        End to end, normal state, worst hour; NaN where the origin does not call the service.
        Most users first.
    """
    users = users_by_origin(plan.scenario).sort_values(ascending=False, kind="stable")
    columns = {name: pd.Series(s.origin_p95_ms, dtype=float) for name, s in plan.services.items()}
    return pd.DataFrame(columns, index=users.index)


def telling_origins(plan: Plan, most: int = 10) -> list[str]:
    """Return the origins worth a line of print: at the regions, with most users, and the slowest.

    Parameters
    ----------
    plan : Plan
        The plan.
    most : int
        How many of those with most users.

    Returns
    -------
    list of str
        Origins, most users first.
    """
    table = origin_p95(plan)
    limits = pd.Series({n: s.objective.p95_ms for n, s in plan.scenario.services.items()})
    over_limit = table.div(limits[list(table.columns)], axis=1).max(axis=1)
    homes = {region.country for region in plan.scenario.regions.values()}
    telling = {o for o in table.index if plan.scenario.origins[o].country in homes}
    telling |= set(table.index[:most])
    telling |= {str(over_limit.idxmax())} if over_limit.notna().any() else set()
    return [origin for origin in table.index if origin in telling]


def share_groups(plan: Plan) -> pd.DataFrame:
    """Return who goes where: origins with the same shares and orders are one row.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    DataFrame
        Columns ``hosts, shares, origins``: host names that steer every origin alike share their
        rows, ``shares`` is written ``60 % taipei > tokyo, 40 % tokyo > taipei``, origins stand in
        the order of the scenario; rows with most origins first.
    """
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for host, origins in plan.hosts.items():
        steering = tuple((origin, written_shares(parts)) for origin, parts in origins.items())
        alike.setdefault(steering, []).append(host)
    rows = []
    for steering, hosts in alike.items():
        groups: dict[str, list[str]] = {}
        for origin, shares in steering:
            groups.setdefault(shares, []).append(origin)
        largest_first = sorted(groups.items(), key=lambda group: -len(group[1]))
        rows += [(", ".join(hosts), shares, ", ".join(group)) for shares, group in largest_first]
    return pd.DataFrame(rows, columns=["hosts", "shares", "origins"])


def written_shares(parts: tuple[OrderedShare, ...]) -> str:
    """Write shares and orders as one line.

    Examples
    --------
    >>> written_shares((OrderedShare(share=1.0, order=("taipei", "tokyo")),))
    'taipei > tokyo'
    >>> split = (
    ...     OrderedShare(share=0.625, order=("a", "b")),
    ...     OrderedShare(share=0.375, order=("b",)),
    ... )
    >>> written_shares(split)
    '62.5 % a > b, 37.5 % b'
    """
    if len(parts) == 1:
        return " > ".join(parts[0].order)
    return ", ".join(f"{100 * part.share:.3g} % {' > '.join(part.order)}" for part in parts)


def cost_parts(plan: Plan) -> pd.DataFrame:
    """Return the objective's parts.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    DataFrame
        Columns ``part, usd_month, from``; the parts sum to the objective.
    """
    cost = plan.cost
    rows = [
        ("active regions", cost.fixed_usd_month, _counted(len(plan.active_regions), "region")),
        ("replicas", cost.replicas_usd_month, _counted(plan.replicas.to_numpy().sum(), "replica")),
        ("latency", cost.latency_usd_month, f"{cost.mean_latency_ms:.1f} ms on average"),
        ("lost requests", cost.lost_usd_month, f"{cost.lost_requests_month:,.0f} a month"),
    ]
    return pd.DataFrame(rows, columns=["part", "usd_month", "from"])


def _counted(count: int, what: str) -> str:
    """Return "1 region" or "2 regions"."""
    return f"{count} {what}{'' if count == 1 else 's'}"
