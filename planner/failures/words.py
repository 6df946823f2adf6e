"""What is down in a state, in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from planner.model.failure import Kind

TOGETHER: dict[Kind, str] = {
    "region": "{} down",
    "risk_group": "{} cut",
    "link": "link {} down",
    "cable": "cable {} cut",
}
"""Kinds that are named together: "taipei + tokyo down"."""

ALONE: dict[Kind, str] = {"pool": "{} lost", "control_plane": "{} down", "event": "{}"}
"""Kinds that are named one by one."""


def state_name(kinds: Sequence[Kind], names: Sequence[str]) -> str:
    """Say in words what is down.

    Parameters
    ----------
    kinds : sequence of str
        Kind of each component that is down, those of one kind side by side.
    names : sequence of str
        Its name.

    Returns
    -------
    str
        Such as "taipei + tokyo down, luzon-strait cut"; "all up" for nothing.

    Examples
    --------
    >>> state_name(["region", "region", "pool"], ["a", "b", "1 of 3 servers of c/main"])
    'a + b down, 1 of 3 servers of c/main lost'
    """
    parts: list[str] = []
    for kind, own in groupby(zip(kinds, names, strict=True), key=lambda pair: pair[0]):
        together = [name for _, name in own]
        if kind in TOGETHER:
            parts.append(TOGETHER[kind].format(" + ".join(together)))
        else:
            parts += [ALONE[kind].format(name) for name in together]
    return ", ".join(parts) or "all up"
