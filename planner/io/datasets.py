"""The tables that travel with the toolkit (see ``datasets/SOURCES.md``)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from planner.model.rtt_tables import RttTables, rtt_tables

PACKAGE = Path(__file__).resolve().parent.parent


def dataset_folder() -> Path:
    """Return the folder of the tables: inside the installed package, or beside it in a checkout.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileNotFoundError
        If neither place has the tables: the installation is incomplete.

    Examples
    --------
    >>> (dataset_folder() / "origins.csv").is_file()
    True
    """
    for folder in (PACKAGE / "datasets", PACKAGE.parent / "datasets"):
        if (folder / "origins.csv").is_file():
            return folder
    raise FileNotFoundError(f"the tables are missing: no datasets/origins.csv beside {PACKAGE}")


def read_table(name: str) -> pd.DataFrame:
    """Read one table; Namibia's code `NA` stays a text and empty numbers become NaN.

    Parameters
    ----------
    name : str
        File name, such as ``rtt.csv``, or the name without its ending.

    Returns
    -------
    DataFrame
        One row a line; columns in which every filled field is a number are numeric, the others
        are texts (empty where the field is).

    Raises
    ------
    ValueError
        If there is no such table; the message lists them.

    Examples
    --------
    >>> origins = read_table("origins").set_index("country")
    >>> origins.loc["NA", "name"]
    'Namibia'
    """
    folder = dataset_folder()
    path = folder / (name if name.endswith(".csv") else f"{name}.csv")
    if path.parent != folder or not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.csv")))
        raise ValueError(f"no table {name!r}; there are {known}")
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], encoding="utf-8")
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    table[texts] = table[texts].fillna("")
    return table


@cache
def read_rtt_tables() -> RttTables:
    """Read the measured round trips that `planner.latency.rtt` estimates from.

    Returns
    -------
    RttTables
        Read once in the life of the process; its arrays are read-only.

    Examples
    --------
    >>> len(read_rtt_tables().probes)
    245
    """
    names = ("sites", "rtt", "rtt_factors", "rtt_lines")
    return rtt_tables(*(read_table(name) for name in names))
