"""The nearest end of a curve of 95th percentiles, against brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.optimization.epsilon import epsilon_program
from planner.optimization.stopping import NEVER, Stop
from planner.optimization.tail_cap import limit_grid_ms
from planner.problem.arrays import Problem
from planner.studies import axes
from planner.studies.axes import mean_axis, tail_axis
from planner.studies.curve import trace_curve
from tests.optimization.test_tail_cap import drawn, least_cost

GAP = 1e-9


def with_a_cheap_region_far_away(seed: int) -> Problem:
    """Return a small problem whose cheapest region is three seconds away from everybody."""
    problem = drawn(seed)
    network, cost = problem.network, problem.cost_usd_month.copy()
    far = int((cost.sum(axis=0) + problem.fixed_cost_usd_month).argmin())
    points, latency = network.point_rtt_ms.copy(), problem.latency_ms.copy()
    points[:, :, far] += 3000.0
    latency[:, :, far] += 3000.0
    cost[:, far] *= 0.2
    network = replace(network, point_rtt_ms=points)
    return replace(problem, network=network, latency_ms=latency, cost_usd_month=cost)


@pytest.mark.parametrize("seed", [3000, 3004, 3010, 3016])
def test_the_nearest_end_keeps_the_least_limit_of_all_also_from_seconds_away(seed: int) -> None:
    problem = with_a_cheap_region_far_away(seed)
    axis = tail_axis(epsilon_program(problem), gap=GAP, time_limit_s=60.0, stop=NEVER)
    nearest = axis.nearest()
    assert nearest is not None
    grid = limit_grid_ms()
    at = int(np.flatnonzero(grid == nearest[1])[0])
    assert np.isfinite(least_cost(problem, float(grid[at])))
    assert np.isinf(least_cost(problem, float(grid[at - 1])))
    curve = trace_curve(axis, points=8, gap=1e-3, stop=NEVER)
    assert axis.value(curve.plans[-1]) <= nearest[1]
    for plan in curve.plans:
        wanted = least_cost(problem, axis.value(plan))
        assert plan.cost_usd_month == pytest.approx(wanted, rel=2e-3)


def test_the_cheap_end_without_which_there_is_no_curve_may_take_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[float] = []

    def told(*_: object, stop: Stop, **__: object) -> None:
        given.append(stop.left_s())

    monkeypatch.setattr(axes, "efficient", told)
    program = epsilon_program(drawn(3000))
    for axis in (mean_axis, tail_axis):
        each = axis(program, gap=GAP, time_limit_s=10.0, stop=NEVER)
        for cap_ms in (50.0, np.inf):
            each.at(cap_ms, None)  # type: ignore[arg-type]
    assert given == pytest.approx([10.0, 30.0, 10.0, 30.0], abs=1.0)
