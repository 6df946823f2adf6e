"""CSV tables in: rows that remember their lines, every fault with its line.

A table is UTF-8, comma-separated, with one header row.  Fields are text until their form says
otherwise; ``NA`` is Namibia and never a missing number.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from planner.errors import Fault, InvalidInput
from planner.io.nodes import resolved
from planner.io.texts import read_text
from planner.model.finding import dotted, near_miss, quoted, shorten


@dataclass(frozen=True)
class Row:
    """One row of a table: its line in the file and its fields that are not empty."""

    line: int
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table that was read.

    Attributes
    ----------
    file : str
        Name of the file in faults.
    rows : tuple of Row
        Rows whose length fits the header and whose key is filled in.
    faults : tuple of Fault
        What is wrong with it.
    """

    file: str
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...] = ()


def read_csv(
    path: Path,
    shown: str,
    *,
    columns: tuple[str, ...],
    optional: tuple[str, ...] = (),
    key: tuple[str, ...] = (),
    within: str = "",
) -> Table:
    """Read a CSV table and say everything that is wrong with its form.

    Parameters
    ----------
    path : Path
        The file; at most 5 MB of UTF-8.
    shown : str
        Its name in faults.
    columns, optional : tuple of str
        Columns that must, and that may, be there; in any order.
    key : tuple of str
        Columns that name a row; no two rows may agree in all of them.
    within : str
        Path of the table in the document that names it; begins the paths of its rows.

    Returns
    -------
    Table
        Rows and faults; without rows where the file or its header cannot be read.
    """
    try:
        text = read_text(path, shown)
    except InvalidInput as error:
        return Table(shown, (), error.faults)
    lines, faults = _records(text, shown)
    if not lines:
        cure = f"begin with the header {','.join(columns)}"
        return Table(shown, (), (*faults, Fault(shown, None, "", "is empty", cure)))
    header = [name.strip() for name in lines[0][1]]
    wrong = list(_header_faults(header, lines[0][0], shown, columns, optional))
    if wrong:
        return Table(shown, (), (*faults, *wrong))
    if len(lines) == 1 and not faults:
        faults.append(Fault(shown, lines[0][0], "", "has a header but no rows", "add rows"))
    rows = tuple(_rows(lines[1:], header, shown, faults))
    faults += _missing_keys(rows, shown, key)
    rows = tuple(row for row in rows if all(name in row.fields for name in key))
    faults += _duplicates(rows, shown, key, within)
    return Table(shown, rows, tuple(faults))


def number_or_text(text: str) -> int | float | str:
    """Return a number where the field has the form of one, else the text as it stands.

    Examples
    --------
    >>> [number_or_text(field) for field in ("12", "1e3", "1_000", "NA", "true")]
    [12, 1000.0, '1_000', 'NA', 'true']
    """
    value = resolved(text)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


def _records(text: str, shown: str) -> tuple[list[tuple[int, list[str]]], list[Fault]]:
    """Split into records with the line each begins in; blank lines are skipped."""
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    records: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for fields in reader:
            if fields:
                records.append((line, fields))
            line = reader.line_num + 1
    except csv.Error as error:
        cure = "close every quote and double the quotes inside a quoted field"
        return records, [Fault(shown, line, "", f"not CSV: {error}", cure)]
    return records, []


def _header_faults(
    header: list[str],
    line: int,
    shown: str,
    columns: tuple[str, ...],
    optional: tuple[str, ...],
) -> Iterator[Fault]:
    """Say which columns are missing, unknown or given twice."""
    known = (*columns, *optional)
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        cure = "separate the columns with commas"
        yield Fault(shown, line, "", "the header has one column only", cure)
        return
    missing = [name for name in columns if name not in header]
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            message = f"the column {quoted(name)} is there twice"
            yield Fault(shown, line, shorten(name), message, "drop one")
        if name not in known:
            free = [column for column in known if column not in header]
            cure = near_miss(name, free) or "take it out"
            missing = [column for column in missing if cure != f"did you mean '{column}'?"]
            yield Fault(shown, line, shorten(name), f"unknown column {quoted(name)}", cure)
    for name in missing:
        yield Fault(shown, line, name, f"the column '{name}' is missing", "add it to the header")


def _rows(
    records: list[tuple[int, list[str]]], header: list[str], shown: str, faults: list[Fault]
) -> Iterator[Row]:
    """Pair fields with columns; note rows that are too short or too long."""
    for line, fields in records:
        if len(fields) == len(header):
            pairs = zip(header, (field.strip() for field in fields), strict=True)
            yield Row(line, {name: field for name, field in pairs if field})
        else:
            length = "short" if len(fields) < len(header) else "long"
            message = f"the row is too {length}: {len(fields)} fields for {len(header)} columns"
            cure = "leave no field out; quote a field that holds a comma"
            faults.append(Fault(shown, line, "", message, cure))


def _missing_keys(rows: tuple[Row, ...], shown: str, key: tuple[str, ...]) -> Iterator[Fault]:
    """Say which rows do not say what they are about."""
    for row in rows:
        for name in key:
            if name not in row.fields:
                yield Fault(shown, row.line, name, f"the field '{name}' is empty", "fill it in")


def _duplicates(
    rows: tuple[Row, ...], shown: str, key: tuple[str, ...], within: str
) -> Iterator[Fault]:
    """Say which rows are about the same thing."""
    first: dict[tuple[str, ...], int] = {}
    for row in rows:
        own = tuple(row.fields[name] for name in key)
        if own in first and own:
            message = f"{', '.join(map(quoted, own))} is given already in line {first[own]}"
            path = dotted((within, *own) if within else own)
            yield Fault(shown, row.line, path, message, "keep one of the two")
        first.setdefault(own, row.line)
