"""The CSV tables that a scenario names in place of `origins`, `demand_rps` and `rtt_ms`.

================ ===========================================================================
``origins``      origin, name, country, latitude_deg, longitude_deg, internet_users,
                 propensity_share, utc_offset_h, and if wanted basis
``demand_rps``   service, origin, hour_utc, demand_rps; one row for each hour of the calendar
``rtt_ms``       from, to, rtt_ms
================ ===========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.errors import Fault
from planner.io.nodes import Tree
from planner.io.tables import Row, Table, number_or_text, read_csv
from planner.model.finding import Path as DocumentPath
from planner.model.finding import near_miss, quoted
from planner.model.policy import Calendar

ORIGIN_COLUMNS = (
    "origin",
    "name",
    "country",
    "latitude_deg",
    "longitude_deg",
    "internet_users",
    "propensity_share",
    "utc_offset_h",
)
DEMAND_COLUMNS = ("service", "origin", "hour_utc", "demand_rps")
RTT_COLUMNS = ("from", "to", "rtt_ms")
_TEXT_COLUMNS = frozenset(("origin", "name", "country", "basis", "service", "from", "to"))

Place = tuple[str, int]
Places = dict[DocumentPath, Place]


@dataclass
class Filled:
    """A scenario's data with its tables in place.

    Attributes
    ----------
    data : dict
        Plain data of the whole scenario.
    places : dict
        Path to (file, line) for what came from a table.
    faults : list of Fault
        What is wrong with the tables.
    spoilt : set of paths
        Parts about which nothing more need be said.
    partial : set of paths
        Parts of which rows were left out, so that what is not there may be there after all.
    """

    data: dict[str, Any]
    places: Places = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    spoilt: set[DocumentPath] = field(default_factory=set)
    partial: set[DocumentPath] = field(default_factory=set)


def fill_tables(tree: Tree, folder: Path) -> Filled:
    """Put the rows of the tables that a scenario names in their place.

    Parameters
    ----------
    tree : Tree
        The scenario's document.
    folder : Path
        The folder of the scenario file; tables are named relative to it.

    Returns
    -------
    Filled
        Data, places, faults; a key whose table cannot be read is left out and spoilt.
    """
    filled = Filled(dict(tree.root.data))
    for key, (read, fill) in _TABLES.items():
        value = tree.root.data.get(key)
        if isinstance(value, dict) and "table" in value:
            _fill_one(filled, tree, folder, key, read, fill)
    return filled


def _fill_one(filled: Filled, tree: Tree, folder: Path, key: str, read: _Read, fill: _Fill) -> None:
    """Read one table and put it in place."""
    value, line = tree.root.data[key], tree.line((key, "table"))
    del filled.data[key]
    filled.spoilt.add((key,))
    problem = _name_problem(value)
    if problem is not None:
        filled.faults.append(Fault(tree.file, line, f"{key}.table", *problem))
        return
    name = value["table"]
    shown = str(Path(tree.file).parent / name)
    if not _is_there(folder / name):
        message, cure = f"there is no table {quoted(name)}", _near_files(folder, name)
        filled.faults.append(Fault(tree.file, line, f"{key}.table", message, cure))
        return
    table = read(folder / name, shown)
    filled.faults += table.faults
    if table.rows:
        filled.spoilt.discard((key,))
        filled.places[(key,)] = (shown, 1)
        filled.data[key] = fill(table, filled)
    if table.faults:
        filled.partial.add((key,))


def _name_problem(value: dict[str, Any]) -> tuple[str, str] | None:
    """Say what is wrong with the way a table is named."""
    name = value["table"]
    if len(value) > 1:
        return "'table' stands alone", "move the other entries into the table"
    if not isinstance(name, str) or not name:
        return "a table is named by its file", "write {table: FILE.csv}"
    if Path(name).is_absolute() or ":" in name or "\\" in name:
        return f"{quoted(name)} is not relative to the scenario's folder", "put the table beside it"
    return None


def _is_there(path: Path) -> bool:
    """Whether there is something other than a folder."""
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):
        return False


def _near_files(folder: Path, name: str) -> str:
    """Suggest a table that is there."""
    files = sorted(file.name for file in folder.glob("*.csv"))
    return near_miss(name, files) or "put the table beside the scenario"


def _read_origins(path: Path, shown: str) -> Table:
    """Read a table of origins."""
    return read_csv(
        path, shown, columns=ORIGIN_COLUMNS, optional=("basis",), key=("origin",), within="origins"
    )


def _read_demand(path: Path, shown: str) -> Table:
    """Read a table of demand."""
    return read_csv(
        path, shown, columns=DEMAND_COLUMNS, key=DEMAND_COLUMNS[:3], within="demand_rps"
    )


def _read_rtt(path: Path, shown: str) -> Table:
    """Read a table of round trips."""
    return read_csv(path, shown, columns=RTT_COLUMNS, key=RTT_COLUMNS[:2], within="rtt_ms")


def _fill_origins(table: Table, filled: Filled) -> dict[str, Any]:
    """Return origins by code, numbers as numbers."""
    origins: dict[str, Any] = {}
    for row in table.rows:
        code = row.fields["origin"]
        origins.setdefault(code, {n: _typed(n, t) for n, t in row.fields.items() if n != "origin"})
        filled.places.setdefault(("origins", code), (table.file, row.line))
    return origins


def _fill_rtt(table: Table, filled: Filled) -> dict[str, Any]:
    """Return round trips by both ends."""
    rtt: dict[str, Any] = {}
    for row in table.rows:
        start, end = row.fields["from"], row.fields["to"]
        rtt.setdefault(start, {}).setdefault(end, _number(row, "rtt_ms"))
        for path in (("rtt_ms", start), ("rtt_ms", start, end)):
            filled.places.setdefault(path, (table.file, row.line))
    return rtt


def _fill_demand(table: Table, filled: Filled) -> dict[str, Any]:
    """Return demand by service and origin, in the order of the calendar's hours."""
    hours = _hours(filled.data)
    given: dict[tuple[str, str], dict[Any, Row]] = {}
    for row in table.rows:
        pair = (row.fields["service"], row.fields["origin"])
        given.setdefault(pair, {}).setdefault(_number(row, "hour_utc"), row)
    demand: dict[str, Any] = {}
    for (service, origin), rows in given.items():
        path = ("demand_rps", service, origin)
        first = next(iter(rows.values()))
        filled.places.setdefault(path[:2], (table.file, first.line))
        filled.places.setdefault(path, (table.file, first.line))
        faults = _hour_faults(table.file, path, rows, hours)
        filled.faults += faults
        if faults:
            filled.spoilt.add(path)
        kept = [hour for hour in hours if hour in rows]
        for position, hour in enumerate(kept):
            filled.places[(*path, position)] = (table.file, rows[hour].line)
        values = [_number(rows[hour], "demand_rps") for hour in kept]
        demand.setdefault(service, {})[origin] = values
    return demand


def _hour_faults(
    file: str, path: DocumentPath, rows: dict[Any, Row], hours: list[Any]
) -> list[Fault]:
    """Say which hours are missing or not planned for."""
    place = ".".join(map(str, path))
    extra = [
        Fault(
            file,
            row.line,
            place,
            f"the hour {quoted(hour)} is not one of the calendar's hours",
            "take the row out, or add the hour to calendar.hours_utc",
        )
        for hour, row in rows.items()
        if hour not in hours
    ]
    missing = [str(hour) for hour in hours if hour not in rows]
    if not missing:
        return extra
    message = f"no row for hour {', '.join(missing)}"
    line = next(iter(rows.values())).line
    return [*extra, Fault(file, line, place, message, "give every hour of the calendar")]


def _hours(data: dict[str, Any]) -> list[Any]:
    """Return the calendar's hours as written, or the default ones."""
    calendar = data.get("calendar")
    hours = calendar.get("hours_utc") if isinstance(calendar, dict) else None
    return hours if isinstance(hours, list) else list(Calendar().hours_utc)


def _typed(column: str, text: str) -> int | float | str:
    """Return a field as its column wants it."""
    return text if column in _TEXT_COLUMNS else number_or_text(text)


def _number(row: Row, column: str) -> int | float | str | None:
    """Return a field as a number where it is one; None where it is empty."""
    return number_or_text(row.fields[column]) if column in row.fields else None


_Read = Callable[[Path, str], Table]
_Fill = Callable[[Table, Filled], dict[str, Any]]
_TABLES: dict[str, tuple[_Read, _Fill]] = {
    "origins": (_read_origins, _fill_origins),
    "demand_rps": (_read_demand, _fill_demand),
    "rtt_ms": (_read_rtt, _fill_rtt),
}
