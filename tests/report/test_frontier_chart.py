"""The chart of the frontier shows every point, every level and every knee."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.report.frontier_chart import WORDS, frontier_chart
from planner.report.style import figure_files
from planner.studies.frontier import LEVELS

TABLE = pd.DataFrame(
    [
        ("none", 100.0, 60.0, False),
        ("none", 120.0, 40.0, True),
        ("none", 200.0, 30.0, False),
        ("N-1", 150.0, 55.0, False),
        ("N-1", 240.0, 31.0, False),
    ],
    columns=["survive", "cost_usd_month", "mean_latency_ms", "knee"],
)


def test_every_level_has_its_words() -> None:
    assert list(WORDS) == list(LEVELS)


def test_points_knees_and_units_are_drawn() -> None:
    ax = frontier_chart(TABLE, "here")
    assert "USD" in ax.get_xlabel()
    assert ax.get_ylabel().endswith("ms")
    assert ax.get_title(loc="left").startswith("here: to survive any region costs 50 % more")
    dots = {line.get_label(): line for line in ax.lines if line.get_label() in WORDS.values()}
    for level, points in TABLE.groupby("survive"):
        line = dots[WORDS[str(level)]]
        assert list(line.get_xdata()) == list(points.cost_usd_month)
        assert list(line.get_ydata()) == list(points.mean_latency_ms)
    assert [t.get_text() for t in ax.texts] == ["knee: 120 USD, 40.0 ms"]
    legend = ax.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == [WORDS["none"], WORDS["N-1"]]


def test_a_single_point_and_the_same_bytes() -> None:
    one = TABLE.iloc[3:4]
    first, second = (figure_files({"f": frontier_chart(one)}) for _ in range(2))
    assert first == second
    assert frontier_chart(one).get_title(loc="left") == "55 ms at least cost, 55 ms at most"


def test_only_least_costs_are_compared() -> None:
    capped = TABLE.assign(epsilon_ms=[float("nan"), 40.0, 30.0, float("nan"), 31.0])
    assert frontier_chart(capped).get_title(loc="left") == "to survive any region costs 50 % more"
    title = frontier_chart(capped.drop(index=3)).get_title(loc="left")
    assert "%" not in title
    assert "stopped" in title


def test_it_draws_where_it_is_told() -> None:
    ax = frontier_chart(TABLE)
    other = frontier_chart(TABLE.iloc[:3], ax=ax)
    assert other is ax
    with pytest.raises(KeyError):
        frontier_chart(TABLE.drop(columns="knee"))
