"""Grafana panels as plain data: time series, tables, numbers, state timelines, maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from planner.model.manifest import Document

DATA_SOURCE = {"type": "prometheus", "uid": "prometheus"}
"""The chart's own data source."""

WIDTH = 24
SCHEMA_VERSION = 39
"""Grafana 10 and later read it as it is."""


def target(
    expression: str, legend: str = "", *, reference: str = "A", table: bool = False
) -> Document:
    """Return a query.

    Parameters
    ----------
    expression : str
        PromQL.
    legend : str
        Labels in double braces.
    reference : str, default: "A"
        Its letter in the panel.
    table : bool, default: False
        Whether the newest value of each series is asked for, labels as columns.
    """
    kind = {"instant": True, "range": False, "format": "table"} if table else {"range": True}
    return {
        "refId": reference,
        "datasource": DATA_SOURCE,
        "expr": expression,
        "legendFormat": legend or "__auto",
    } | kind


def thresholds(*steps: tuple[float | None, str]) -> Document:
    """Return colours from given values on; the first step has no value."""
    return {
        "mode": "absolute",
        "steps": [{"value": value, "color": colour} for value, colour in steps],
    }


def panel(
    kind: str,
    title: str,
    targets: Sequence[Document],
    *,
    unit: str = "short",
    height: int = 9,
    width: int = 12,
    **parts: object,
) -> Document:
    """Return a panel without a place.

    Parameters
    ----------
    kind : {"timeseries", "table", "stat", "state-timeline", "geomap"}
        Type of panel.
    title : str
        Title.
    targets : sequence of dict
        Queries.
    unit : str, default: "short"
        Grafana's name of the unit.
    height, width : int
        Of 24 columns.
    **parts : object
        ``defaults`` (further fields), ``custom`` (of the type), ``options``, ``transformations``,
        ``overrides``.
    """
    defaults: Document = {"unit": unit}
    extra = parts.get("defaults", {})
    defaults |= extra if isinstance(extra, dict) else {}
    if "custom" in parts:
        defaults["custom"] = parts["custom"]
    return {
        "type": kind,
        "title": title,
        "datasource": DATA_SOURCE,
        "targets": list(targets),
        "fieldConfig": {"defaults": defaults, "overrides": parts.get("overrides", [])},
        "options": parts.get("options", {}),
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
    } | ({"transformations": parts["transformations"]} if "transformations" in parts else {})


def lines(title: str, targets: Sequence[Document], **parts: object) -> Document:
    """Return a chart over time, its legend a table below."""
    legend = {
        "displayMode": "table",
        "placement": "bottom",
        "showLegend": True,
        "calcs": ["lastNotNull"],
    }
    options = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    custom = {"lineWidth": 1, "fillOpacity": 0, "stacking": {"mode": "none", "group": "A"}}
    return panel("timeseries", title, targets, options=options, custom=custom, **parts)  # type: ignore[arg-type]


def columns(
    title: str, keys: Sequence[str], queries: Mapping[str, str], **parts: object
) -> Document:
    """Return a table that joins several queries by their labels.

    Parameters
    ----------
    title : str
        Title.
    keys : sequence of str
        Labels that name a row, alike in all queries.
    queries : mapping of str to str
        Heading of a column to PromQL.
    **parts : object
        As `panel` takes them.
    """
    letters = dict(zip(queries, ascii_uppercase, strict=False))
    targets = [
        target(f"sum by ({', '.join(keys)}) ({expression})", reference=letters[name], table=True)
        for name, expression in queries.items()
    ]
    # One query's value is called "Value", those of several after their letters.
    one = len(queries) == 1
    names = {("Value" if one else f"Value #{letters[name]}"): name for name in queries}
    order = {name: place for place, name in enumerate([*keys, *names])}
    organize = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    changes = [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
    return panel("table", title, targets, transformations=changes, **parts)  # type: ignore[arg-type]


def placed(panels: Sequence[Document]) -> list[Document]:
    """Return panels with numbers and places, from left to right and down.

    Examples
    --------
    >>> found = placed([panel("stat", "a", []), panel("stat", "b", []), panel("stat", "c", [])])
    >>> [(p["id"], p["gridPos"]["x"], p["gridPos"]["y"]) for p in found]
    [(1, 0, 0), (2, 12, 0), (3, 0, 9)]
    """
    x = y = tallest = 0
    result = []
    for number, one in enumerate(panels, start=1):
        size = one["gridPos"]
        if x + size["w"] > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        result.append({"id": number} | one | {"gridPos": size | {"x": x, "y": y}})
        x, tallest = x + size["w"], max(tallest, size["h"])
    return result


def dashboard(uid: str, title: str, tags: Sequence[str], panels: Sequence[Document]) -> Document:
    """Return a dashboard of placed panels, without variables and without an id.

    Parameters
    ----------
    uid, title : str
        What links name it by, and what people do.
    tags : sequence of str
        Words to find it by.
    panels : sequence of dict
        Its panels in order.
    """
    return {
        "uid": uid,
        "title": title,
        "tags": list(tags),
        "timezone": "utc",
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": "1m",
        "editable": False,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": placed(panels),
    }
