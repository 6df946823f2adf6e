"""From wanted replicas to small integer weights that make the controller return just those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import gcd

import numpy as np

from planner.federation.counts import whole, whole_by_name
from planner.federation.splits import IntArray
from planner.federation.targets import Karmada, KubeFed, Target

PAIR_LIMIT = 20_000_000
"""Most pairs of weight vector and total that are compared."""

TOTAL_LIMIT = 20_000
"""Largest sum of replicas for which vectors are listed."""

_SPAN_LIMIT = 30_001  # what half to twice `TOTAL_LIMIT` holds
_CHUNK = 300_000  # numbers per array: a few of these stay in the processor's cache


@dataclass(frozen=True)
class WeightPlan:
    """Weights for a federation controller, and what it will do with them.

    Attributes
    ----------
    target : str
        ``kubefed`` or ``karmada``.
    total : int
        Planned total, the sum of the wanted replicas.
    weights : mapping of str to int
        By cluster, in order of name. KubeFed: 0 where no replica is wanted. Karmada: such
        clusters are left out.
    min_replicas, max_replicas : mapping of str to (int or None)
        Bounds by cluster; None where none is needed. Always None with Karmada, which has none.
    split : mapping of int to (mapping of str to int)
        Total to replicas by cluster, for the range of totals and the planned total.
    lost : mapping of str to (mapping of str to int)
        Lost cluster to replicas of the others, at the planned total.
    worst_deviation : float
        Largest distance of any cluster from its proportional share over the range, replicas.
    exact : bool
        Whether every vector that qualifies was compared.
    tied_totals : tuple of int
        Totals in `split` where the outcome depends on the UID of a Karmada object that does not
        exist yet; `split` then shows the ascending order.
    """

    target: str
    total: int
    weights: Mapping[str, int]
    min_replicas: Mapping[str, int | None]
    max_replicas: Mapping[str, int | None]
    split: Mapping[int, Mapping[str, int]]
    lost: Mapping[str, Mapping[str, int]]
    worst_deviation: float
    exact: bool
    tied_totals: tuple[int, ...] = ()


def for_replicas(
    replicas: Mapping[str, int],
    *,
    target: str = "kubefed",
    key: str = "",
    uid: str = "",
    totals: Iterable[int] | None = None,
    min_replicas: Mapping[str, int] | None = None,
    max_replicas: Mapping[str, int] | None = None,
) -> WeightPlan:
    r"""Return the best small weights with which the controller returns exactly `replicas`.

    Among the vectors of whole weights with gcd 1 and a sum of at most the total N* with which the
    target's own divider returns `replicas`: those with the least

    .. math:: \max_{N \in totals} \max_r |n_r(N) - N p_r|, \qquad p_r = replicas_r / N^*

    then the smallest sum, then the first in lexicographic order (clusters by name).

    Parameters
    ----------
    replicas : mapping of str to int
        Wanted replicas by cluster; at least one in all.
    target : {"kubefed", "karmada"}, default: "kubefed"
        Whose divider; Karmada means 1.16 and later.
    key : str, default: ""
        KubeFed: ``<namespace>/<name>``, which decides between equal weights.
    uid : str, default: ""
        Karmada: UID of the template. If empty, the weights hold under both tie orders, and the
        deviation is the worse of both.
    totals : iterable of int, optional
        Range in which autoscaling moves; by default every integer from half of the sum (rounded
        up) to twice the sum (beyond `TOTAL_LIMIT`: 30,000 of them, evenly spaced).
    min_replicas, max_replicas : mapping of str to int, optional
        KubeFed: bounds that will be written beside the weights; they take part in every division.
        By default 0 and none.

    Returns
    -------
    WeightPlan
        The weights and what follows from them.

    Raises
    ------
    ValueError
        If `replicas` holds no replica, a number is no whole number of at least 0, `totals` is
        empty, `target` is unknown, or a bound forbids what is wanted.

    Notes
    -----
    There is always an answer: replicas / gcd returns `replicas`, because all quotas are whole.
    A cluster without a wanted replica carries no weight, so that scaling up never fills it.

    `WeightPlan.exact` is True if all vectors that qualify were compared: they are few enough to
    list (`candidates` has the proof). It is False in three cases:

    - a bound takes part in the wanted split (a minimum above 0, or a maximum equal to the wanted
      replicas): compared are the vectors that would do without bounds, and those that divide
      what exceeds the minimums, each filtered by the true divider;
    - vectors times totals exceed `PAIR_LIMIT`: compared are replicas / gcd and as many others as
      fit, those with the least :math:`\max_r |w_r / \sum w - p_r|`;
    - the sum of `replicas` exceeds `TOTAL_LIMIT`: replicas / gcd is returned.

    References
    ----------
    M. L. Balinski and H. P. Young, "Fair Representation", 2nd ed., Brookings, 2001, appendix A.

    Examples
    --------
    KubeFed rounds the heavier share up, and 4 to 3 makes up for it where 3 to 2 does not:

    >>> plan = for_replicas({"taiwan": 6, "singapore": 4}, key="prod-api/api")
    >>> plan.weights, plan.split[10], plan.lost["taiwan"]
    ({'singapore': 3, 'taiwan': 4}, {'singapore': 4, 'taiwan': 6}, {'singapore': 10})
    """
    wanted = whole_by_name(replicas, "replicas")
    total = whole(sum(wanted.values()), "sum of replicas")
    if total == 0:
        raise ValueError("`replicas` must hold at least one replica")
    least = _bounds(wanted, min_replicas, "min_replicas")
    most = _bounds(wanted, max_replicas, "max_replicas")
    controller = _target(target, wanted, key, uid, least, most)
    span = _span(total, totals)
    weights, worst, exact = _best(controller, total, span)
    split, tied = _outcome(controller, weights, np.union1d(span, [total]))
    by_name = dict(zip(controller.listed, weights.tolist(), strict=True))
    default = 0 if target == "kubefed" else None
    return WeightPlan(
        target=target,
        total=total,
        weights=by_name,
        min_replicas={name: least.get(name, default) for name in wanted},
        max_replicas={name: most.get(name) for name in wanted},
        split=split,
        lost={name: controller.divide(total, by_name, name) for name in wanted},
        worst_deviation=worst / total,
        exact=exact,
        tied_totals=tied,
    )


def _bounds(
    wanted: Mapping[str, int], bounds: Mapping[str, int] | None, name: str
) -> dict[str, int]:
    """Return the bounds of known clusters, if they allow what is wanted."""
    checked = whole_by_name(bounds or {}, name)
    if unknown := sorted(set(checked) - set(wanted)):
        raise ValueError(f"`{name}` names clusters that `replicas` does not: {unknown}")
    sign = 1 if name == "min_replicas" else -1
    if clash := [c for c, bound in checked.items() if sign * bound > sign * wanted[c]]:
        raise ValueError(f"`{name}` forbids the wanted replicas of {clash}")
    return checked


def _target(
    target: str,
    wanted: Mapping[str, int],
    key: str,
    uid: str,
    least: Mapping[str, int],
    most: Mapping[str, int],
) -> Target:
    """Return the controller that `target` names."""
    if target == "kubefed":
        return KubeFed(wanted, key, least, most)
    if target != "karmada":
        raise ValueError(f"`target` must be 'kubefed' or 'karmada', not {target!r}")
    if least or most:
        raise ValueError("`min_replicas` and `max_replicas` do not exist in Karmada")
    return Karmada(wanted, uid)


def _span(total: int, totals: Iterable[int] | None) -> IntArray:
    """Return the distinct totals, ascending; by default from half of the sum to twice the sum."""
    if totals is None:
        first, last = -(-total // 2), 2 * total
        count = min(last - first + 1, _SPAN_LIMIT)
        return np.linspace(first, last, count).round().astype(np.int64)
    span = np.unique(np.array([whole(value, "totals") for value in totals], dtype=np.int64))
    if span.size == 0:
        raise ValueError("`totals` must hold at least one total")
    return span


def _best(controller: Target, total: int, span: IntArray) -> tuple[IntArray, int, bool]:
    """Return the best weights, their worst deviation times `total`, and whether all were seen."""
    wanted = np.array([controller.replicas[name] for name in controller.listed])
    vectors, exact = _qualified(controller, wanted, total, len(span))
    worst = _worst_deviations(controller, vectors, wanted, span)
    first = np.lexsort((*vectors.T[::-1], vectors.sum(axis=1), worst))[0]
    return vectors[first], int(worst[first]), exact


def _qualified(
    controller: Target, wanted: IntArray, total: int, span_size: int
) -> tuple[IntArray, bool]:
    """Return the vectors that make the divider return `wanted`, and whether these are all."""
    proportional = wanted // gcd(*wanted.tolist())
    if total > TOTAL_LIMIT:
        return proportional[None, :], False
    vectors = controller.candidates()
    keep = np.ones(len(vectors), np.bool_)
    for split in controller.splits(vectors, np.array([total])):
        keep &= (split[:, 0, :] == wanted).all(axis=1)
    vectors, room = vectors[keep], PAIR_LIMIT // span_size
    if len(vectors) <= room:
        return vectors, controller.is_complete
    shares = vectors / vectors.sum(axis=1, keepdims=True)
    skew = np.abs(shares - wanted / total).max(axis=1)
    return vectors[np.argsort(skew, kind="stable")[: max(room, 1)]], False


def _worst_deviations(
    controller: Target, vectors: IntArray, wanted: IntArray, span: IntArray
) -> IntArray:
    """Return the worst deviation of every vector times the planned total.

    Totals are taken from the largest down; a vector already worse than the whole of the most
    proportional one is out, and keeps what it had so far.
    """
    total = wanted.sum()
    worst = np.zeros(len(vectors), np.int64)
    skew = np.abs(vectors * total - vectors.sum(axis=1, keepdims=True) * wanted).max(axis=1)
    guard = int(np.argmin(skew / vectors.sum(axis=1)))
    bound = _deviations(controller, vectors[guard, None], wanted, span)[0]
    alive, done, descending = np.arange(len(vectors)), 0, span[::-1]
    while done < len(span):
        step = max(1, _CHUNK // (vectors.shape[1] * len(alive)))
        part = _deviations(controller, vectors[alive], wanted, descending[done : done + step])
        worst[alive] = np.maximum(worst[alive], part)
        alive, done = alive[worst[alive] <= bound], done + step
    return worst


def _deviations(
    controller: Target, vectors: IntArray, wanted: IntArray, totals: IntArray
) -> IntArray:
    """Return max |n·total − N·wanted| over `totals`, clusters and tie orders, shape (C,)."""
    planned = wanted.sum()
    ideal = totals[:, None] * wanted
    parts = [
        np.abs(split * planned - ideal).max(axis=(1, 2))
        for split in controller.splits(vectors, totals)
    ]
    worst: IntArray = np.max(parts, axis=0)
    return worst


def _outcome(
    controller: Target, weights: IntArray, totals: IntArray
) -> tuple[dict[int, dict[str, int]], tuple[int, ...]]:
    """Return the split at every total, and the totals where tie orders differ."""
    orders = [split[0] for split in controller.splits(weights[None, :], totals)]
    nothing = dict.fromkeys(controller.replicas, 0)
    split = {
        total: nothing | dict(zip(controller.listed, row, strict=True))
        for total, row in zip(totals.tolist(), orders[0].tolist(), strict=True)
    }
    differs = (orders[0] != orders[-1]).any(axis=1)
    return split, tuple(totals[differs].tolist())
