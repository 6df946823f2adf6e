"""What servers and replicas cost a month."""

from __future__ import annotations

from functools import cache

import numpy as np

from planner.io.datasets import read_table
from planner.model.topology import ServerType
from planner.problem.arrays import Floats, NodePools

TERM = "1 year"
"""Price term of the comparable cloud type: hardware is committed, not rented by the hour (ours)."""


@cache
def _prices(term: str) -> dict[tuple[str, str], float]:
    """Return the price of each (region, cloud type), US dollars a month."""
    table = read_table("prices")
    rows = table[(table["term"] == term) & (table["unit"] == "server month")]
    keys = zip(rows["price_region"], rows["item"], strict=True)
    return dict(zip(keys, rows["price_usd"].astype(float), strict=True))


def server_cost_usd_month(kind: ServerType, price_region: str | None) -> float:
    """Return the price of one server; without one of its own, the comparable cloud type's.

    Parameters
    ----------
    kind : ServerType
        The kind of machine.
    price_region : str or None
        Cloud region whose prices compare.

    Returns
    -------
    float
        US dollars a month; 0 where neither price is known.

    Notes
    -----
    A price of 0 for want of a better one makes that hardware free to the optimiser; a checked
    scenario has a price for every server.

    Examples
    --------
    >>> kind = ServerType(cpu_cores=31.0, memory_gib=118.0, comparable_cloud_type="n2-standard-32")
    >>> server_cost_usd_month(kind, "asia-east1")
    827.481
    """
    if kind.cost_usd_month is not None:
        return kind.cost_usd_month
    return comparable_cost_usd_month(kind, price_region, TERM)


def comparable_cost_usd_month(kind: ServerType, price_region: str | None, term: str) -> float:
    """Return what the comparable cloud type's part costs that a server is worth.

    Parameters
    ----------
    kind : ServerType
        The kind of machine.
    price_region : str or None
        Cloud region whose prices compare.
    term : str
        Price term of ``datasets/prices.csv``: on demand, 1 year, 3 years.

    Returns
    -------
    float
        US dollars a month; 0 where the price is not known.

    Examples
    --------
    >>> kind = ServerType(cpu_cores=31.0, memory_gib=118.0, comparable_cloud_type="n2-standard-32")
    >>> comparable_cost_usd_month(kind, "asia-east1", "3 years")
    591.078
    """
    price = _prices(term).get((price_region or "", kind.comparable_cloud_type or ""), 0.0)
    return price * kind.comparable_share


def replica_cost_usd_month(
    pools: NodePools, regions: int, cpu_cores: Floats, memory_gib: Floats
) -> Floats:
    r"""Return the cost of one replica: its dominant share of the region's hardware.

    .. math:: \max\Bigl(\frac{c_s}{\sum_i C_i}, \frac{m_s}{\sum_i M_i}\Bigr) \sum_i \text{price}_i

    over the servers ``i`` of the region.

    Parameters
    ----------
    pools : NodePools
        Node pools of all regions.
    regions : int
        Number of regions; each has a server.
    cpu_cores, memory_gib : ndarray, shape (S,)
        Requests of one replica: Kubernetes CPUs, GiB.

    Returns
    -------
    ndarray, shape (S, R)
        US dollars a month.

    Notes
    -----
    An average over the region's pools: it does not say on which kind of server a replica lands, and
    what nobody uses is charged to nobody.

    References
    ----------
    A. Ghodsi et al., "Dominant Resource Fairness", NSDI 2011 (the dominant share).

    Examples
    --------
    Two servers of 10 CPUs and 40 GiB for 100 dollars each; the replica asks for a tenth of the CPU
    and a twentieth of the memory.

    >>> one = np.array([0])
    >>> pools = NodePools(
    ...     one, one + 10.0, one + 40.0, one + 110.0, one + 2, one + 100.0, ("taipei/main",)
    ... )
    >>> replica_cost_usd_month(pools, 1, np.array([2.0]), np.array([4.0]))
    array([[20.]])
    """
    count = pools.servers

    def total(each: Floats) -> Floats:
        return np.bincount(pools.region, weights=each * count, minlength=regions).astype(float)

    cpu = cpu_cores[:, None] / total(pools.cpu_cores)
    memory = memory_gib[:, None] / total(pools.memory_gib)
    cost: Floats = np.maximum(cpu, memory) * total(pools.server_cost_usd_month)
    return cost
