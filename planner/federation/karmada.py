"""How Karmada divides replicas, bit for bit: Webster from 1.16 on, and what came before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heapreplace

from planner.federation.counts import INT64_MAX, whole, whole_by_name
from planner.federation.fnv import fnv1a_32


def divide_static(total: int, weights: Mapping[str, int], *, uid: str = "") -> dict[str, int]:
    r"""Divide replicas by a static weight list, by Webster's method (Karmada 1.16 and later).

    One replica after the other goes to the cluster with the largest

    .. math:: w_r / (2 n_r + 1)

    in double precision; between equals to the one with fewer replicas, then by name
    (`names_descend`). Earlier results and free capacity play no part.

    Parameters
    ----------
    total : int
        Replicas wanted, `spec.replicas` of the template.
    weights : mapping of str to int
        Weight of every cluster that passed the filters and has a rule. (A weight list itself may
        not hold a 0; here a 0 gives no replicas.)
    uid : str, default: ""
        UID of the template in the Karmada API server; unknown before the object exists.

    Returns
    -------
    dict of str to int
        Replicas by cluster, in order of name, the zeros included (Karmada leaves those out).

    Raises
    ------
    ValueError
        If `total` or a weight is negative, no integer, or wider than its field.

    Notes
    -----
    Nothing is placed if all weights are 0. The method is monotone in `total`, favours neither
    large nor small clusters, and may miss the quota (more than one replica off) in rare cases.

    References
    ----------
    M. L. Balinski and H. P. Young, "Fair Representation", 2nd ed., Brookings, 2001, p. 30.
    karmada-io/karmada v1.18.2, pkg/util/helper (the algorithm); checked against 506 results of
    that code.

    Examples
    --------
    >>> divide_static(7, {"tpe": 40, "sgp": 30, "tyo": 20, "lax": 10})
    {'lax': 1, 'sgp': 2, 'tpe': 3, 'tyo': 1}
    """
    votes = whole_by_name(weights, "weights", INT64_MAX)
    return webster(whole(total, "total"), votes, descending=names_descend(uid))


def names_descend(uid: str) -> bool:
    """Return whether Karmada breaks ties by descending name for the object with this `uid`.

    Parameters
    ----------
    uid : str
        UID of the template; empty means ascending.

    Returns
    -------
    bool
        True if the UID is not empty and its 32-bit FNV-1a hash is odd.

    Examples
    --------
    >>> names_descend(""), names_descend("foobar"), names_descend("a")
    (False, False, False)
    """
    return bool(uid) and fnv1a_32(uid) % 2 == 1


def webster(seats: int, votes: Mapping[str, int], *, descending: bool = False) -> dict[str, int]:
    """Apportion `seats` to parties by Webster's method with Karmada's ties.

    Parameters
    ----------
    seats : int
        Seats to give, 0 or more.
    votes : mapping of str to int
        Votes by party, 0 or more.
    descending : bool, default: False
        Whether the last tie falls to the later name instead of the earlier one.

    Returns
    -------
    dict of str to int
        Seats by party, in order of name; all 0 if there are no votes.

    Notes
    -----
    The wins are the `seats` smallest keys (−votes/(2n + 1), n, name) over all parties and all n.
    A party with quota q and k parties in all wins at least q − (k + 1)/2 of them, because all last
    wins have at least the priority of all next ones; the search starts there, so that its cost
    does not grow with `seats`.

    Examples
    --------
    >>> webster(2, {"a": 1, "b": 1, "c": 1}), webster(2, {"a": 1, "b": 1, "c": 1}, descending=True)
    ({'a': 1, 'b': 1, 'c': 0}, {'a': 0, 'b': 1, 'c': 1})
    """
    names = sorted(votes, reverse=descending)
    result = _certain_seats(seats, votes)
    if not any(votes.values()):
        return result
    queue = [
        (_priority(votes[name], result[name]), result[name], rank, name)
        for rank, name in enumerate(names)
    ]
    heapify(queue)
    for _ in range(seats - sum(result.values())):
        _, held, rank, name = queue[0]
        result[name] = held + 1
        heapreplace(queue, (_priority(votes[name], held + 1), held + 1, rank, name))
    return result


def _certain_seats(seats: int, votes: Mapping[str, int]) -> dict[str, int]:
    """Return seats that every party wins in any case; one more is held back against rounding."""
    everything = max(1, sum(votes.values()))
    slack = (len(votes) + 1) // 2 + 2
    return {name: max(0, seats * votes[name] // everything - slack) for name in sorted(votes)}


def _priority(votes: int, seats: int) -> float:
    """Return minus the claim to the next seat, in the double precision of the controller."""
    return -(float(votes) / float(2 * seats + 1))


def divide_dynamic(
    total: int,
    available: Mapping[str, int],
    *,
    scheduled: Mapping[str, int] | None = None,
    aggregated: bool = False,
    fresh: bool = False,
    uid: str = "",
) -> dict[str, int]:
    """Divide replicas by what still fits (``dynamicWeight: AvailableReplicas``, or aggregated).

    First time and scale-up: what is missing is divided by Webster's method with `available` as
    votes and added to what the candidates hold. Scale-down: all of `total` is divided with the
    old result as votes. Neither: nothing moves.

    Parameters
    ----------
    total : int
        Replicas wanted.
    available : mapping of str to int
        Candidate cluster to replicas that fit *besides* those it holds, in the scheduler's order.
    scheduled : mapping of str to int, optional
        The previous result. What a cluster holds that is no candidate any more does not count
        as placed, but takes part in a scale-down (see Notes).
    aggregated : bool, default: False
        Take as few clusters as suffice: those that hold replicas first, then by availability.
    fresh : bool, default: False
        A reschedule was asked for: the old result only adds to what is available.
    uid : str, default: ""
        UID of the template; turns the tie order.

    Returns
    -------
    dict of str to int
        Replicas by cluster, in order of name; every candidate, and after a scale-down also every
        other cluster of the old result.

    Raises
    ------
    ValueError
        If what is available does not suffice, or a number is negative or no integer.

    Notes
    -----
    Whether to scale down is decided by what the candidates hold, yet the division then runs over
    the whole old result: a cluster that is no candidate any more keeps a share. (Read from the
    source; the measured results have no such case.) With `aggregated`, clusters of equal
    availability keep the order of `available`; the controller's sort leaves them undefined.

    References
    ----------
    karmada-io/karmada v1.18.2, pkg/scheduler/core (the algorithm); checked against 994 results of
    that code.

    Examples
    --------
    >>> divide_dynamic(10, {"tpe": 30, "sgp": 20})
    {'sgp': 4, 'tpe': 6}
    >>> divide_dynamic(10, {"tpe": 30, "sgp": 20}, aggregated=True)
    {'sgp': 0, 'tpe': 10}
    """
    whole(total, "total")
    free = {name: whole(count, f"available[{name!r}]") for name, count in available.items()}
    old = whole_by_name(scheduled or {}, "scheduled")
    if fresh:
        free = {name: count + old.get(name, 0) for name, count in free.items()}
        old = {}
    return _rescale(total, free, old, aggregated, names_descend(uid))


def _rescale(
    total: int,
    free: Mapping[str, int],
    old: Mapping[str, int],
    aggregated: bool,
    descending: bool,
) -> dict[str, int]:
    """Scale up, scale down or leave alone, and answer for every candidate."""
    base = {name: count for name, count in old.items() if name in free}
    missing = total - sum(base.values())
    gained: Mapping[str, int] = {}
    if missing > 0:
        gained = _apportion(missing, free, base, aggregated, descending)
    elif missing < 0:
        base, gained = {}, _apportion(total, old, {}, aggregated, descending)
    names = sorted({*free, *gained})
    return {name: base.get(name, 0) + gained.get(name, 0) for name in names}


def _apportion(
    seats: int,
    free: Mapping[str, int],
    held: Mapping[str, int],
    aggregated: bool,
    descending: bool,
) -> dict[str, int]:
    """Divide `seats` by what is free, over the fewest clusters if `aggregated`."""
    enough = sum(free.values())
    if enough < seats:
        raise ValueError(
            f"`available` must hold at least the {seats} replicas to be placed, but holds {enough}"
        )
    if aggregated:
        free = _fewest(seats, free, held)
    return webster(seats, free, descending=descending)


def _fewest(seats: int, free: Mapping[str, int], held: Mapping[str, int]) -> dict[str, int]:
    """Return the shortest prefix that suffices: holders first, then by what is free."""
    chosen: dict[str, int] = {}
    for name in sorted(free, key=lambda name: (held.get(name, 0) == 0, -free[name])):
        if sum(chosen.values()) >= seats:
            break
        chosen[name] = free[name]
    return chosen


def divide_static_legacy(
    total: int, weights: Mapping[str, int], order: Sequence[str]
) -> dict[str, int]:
    r"""Divide replicas by a static weight list as Karmada 1.15 and earlier did.

    Every cluster gets :math:`\lfloor N w_r / \sum w \rfloor`; what is left goes, one each, down
    the list, which runs by weight, heaviest first.

    Parameters
    ----------
    total : int
        Replicas wanted.
    weights : mapping of str to int
        Weight by cluster.
    order : sequence of str
        Which of two clusters of equal weight stands first. The controller puts the one with more
        replicas last time first, and draws lots where these are equal too.

    Returns
    -------
    dict of str to int
        Replicas by cluster, in order of name.

    Raises
    ------
    ValueError
        If `order` misses a cluster of `weights`, or a number is negative or no integer.

    Notes
    -----
    Not monotone: a cluster may lose a replica when the total grows (karmada#6735).

    References
    ----------
    karmada-io/karmada v1.15.0, pkg/util/helper (the algorithm).

    Examples
    --------
    >>> divide_static_legacy(6, {"a": 170, "b": 110, "c": 60}, ["a", "b", "c"])
    {'a': 4, 'b': 1, 'c': 1}
    """
    votes = whole_by_name(weights, "weights", INT64_MAX)
    whole(total, "total")
    rank = {name: place for place, name in enumerate(order)}
    if missing := sorted(set(votes) - set(rank)):
        raise ValueError(f"`order` must name every cluster of `weights`; it misses {missing}")
    everything = sum(votes.values())
    if everything == 0:
        return votes
    result = {name: total * weight // everything for name, weight in votes.items()}
    ranked = sorted(votes, key=lambda name: (-votes[name], rank[name]))
    for name in ranked[: total - sum(result.values())]:
        result[name] += 1
    return result
