"""The rows of a sweep as tables: one line a variant, and which field moves the objective."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from planner.problem.arrays import Floats
from planner.studies.sweep_rows import SweepRow
from planner.studies.variation import Variants

OBJECTIVE = "objective_usd_month"
FIGURES = (
    *(OBJECTIVE, "bound_usd_month", "gap", "fixed_usd_month", "replicas_usd_month"),
    *("mean_latency_ms", "demand_rps", "headroom_factor", "limited_by"),
    *("worst_state", "worst_unserved_share", "worst_p95_over_limit", "unserved_share"),
    *("active_regions", "replicas"),
)
_COUNTS = ("active_regions", "replicas")

DRIVERS = (
    "field",
    "fields",
    "low",
    "high",
    "objective_rank_correlation",
    "no_plan_rank_correlation",
)


def row_table(rows: Sequence[SweepRow], names: Sequence[str]) -> pd.DataFrame:
    """Return one line a variant.

    Parameters
    ----------
    rows : sequence of SweepRow
        By number.
    names : sequence of str
        Name of each value.

    Returns
    -------
    DataFrame
        `variant`, a column for each varied field, `status`, figures (empty without a plan),
        ``replicas.SERVICE.REGION``, and in `message` why there is no plan or what makes the worst
        state so.
    """
    columns: dict[str, Any] = {"variant": [row.variant for row in rows]}
    for place, name in enumerate(names):
        columns[name] = _column([row.settings[place] for row in rows])
    columns["status"] = [row.status for row in rows]
    for name in FIGURES:
        values = [row.figures.get(name) for row in rows]
        columns[name] = pd.array(values, dtype="Int64") if name in _COUNTS else _column(values)
    for service, region in _pairs(rows):
        count = [row.replicas.get(service, {}).get(region) for row in rows]
        columns[f"replicas.{service}.{region}"] = pd.array(count, dtype="Int64")
    columns["message"] = [row.message for row in rows]
    return pd.DataFrame(columns)


def _pairs(rows: Sequence[SweepRow]) -> list[tuple[str, str]]:
    """Return services and regions that any row has, in order of appearance."""
    return list(
        dict.fromkeys((s, r) for row in rows for s, each in row.replicas.items() for r in each)
    )


def _column(values: list[Any]) -> list[Any]:
    """Return values of one kind: numbers, truth values, or else texts; lists as JSON."""
    there = [value for value in values if value is not None]
    if all(isinstance(value, bool | str) for value in there) and len({type(v) for v in there}) < 2:
        return values
    if all(_is_number(value) for value in there):
        whole = all(isinstance(value, int) for value in values)
        return values if whole else [math.nan if v is None else float(v) for v in values]
    return [None if v is None else v if isinstance(v, str) else json.dumps(v) for v in values]


def _is_number(value: Any) -> bool:
    """Return whether a value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def driver_table(rows: Sequence[SweepRow], variants: Variants) -> pd.DataFrame:
    """Return how each varied field goes with the objective, and with having no plan.

    Parameters
    ----------
    rows : sequence of SweepRow
        Those that are finished.
    variants : Variants
        What was varied.

    Returns
    -------
    DataFrame
        `field`, how many `fields` its path addresses, `low` and `high` of its values (None where
        they have no order), Spearman's rank correlation with the objective over variants that have
        one, and with having no plan over all that are scenarios; the one that moves the objective
        most comes first. NaN where either side is always the same, or there are fewer than three.

    Notes
    -----
    A rank correlation sees what rises or falls throughout; a field whose middle is best has none.
    In a sample every field is drawn for itself, so the fields do not stand in for each other.
    """
    planned = np.array([row.figures.get(OBJECTIVE) is not None for row in rows], dtype=bool)
    valid = np.array([row.status not in ("invalid", "failed") for row in rows], dtype=bool)
    objective = np.array([row.figures.get(OBJECTIVE, math.nan) for row in rows], dtype=float)
    lines = []
    for place, one in enumerate(variants.varied):
        values = [row.settings[place] for row in rows]
        ordered = bool(values) and all(isinstance(v, int | float) for v in values)
        x = np.array(values if ordered else [math.nan] * len(values), dtype=float)
        lines.append(
            (
                *(one.name, len(one.paths)),
                *((min(values), max(values)) if ordered else (None, None)),
                _rank_correlation(x[planned], objective[planned]),
                _rank_correlation(x[valid], (~planned[valid]).astype(float)),
            )
        )
    table = pd.DataFrame(lines, columns=list(DRIVERS))
    size = table[DRIVERS[4]].abs().fillna(-1.0)
    return table.loc[size.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def _rank_correlation(x: Floats, y: Floats) -> float:
    """Return Spearman's rank correlation; NaN where there is none."""
    if len(x) < 3 or np.isnan(x).any() or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(spearmanr(x, y).statistic)
