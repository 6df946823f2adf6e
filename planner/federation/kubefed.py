"""How KubeFed divides replicas: the planner behind ReplicaSchedulingPreference, bit for bit.

It rounds every share up, heaviest cluster first, so small clusters starve and equal weights are
not split evenly: 10 replicas over four equal clusters become 3, 3, 3 and 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from planner.federation.counts import INT64_MAX, whole
from planner.federation.fnv import fnv1_32

WILDCARD = "*"


@dataclass(frozen=True)
class Preference:
    """What a ReplicaSchedulingPreference says about one cluster (or about ``*``).

    Attributes
    ----------
    weight : int, default: 0
        Share of what the minimums leave, relative to the other clusters' weights.
    min_replicas : int, default: 0
        Replicas given before anything is divided by weight; a weight of 0 does not hinder it.
    max_replicas : int or None, default: None
        Most replicas; None for no limit.

    Raises
    ------
    ValueError
        If a number is negative or no integer. The resource's schema lets negative numbers pass,
        but with a negative weight the controller's loop need not end.

    Examples
    --------
    >>> Preference(weight=6)
    Preference(weight=6, min_replicas=0, max_replicas=None)
    """

    weight: int = 0
    min_replicas: int = 0
    max_replicas: int | None = None

    def __post_init__(self) -> None:
        whole(self.weight, "weight", INT64_MAX)
        whole(self.min_replicas, "min_replicas", INT64_MAX)
        if self.max_replicas is not None:
            whole(self.max_replicas, "max_replicas", INT64_MAX)


@dataclass(frozen=True)
class _Cluster:
    """A planned cluster: its preference and what is known of it."""

    name: str
    preference: Preference
    current: int | None
    capacity: int | None

    @property
    def weight(self) -> int:
        return self.preference.weight

    def below_limits(self, count: int) -> int:
        """Return `count`, cut to the maximum and to the capacity where there are any."""
        limits = (self.preference.max_replicas, self.capacity)
        return min([count, *(limit for limit in limits if limit is not None)])


@dataclass
class _Round:
    """The state of one planning round, filled step by step."""

    remaining: int
    plan: dict[str, int] = field(default_factory=dict)
    preallocated: dict[str, int] = field(default_factory=dict)
    overflow: dict[str, int] = field(default_factory=dict)

    def move(self, name: str, count: int) -> None:
        """Set the plan of `name` to `count`; the pool pays the difference."""
        self.remaining -= count - self.plan.get(name, 0)
        self.plan[name] = count


def divide(
    total: int,
    preferences: Mapping[str, Preference],
    available: Iterable[str],
    *,
    key: str = "",
    rebalance: bool = True,
    current: Mapping[str, int] | None = None,
    capacity: Mapping[str, int] | None = None,
) -> tuple[dict[str, int], dict[str, int]]:
    r"""Divide replicas over clusters exactly as KubeFed's scheduler does.

    Minimums first; then, unless `rebalance`, what runs already; then, until nothing is left or
    nothing changes, to every cluster in order of weight (heaviest first)

    .. math:: \min(\lceil D \, w_r / \textstyle\sum w \rceil,\ \text{what is left})

    where D is what was left at the start of the pass. Clusters at their maximum or capacity drop
    out of later passes.

    Parameters
    ----------
    total : int
        Replicas wanted, `spec.totalReplicas`.
    preferences : mapping of str to Preference
        By cluster; ``*`` stands for every cluster without an entry of its own. Entries of clusters
        that are not available are ignored. Empty means here that nothing is planned (the
        controller puts ``{"*": weight 1}`` in place of an empty map before it divides).
    available : iterable of str
        The clusters that are Ready.
    key : str, default: ""
        ``<namespace>/<name>`` of the preference; decides between equal weights.
    rebalance : bool, default: True
        Whether running replicas may be moved. (The resource's own default is false.)
    current : mapping of str to int, optional
        Running replicas by cluster, where known; matter only without `rebalance`.
    capacity : mapping of str to int, optional
        Estimated capacity by cluster, where pods are known to be unschedulable.

    Returns
    -------
    plan : dict of str to int
        Replicas of every available cluster, in order of name; 0 where a cluster is not planned.
    overflow : dict of str to int
        What a cluster lacked capacity for. The controller writes `plan` + `overflow`, so that the
        sum over the clusters may exceed `total`.

    Raises
    ------
    ValueError
        If `total` is not a whole number within 32 bits, or weights are so large that the
        controller's 64-bit arithmetic would wrap.

    Notes
    -----
    Two clusters with equal weight *and* equal hash have no defined order in the controller; here
    their names decide. Less than `total` may be placed: where the maximums add up to less, or no
    cluster has a weight.

    References
    ----------
    kubernetes-retired/kubefed v0.10.0, pkg/controller/util/planner (the algorithm); checked
    against 1,500 results of that code.

    Examples
    --------
    >>> weights = {"tpe": 40, "sgp": 30, "tyo": 20, "lax": 10}
    >>> preferences = {name: Preference(weight=weight) for name, weight in weights.items()}
    >>> divide(7, preferences, preferences)
    ({'lax': 0, 'sgp': 3, 'tpe': 3, 'tyo': 1}, {})
    """
    names = sorted(set(available))
    clusters = _planned(names, preferences, key, current or {}, capacity or {})
    state = _Round(remaining=whole(total, "total"), plan=dict.fromkeys(names, 0))
    _give_minimums(state, clusters)
    if not rebalance:
        _keep_running(state, clusters)
    _give_by_weight(state, clusters)
    return state.plan, state.overflow if rebalance else _cut_overflow(state)


def tie_order(names: Iterable[str], key: str = "") -> list[str]:
    """Return `names` in the order in which KubeFed serves clusters of equal weight.

    The order is by FNV-1 (32 bits, unsigned) of the name followed directly by `key`.

    Parameters
    ----------
    names : iterable of str
        Cluster names.
    key : str, default: ""
        ``<namespace>/<name>`` of the preference.

    Returns
    -------
    list of str
        First served first; equal hashes by name.

    Examples
    --------
    >>> tie_order(["taiwan", "singapore", "tokyo", "losangeles"], "default/web")
    ['tokyo', 'taiwan', 'singapore', 'losangeles']
    """
    return sorted(names, key=lambda name: (fnv1_32(name + key), name))


def _planned(
    names: Iterable[str],
    preferences: Mapping[str, Preference],
    key: str,
    current: Mapping[str, int],
    capacity: Mapping[str, int],
) -> list[_Cluster]:
    """Return the clusters that have a preference, in the order in which they are served."""
    found = {name: preferences.get(name, preferences.get(WILDCARD)) for name in names}
    clusters = [
        _Cluster(name, preference, current.get(name), capacity.get(name))
        for name in tie_order(found, key)
        if (preference := found[name]) is not None
    ]
    return sorted(clusters, key=lambda cluster: -cluster.weight)


def _give_minimums(state: _Round, clusters: Iterable[_Cluster]) -> None:
    """Give each cluster its minimum while the pool lasts; a maximum does not matter yet."""
    for cluster in clusters:
        without_max = replace(cluster, preference=Preference())
        wanted = min(cluster.preference.min_replicas, state.remaining)
        state.move(cluster.name, without_max.below_limits(wanted))


def _keep_running(state: _Round, clusters: Iterable[_Cluster]) -> None:
    """Let each cluster keep the replicas that it runs, as far as the pool lasts."""
    for cluster in clusters:
        planned = state.plan[cluster.name]
        if cluster.current is not None and cluster.current > planned:
            kept = cluster.below_limits(cluster.current) - planned
            kept = max(0, min(kept, state.remaining))
            state.preallocated[cluster.name] = kept
            state.move(cluster.name, planned + kept)


def _give_by_weight(state: _Round, clusters: list[_Cluster]) -> None:
    """Repeat passes by weight until the pool is empty or a pass changes nothing."""
    changed = True
    while changed and state.remaining > 0:
        weight_sum = sum(cluster.weight for cluster in clusters)
        if weight_sum <= 0:
            return
        changed, pool, still_open = False, state.remaining, []
        for cluster in clusters:
            share = _share(cluster.weight, pool, weight_sum)
            full, moved = _give_share(state, cluster, share)
            changed |= moved
            if not full:
                still_open.append(cluster)
        clusters = still_open


def _share(weight: int, pool: int, weight_sum: int) -> int:
    """Return the part of `pool` that falls to `weight`, rounded up, in 64-bit arithmetic."""
    numerator = pool * weight + weight_sum - 1
    if numerator > INT64_MAX:
        raise ValueError(
            "`total` times a `weight` must stay below 2**63, where KubeFed's sum wraps"
        )
    return numerator // weight_sum


def _give_share(state: _Round, cluster: _Cluster, share: int) -> tuple[bool, bool]:
    """Give one cluster its share; return whether it is full and whether anything changed."""
    share = min(share, state.remaining)
    held_back = state.preallocated.get(cluster.name, 0)
    used = min(share, held_back)
    state.preallocated[cluster.name] = held_back - used
    before = state.plan[cluster.name]
    count, full = _within_limits(state, cluster, before + share - used)
    state.move(cluster.name, count)
    return full, used > 0 or count > before


def _within_limits(state: _Round, cluster: _Cluster, count: int) -> tuple[int, bool]:
    """Cut `count` to maximum, then capacity, noting the overflow; also say whether it was cut."""
    maximum, capacity = cluster.preference.max_replicas, cluster.capacity
    full = False
    if maximum is not None and count > maximum:
        count, full = maximum, True
    if capacity is not None and count > capacity:
        state.overflow[cluster.name] = count - capacity
        count, full = capacity, True
    return count, full


def _cut_overflow(state: _Round) -> dict[str, int]:
    """Cut every overflow to what could not be placed anywhere; drop what vanishes."""
    cut = {name: min(value, state.remaining) for name, value in state.overflow.items()}
    return {name: value for name, value in cut.items() if value > 0}
