"""The fields of a scenario by their paths, and four quantities that no single field holds.

================================== =================================================================
``demand_factor.ORIGIN``           on the demand of an origin: its users, and its rows of demand_rps
``price_factor.SERVER_TYPE``       on its price: its own, or its part of the comparable type's
``failure_rate_factor.KIND.NAME``  on how often one of regions, risk_groups or links fails
``years_ahead``                    years of growth after ``growth.from_month``
================================== =================================================================
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

from planner.model.finding import Finding, Path, dotted, near_miss, quoted, shorten
from planner.model.scenario import Scenario

ANY = "*"
_LEVELS = {"demand_factor": 1, "price_factor": 1, "failure_rate_factor": 2}
"""How many mappings lie above a factor."""

OWN = (*_LEVELS, "years_ahead")
_FAILING = ("regions", "risk_groups", "links")
_SYMMETRIC = ("rtt_ms", "rtt_factor")

Fields = dict[str, Any]


class NoSuchField(ValueError):
    """A path that leads nowhere: the message says where it ends, the cure what was meant."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


def fields_of(scenario: Scenario) -> Fields:
    """Return all fields of a scenario as plain data that paths address.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.

    Returns
    -------
    dict
        The scenario's own fields, None where an optional one is not given; every pair that
        `rtt_ms`, `rtt_factor` and `demand_rps` could hold; and the quantities of this module.
    """
    data: Fields = scenario.model_dump(mode="json", by_alias=True)
    regions, origins = list(data["regions"]), list(data["origins"])
    ends = dict.fromkeys(origins, regions)
    ends |= {a: [b for b in regions if b != a] for a in regions}
    for table, value in (("rtt_ms", None), ("rtt_factor", 1.0)):
        known = _both_ways(data[table] or {}, regions)
        data[table] = {a: dict.fromkeys(bs, value) | known.get(a, {}) for a, bs in ends.items()}
    demand = data["demand_rps"]
    data["demand_rps"] = {s: dict.fromkeys(origins) | demand.get(s, {}) for s in data["services"]}
    data["demand_factor"] = dict.fromkeys(origins, 1.0)
    data["price_factor"] = dict.fromkeys(data["server_types"], 1.0)
    data["failure_rate_factor"] = {
        kind: {name: 1.0 for name, row in data[kind].items() if row["failure"]} for kind in _FAILING
    }
    data["years_ahead"] = 0.0
    return data


def _both_ways(table: Fields, regions: list[str]) -> Fields:
    """Let every pair of regions hold both ways; of two that differ the last one counts."""
    whole: Fields = {start: dict(ends) for start, ends in table.items()}
    for start in (name for name in regions if name in table):
        for end, value in table[start].items():
            whole.setdefault(end, {})[start] = whole[start][end] = value
    return whole


def resolved_paths(fields: Fields, text: str) -> tuple[Path, ...]:
    """Return the fields that a path addresses.

    Parameters
    ----------
    fields : dict
        From `fields_of`.
    text : str
        Steps joined by dots; ``*`` stands for every key or place of a list.

    Returns
    -------
    tuple of paths
        In the order of the document; with a ``*`` only those that have a value, if any has.

    Raises
    ------
    NoSuchField
        If there is none.

    Examples
    --------
    >>> resolved_paths({"a": {"x": 1, "y": None}, "b": [5, 6]}, "a.*")
    (('a', 'x'),)
    >>> resolved_paths({"a": {"x": 1, "y": None}, "b": [5, 6]}, "b.*")
    (('b', 0), ('b', 1))
    """
    steps = text.split(".")
    found: list[tuple[Path, Any]] = [((), fields)]
    for place, step in enumerate(steps):
        inner = [member for branch in found for member in _inside(*branch, step)]
        if not inner:
            raise _nowhere(steps[: place + 1], found)
        found = inner
    valued = [path for path, value in found if value is not None]
    paths = valued or [path for path, _ in found]
    return tuple(dict.fromkeys(_one_way(fields, path) for path in paths))


def _one_way(fields: Fields, path: Path) -> Path:
    """Return the path of a pair of regions in the one way that counts: as regions are listed."""
    if len(path) == 3 and path[0] in _SYMMETRIC and path[1] in fields["regions"]:
        order = list(fields["regions"])
        return (path[0], *sorted(path[1:], key=order.index))
    return path


def value_at(fields: Fields, path: Path) -> Any:
    """Return what stands at a path."""
    value: Any = fields
    for step in path:
        value = value[step]
    return value


def _inside(path: Path, value: Any, step: str) -> Iterator[tuple[Path, Any]]:
    """Yield what one step leads to."""
    if isinstance(value, dict):
        for key in value if step == ANY else (step,) if step in value else ():
            yield (*path, key), value[key]
    elif isinstance(value, list) and (step == ANY or step.isdecimal()):
        for row in range(len(value)) if step == ANY else (int(step),):
            if row < len(value):
                yield (*path, row), value[row]


def _nowhere(steps: list[str], found: list[tuple[Path, Any]]) -> NoSuchField:
    """Say where a path ends and what was meant."""
    *before, last = steps
    where = dotted(before)
    shapes = [value for _, value in found]
    keys = dict.fromkeys(key for value in shapes if isinstance(value, dict) for key in value)
    if keys:
        message = f"{quoted(where)} has no {quoted(last)}" if where else f"no field {quoted(last)}"
        return NoSuchField(message, near_miss(last, keys) or "see 'planner schema'")
    if all(value is None for value in shapes):
        return NoSuchField(f"{quoted(where)} is not given in the scenario", "set it as a whole")
    if any(isinstance(value, list) for value in shapes):
        longest = max(len(value) for value in shapes if isinstance(value, list))
        cure = f"write a place from 0 to {longest - 1}, or '*'"
        return NoSuchField(f"{quoted(where)} is a list", cure)
    return NoSuchField(f"{quoted(where)} is one value and has no fields", "end the path there")


def scenario_data(fields: Fields) -> tuple[Fields, list[Finding]]:
    """Turn fields back into the plain data of a scenario.

    Parameters
    ----------
    fields : dict
        As `fields_of` gives them, with values changed; it is left as it is.

    Returns
    -------
    data : dict
        What `Scenario` validates.
    findings : list of Finding
        What is wrong with the quantities of this module.
    """
    data = copy.deepcopy(fields)
    own = {name: data.pop(name) for name in OWN}
    order = _keys(fields["regions"])
    for table, empty in (("rtt_ms", None), ("rtt_factor", 1.0), ("demand_rps", None)):
        data[table] = _without_empty(data[table], empty, order)
    data["rtt_factor"] = data["rtt_factor"] or None
    findings = list(_wrong(own))
    if not findings:
        _grow(data, own)
        _reprice(data, own["price_factor"])
        _fail_oftener(data, own["failure_rate_factor"])
    return data, findings


def _without_empty(table: Any, empty: Any, regions: list[str]) -> Any:
    """Leave out the pairs of a table that say nothing, and pairs of regions the second time."""
    if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
        return table
    rank = {name: place for place, name in enumerate(regions)}
    rows = {
        a: {
            b: value
            for b, value in row.items()
            if value not in (None, empty) and rank.get(a, -1) <= rank.get(b, len(rank))
        }
        for a, row in table.items()
    }
    return {a: row for a, row in rows.items() if row}


def _keys(value: Any) -> list[str]:
    """Return the keys of a mapping; none of what a variant put in its place."""
    return list(value) if isinstance(value, dict) else []


def _wrong(own: Fields) -> Iterator[Finding]:
    """Find factors that are no positive numbers, and years that are none."""
    for name, levels in _LEVELS.items():
        least = 0.0 if name == "demand_factor" else 1e-9
        for path, value, below in _leaves((name,), own[name], levels):
            if below:
                cure = "write keys below it, each with its factor"
                yield Finding(path, f"{_shown(value)} is not a mapping", cure)
            elif not _is_number(value) or not least <= value <= 1e9:
                yield Finding(path, f"{_shown(value)} is not a factor", "give a positive number")
    years = own["years_ahead"]
    if not _is_number(years) or not -50 <= years <= 50:
        yield Finding(("years_ahead",), f"{_shown(years)} is not a number from -50 to 50", "")


def _leaves(path: Path, value: Any, levels: int) -> Iterator[tuple[Path, Any, int]]:
    """Yield what stands so many mappings deep, or where they end too early."""
    if levels and isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves((*path, key), inner, levels - 1)
    else:
        yield path, value, levels


def _shown(value: Any) -> str:
    """Say in a few letters what a variant put in place."""
    kinds = {dict: "a mapping", list: "a list", type(None): "nothing"}
    return kinds.get(type(value), shorten(value))


def _is_number(value: Any) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _multiply(row: Any, key: str | int, factor: float) -> None:
    """Multiply a number in place; what is none is left for the scenario's own checks."""
    there = isinstance(key, int) or (isinstance(row, dict) and key in row)
    if there and _is_number(row[key]) and factor != 1.0:
        row[key] *= factor


def _row(data: Fields, table: str, name: str) -> Any:
    """Return a row of a table; None where either is not there."""
    rows = data.get(table)
    return rows.get(name) if isinstance(rows, dict) else None


def _grow(data: Fields, own: Fields) -> None:
    """Multiply demand, and move the month that it is given for."""
    growth, years = data["growth"], own["years_ahead"]
    share = growth.get("share_year") if isinstance(growth, dict) else None
    grown = 1.0
    if years and isinstance(share, int | float) and -1 < share <= 100:
        grown = (1.0 + share) ** years
    for origin, factor in own["demand_factor"].items():
        _multiply(_row(data, "origins", origin), "internet_users", factor * grown)
        for service in _keys(data["services"]):
            table = _row(data, "demand_rps", service)
            rps = table.get(origin) if isinstance(table, dict) else None
            for hour in range(len(rps) if isinstance(rps, list) else 0):
                _multiply(rps, hour, factor * grown)
    if years and isinstance(growth, dict):
        growth["from_month"] = _later(str(growth.get("from_month")), years)


def _later(month: str, years: float) -> str:
    """Return the month some years later, or the text as it is where it is no month."""
    year, _, part = month.partition("-")
    if not (year.isdecimal() and part.isdecimal()):
        return month
    months = 12 * int(year) + int(part) - 1 + round(12 * years)
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def _reprice(data: Fields, factors: Fields) -> None:
    """Multiply the prices of server types, own or comparable."""
    for name, factor in factors.items():
        kind = _row(data, "server_types", name)
        own = isinstance(kind, dict) and kind.get("cost_usd_month") is not None
        _multiply(kind, "cost_usd_month" if own else "comparable_share", factor)


def _fail_oftener(data: Fields, factors: Fields) -> None:
    """Multiply failure rates, or divide the times between failures."""
    for kind, rows in factors.items():
        for name, factor in rows.items():
            row = _row(data, kind, name)
            failure = row.get("failure") if isinstance(row, dict) else None
            _multiply(failure, "mtbf_h", 1.0 / factor)
            _multiply(failure, "rate_per_year", factor)
