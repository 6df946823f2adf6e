"""What counts as a number of replicas or a weight: whole, not negative, of a stated width."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import SupportsIndex

INT32_MAX = 2**31 - 1
"""Largest `spec.replicas`: the field has 32 bits in every Kubernetes kind."""

INT64_MAX = 2**63 - 1
"""Largest weight, and the largest intermediate product before a controller's arithmetic wraps."""


def whole(value: SupportsIndex, name: str, limit: int = INT32_MAX) -> int:
    """Return `value` as an int, or refuse it in a sentence that names it.

    Parameters
    ----------
    value : int or numpy integer
        What to check.
    name : str
        How the caller's parameter is called.
    limit : int, default: 2**31 - 1
        Largest value that the controller's field can hold.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If it is no integer, is negative or exceeds `limit`.

    Examples
    --------
    >>> whole(7, "total")
    7
    """
    try:
        number = index(value)
    except TypeError:
        raise ValueError(f"`{name}` must be a whole number, not {value!r}") from None
    if not 0 <= number <= limit:
        raise ValueError(f"`{name}` must lie in [0, {limit}], but is {number}")
    return number


def whole_by_name(
    values: Mapping[str, SupportsIndex], name: str, limit: int = INT32_MAX
) -> dict[str, int]:
    """Return `values` as ints in order of their keys, each checked by `whole`.

    Examples
    --------
    >>> whole_by_name({"tokyo": 2, "taiwan": 5}, "weights")
    {'taiwan': 5, 'tokyo': 2}
    """
    return {key: whole(values[key], f"{name}[{key!r}]", limit) for key in sorted(values)}
