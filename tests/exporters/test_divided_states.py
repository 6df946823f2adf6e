"""States in which a controller divides are those in which the problem's division lets it act."""

from __future__ import annotations

import numpy as np
import pytest

from planner.exporters.divided_states import divided_states
from planner.exporters.steering import promised_states
from planner.failures.states import failure_states
from planner.problem.build import build_problem
from planner.problem.division import divided_replicas
from tests.exporters.ownership import variant


@pytest.mark.parametrize("standby", [None, "tokyo"])
@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_the_problem_divides_in_the_same_states(controller: str, standby: str | None) -> None:
    plan = variant(controller, karmada_failover="on", standby_region=standby)
    problem = build_problem(plan.scenario, failure_states(plan.scenario))
    acts, divided = divided_replicas(problem, plan).acts, divided_states(plan)
    for state in promised_states(plan):
        up = np.array([state.is_up(region) for region in problem.axes.regions])
        (same,) = np.nonzero(problem.must_survive & (problem.region_up == up).all(axis=1))
        assert same.size
        assert set(acts[same]) == {state in divided}
    assert (len(divided) < len(promised_states(plan))) == (standby is None)
