"""Static steering as a whole: what it says where the search ends early."""

from __future__ import annotations

import numpy as np
import pytest

from planner.errors import Infeasible, SolverStopped
from planner.optimization import static_search
from planner.optimization.search import Found
from planner.optimization.static_search import search_static
from planner.optimization.stopping import Stop
from tests.benchmarks.generators import survivable_capacity


@pytest.mark.parametrize(("bound", "error"), [(np.inf, Infeasible), (812.5, SolverStopped)])
def test_what_the_host_names_have_proven_is_said_where_the_whole_runs_out_of_time(
    bound: float, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = survivable_capacity(1, 4, 6, 2, 1, steering="static")
    monkeypatch.setattr(static_search, "separable", lambda _: True)
    monkeypatch.setattr(static_search, "steered_by_blocks", lambda *_: (None, bound))
    monkeypatch.setattr(static_search, "search", lambda *_, **__: Found(None, -np.inf, True))
    with pytest.raises(error):
        search_static(problem, 1e-3, Stop(60.0), 0)
