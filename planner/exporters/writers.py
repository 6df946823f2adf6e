"""Who writes which object: questions to the one table that all trees of objects follow.

An object in a cluster has one writer.  What the federation propagates counts as written by the
federation; everything else stands in the cluster's own tree.  The table itself is
`planner.exporters.writer_rows`.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from planner.exporters.requirements import service_platform
from planner.exporters.waves import matches
from planner.exporters.writer_rows import (
    CONTROLLERS,
    SERVICES,
    TABLE,
    Federation,
    Row,
    Scaler,
    Writer,
)
from planner.model.plan import Plan

_TREES = {"cluster": "clusters/*", "monitoring": "monitoring/*", "steering": "dns/external-dns"}
_OF_SERVICES = {row.kind: row for row in TABLE if row.subject == SERVICES}


def writer_of(
    kind: str, federation: Federation, scaler: Scaler = "pinned", *, rollout: bool = False
) -> Writer | None:
    """Return who writes a kind of object, None where it is not written at all.

    Parameters
    ----------
    kind : str
        A kind of `TABLE` whose subject are the services.
    federation : {'none', 'kubefed', 'karmada'}
        Which controller propagates.
    scaler : {'pinned', 'member', 'federated'}
        Who sets the service's replicas.
    rollout : bool
        Whether a Rollout stands in the Deployment's place.

    Raises
    ------
    KeyError
        If the table has no such kind.

    Examples
    --------
    >>> writer_of("Deployment", "karmada"), writer_of("Deployment", "none")
    ('federation', 'cluster')
    >>> writer_of("Deployment", "karmada", rollout=True) is None
    True
    """
    return row_writer(_OF_SERVICES[kind], federation, scaler, rollout=rollout)


def row_writer(
    row: Row, federation: Federation, scaler: Scaler = "pinned", *, rollout: bool = False
) -> Writer | None:
    """Return who writes the objects of a row, None where they are not written at all.

    Parameters
    ----------
    row : Row
        Of `TABLE`.
    federation, scaler, rollout
        As for `writer_of`.
    """
    if federation not in row.federations or scaler not in row.scalers:
        return None
    if row.rollout is not None and row.rollout is not rollout:
        return None
    return "cluster" if (federation, row.writer) == ("none", "federation") else row.writer


def rows_of(group: str, kind: str, path: PurePosixPath, federation: Federation) -> tuple[Row, ...]:
    """Return the rows that an exported object belongs to: one, if the export follows the table.

    Parameters
    ----------
    group, kind : str
        API group and kind of the object.
    path : PurePosixPath
        Its file below the export.
    federation : {'none', 'kubefed', 'karmada'}
        Which controller propagates.

    Examples
    --------
    >>> path = PurePosixPath("clusters/tokyo-edge/metallb/pool.yaml")
    >>> [row.subject for row in rows_of("metallb.io", "BGPPeer", path, "karmada")]
    ['addresses']
    """
    return tuple(
        row
        for row in TABLE
        if (row.group, row.kind) == (group, kind)
        and federation in row.federations
        and matches(_place(row, federation), path.parent)
    )


def _place(row: Row, federation: Federation) -> str:
    """Return the pattern of the folder in which the objects of a row stand."""
    if row.writer != "federation":
        return f"{_TREES[row.writer]}/{row.folder}"
    if federation == "none":
        return "clusters/*/base" if row.kind == "Namespace" else "clusters/*/workloads"
    tree = f"federation/{federation}"
    return f"{tree}/{row.folder}" if row.folder else tree


def writes(plan: Plan, writer: Writer, kind: str, service: str, federation: Federation) -> bool:
    """Return whether a tree writes a kind of object for one service of a plan.

    Parameters
    ----------
    plan : Plan
        Its platform says how the service is scaled and rolled out.
    writer : {'cluster', 'federation'}
        The tree that asks.
    kind : str
        A kind of `TABLE`.
    service : str
        Name of the service.
    federation : {'none', 'kubefed', 'karmada'}
        Which controller propagates.
    """
    if _OF_SERVICES[kind].platform and plan.scenario.platform is None:
        return False
    known = service_platform(plan, service)
    return writer == writer_of(kind, federation, known.scaler, rollout=known.rollout)


def federated_kinds() -> frozenset[tuple[str, str]]:
    """Return group and kind of what no cluster's tree holds while a federation writes it."""
    return frozenset(
        (row.group, row.kind)
        for row in TABLE
        if row.writer == "federation" and set(CONTROLLERS) <= set(row.federations)
    )
