"""The failure matrix shows what the judge found, state by state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.report.charts import failure_matrix
from planner.report.style import settle
from planner.simulation.assessment import Assessment
from planner.studies.main_job import optimize, simulate


@pytest.fixture(scope="module")
def judged() -> tuple[Problem, Assessment]:
    scenario = read_scenario("tests/data/good/small.yaml")
    problem = build_problem(scenario, failure_states(scenario, order=2))
    return problem, simulate(problem, optimize(problem))


def test_title_and_labels_lie_within_the_figure_however_long_the_names(
    judged: tuple[Problem, Assessment],
) -> None:
    names = tuple(f"{name}, with much else in its name" for name in judged[1].axes.states)
    for axes in (judged[1].axes, replace(judged[1].axes, states=names)):
        ax = failure_matrix(replace(judged[1], axes=axes))
        settle(ax)
        figure = ax.get_figure(root=True)
        assert figure is not None
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        written = [ax._left_title, ax.xaxis.label, *ax.get_yticklabels(), *ax.get_xticklabels()]  # type: ignore[attr-defined]
        for text in written:
            box = text.get_window_extent(renderer)
            assert figure.bbox.x0 - 1 <= box.x0 < box.x1 <= figure.bbox.x1 + 1, text
            assert figure.bbox.y0 - 1 <= box.y0 < box.y1 <= figure.bbox.y1 + 1, text


def test_every_state_and_service_is_written_down(judged: tuple[Problem, Assessment]) -> None:
    problem, result = judged
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
            share = 100 * table[service].loc[name]
            assert float(written[row, column]) == round(float(share), 1)
