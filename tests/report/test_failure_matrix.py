"""The failure matrix shows what the judge found, state by state."""

from __future__ import annotations

import numpy as np

from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.problem.build import build_problem
from planner.report.charts import failure_matrix
from planner.studies.main_job import optimize, simulate


def test_every_state_and_service_is_written_down() -> None:
    scenario = read_scenario("tests/data/good/small.yaml")
    problem = build_problem(scenario, failure_states(scenario, order=2))
    result = simulate(problem, optimize(problem))
    ax = failure_matrix(result)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert set(names) == set(problem.axes.states)
    promised = int(problem.must_survive.sum())
    kept = {problem.axes.states[k] for k in np.flatnonzero(problem.must_survive)}
    assert set(names[:promised]) == kept
    table = result.failure_matrix
    written = {
        (round(text.get_position()[1] - 0.5), round(text.get_position()[0] - 0.5)): text.get_text()
        for text in ax.texts
    }
    for row, name in enumerate(names):
        for column, service in enumerate(problem.axes.services):
            share = 100 * table.loc[name, service]
            assert float(written[row, column]) == np.round(share, 1)
