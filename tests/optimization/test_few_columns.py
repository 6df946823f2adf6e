"""The last steps over few columns keep what they keep over all of them."""

from __future__ import annotations

import numpy as np
import pytest

from planner.optimization import few_columns
from planner.optimization.backups import spare_share
from planner.optimization.candidates import judged
from planner.optimization.columns import order_columns
from planner.optimization.search import search
from planner.optimization.static import static_program
from planner.optimization.steered import finished
from planner.optimization.stopping import Stop
from tests.oracles.instances import random_problem


@pytest.mark.parametrize("seed", [1, 4, 11, 12, 13])
def test_the_plan_costs_the_same_and_keeps_its_promises(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(few_columns, "_MANY_COLUMNS", 0)
    problem = random_problem(seed, steering="static")
    static = static_program(problem, order_columns(problem), 0)
    stop = Stop(30.0)
    found = search(static, 1e-6, stop).best
    assert found is not None
    few = few_columns.few_columns(static, found)
    assert few.kept.size < few.count
    begins = {
        (static.columns.group[c], static.columns.order[c, 0]) for c in np.flatnonzero(found.share)
    }
    kept = {(static.columns.group[c], static.columns.order[c, 0]) for c in few.kept}
    assert kept == begins
    done = finished(static, found, found.objective * (1 + 1e-6), 1e-6, stop)
    again = judged(static, done.replicas, done.share)
    assert again is not None
    assert again.objective == pytest.approx(done.objective)
    assert done.objective <= found.objective * (1 + 1e-6)
    assert (done.replicas == found.replicas).all()
    assert spare_share(static, done) >= spare_share(static, found) - 1e-6
