"""Witnesses and excuses in words."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np

from planner.optimization.excuse import Excuse
from planner.optimization.reasons import excuse_reason, witness_reason
from planner.optimization.resolved import Interval, Value, dearer
from planner.optimization.witness import Witness
from planner.problem.arrays import Problem

AXES = SimpleNamespace(
    services=("api",),
    regions=("taipei", "tokyo"),
    states=("all up", "taipei down"),
    hours=(0, 1, 2, 14),
    hosts=("api.example",),
    origins=("TW",),
)
PROBLEM = cast(
    Problem,
    SimpleNamespace(
        axes=AXES,
        min_replicas=np.array([[2, 2]]),
        cost_usd_month=np.array([[30.0, 30.0]]),
        host_of_service=np.array([0]),
    ),
)
ALONE = Witness(
    service=0,
    region=1,
    replicas=5,
    kinds=("load",),
    sets=(((1, 0),), ((1, 1),), ((1, 2), (1, 3)), ((0, 3), (1, 3))),
    without=4,
    without_states=2,
    keeps_promises=5,
    dearer=None,
    latency_usd_month=0.0,
    lost_usd_month=0.0,
    proven=True,
)


def test_hours_of_a_state_stand_together_and_clashes_are_said() -> None:
    assert witness_reason(PROBLEM, ALONE) == (
        "needed by 'taipei down' at 00:00 to 01:00 UTC, 02:00 with 14:00 UTC; "
        "'all up' at 14:00 UTC with 'taipei down' at 14:00 UTC. "
        "Without that 4, without 'taipei down' and 'all up' at any hour 2"
    )


def test_all_that_is_violated_is_named() -> None:
    every = replace(ALONE, kinds=("load", "packing", "minimum"), sets=(((1, 0),),))
    assert witness_reason(PROBLEM, every).startswith(
        "no fewer may run (min_replicas 2), and needed by 'taipei down' at 00:00 UTC, and no other "
        "region has room for one more. Without that 4"
    )


def test_what_is_dearer_says_by_how_much_and_why() -> None:
    dear = replace(
        ALONE,
        kinds=("load", "objective"),
        sets=(((1, 3),),),
        keeps_promises=3,
        dearer=Interval(70.0, 72.0),
        latency_usd_month=101.0,
    )
    text = witness_reason(PROBLEM, dear)
    assert "costs 70.00 to 72.00 USD a month more (latency +101.00, lost requests 0.00" in text
    assert "because of 'taipei down' at 14:00 UTC. Without that 4 at no more cost" in text
    assert text.endswith("Every promise could be kept with 3")
    saving = replace(dear, kinds=("nothing",), sets=(), dearer=Interval(-9.0, -8.0))
    assert "nothing: one fewer keeps every promise and saves 8.00 to 9.00" in witness_reason(
        PROBLEM, saving
    )


def test_what_a_limit_cut_short_gives_no_least_count() -> None:
    text = witness_reason(PROBLEM, replace(ALONE, proven=False))
    assert "Without" not in text
    assert text.endswith("(a limit came before all of it was found)")


def test_every_excuse_has_its_words() -> None:
    for kind in ("lists", "barred", "orders", "pools", "promises", "unknown"):
        assert excuse_reason(PROBLEM, Excuse(0, 1, kind))  # type: ignore[arg-type]
    dear = Excuse(0, 1, "cost", dearer=Interval(310.0, 325.0))
    assert excuse_reason(PROBLEM, dear) == "would cost 310.00 to 325.00 USD a month more"
    cheap = Excuse(0, 1, "cost", dearer=Interval(-3.0, -2.0))
    assert excuse_reason(PROBLEM, cheap).startswith("would save 2.00 to 3.00 USD a month")
    for low, high in ((0.0, 0.0), (-1e-13, -1e-13), (-0.004, 0.004)):
        same = Excuse(0, 1, "cost", dearer=Interval(low, high))
        assert excuse_reason(PROBLEM, same) == "would cost the same"


def test_a_difference_that_is_a_rounding_of_the_sums_is_none() -> None:
    one = Value(2916.6400000000003, 2916.64)
    assert dearer(one, Value(2916.64, 2916.6400000000003)) == Interval(0.0, 0.0)
    assert dearer(Value(np.inf, 5.0), Value(4.0, 3.0)) == Interval(1.0, np.inf)
