"""How much a set of machines with raw devices can hold when every object has copies on several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEAST_MACHINES = 3
"""Ceph's monitors decide by majority: with fewer than three, the loss of one stops all of it."""


@dataclass(frozen=True)
class CephCapacity:
    """What the storage of one site holds, GiB.

    Attributes
    ----------
    raw_gib : float
        Sum of all devices.
    usable_gib : float
        Most that can be stored once, before the share that must stay free.
    usable_degraded_gib : float
        The same with the largest machine lost and its copies made anew on the others; 0 where too
        few machines are left for that.
    """

    raw_gib: float
    usable_gib: float
    usable_degraded_gib: float


def capacity(machines_gib: Mapping[str, float], replicas: int) -> CephCapacity:
    """Return what machines hold together.

    Parameters
    ----------
    machines_gib : mapping of str to float
        Machine to the size of its raw devices, GiB.
    replicas : int
        Copies of every object, each on another machine.

    Returns
    -------
    CephCapacity
        An upper limit: CRUSH spreads by weight and fills machines of unequal size unevenly.

    Examples
    --------
    >>> capacity({"a": 3000.0, "b": 3000.0, "c": 3000.0}, 3)
    CephCapacity(raw_gib=9000.0, usable_gib=3000.0, usable_degraded_gib=0.0)
    """
    sizes = sorted(machines_gib.values(), reverse=True)
    return CephCapacity(sum(sizes), storable(sizes, replicas), storable(sizes[1:], replicas))


def storable(sizes: Sequence[float], replicas: int) -> float:
    r"""Return the most that machines can store in several copies, no two on one machine.

    .. math:: U = \min_{0 \le j < r} \frac{1}{r - j} \sum_{i > j} c_i

    for sizes in falling order: U can be stored in r copies if and only if
    :math:`\sum_i \min(c_i, U) \ge r U`, since one machine holds each object at most once.

    Parameters
    ----------
    sizes : sequence of float
        Size of each machine, GiB.
    replicas : int
        Copies of every object.

    Returns
    -------
    float
        GiB, 0 with fewer machines than copies.

    References
    ----------
    .. [1] McNaughton, R. (1959). Scheduling with deadlines and loss functions. Management
       Science 6(1), 1-12. doi:10.1287/mnsc.6.1.1 (the wrap-around rule that shows sufficiency)

    Examples
    --------
    >>> storable([4.0, 1.0, 1.0], 2)
    2.0
    >>> storable([4.0, 4.0], 3)
    0.0
    """
    falling = sorted(sizes, reverse=True)
    if len(falling) < replicas:
        return 0.0
    return min(sum(falling[j:]) / (replicas - j) for j in range(replicas))
