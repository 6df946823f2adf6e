"""The peers of the benchmarks solve the same problem as the oracles."""

from __future__ import annotations

import numpy as np
import pytest

from planner.optimization.columns import order_columns
from tests.benchmarks.peers import solve_enumeration, solve_extensive_form
from tests.oracles import extensive_form
from tests.oracles.instances import random_problem


@pytest.mark.parametrize("seed", range(2000, 2012))
@pytest.mark.parametrize("steering", ["static", "adaptive"])
def test_the_peer_finds_the_optimum_of_the_oracle(seed: int, steering: str) -> None:
    adaptive = steering == "adaptive"
    problem = random_problem(seed, steering="adaptive" if adaptive else "static")
    if not adaptive and order_columns(problem).missing.size:
        pytest.skip("an origin has no order at all")
    peer = solve_extensive_form if adaptive else solve_enumeration
    written, _ = extensive_form.solve(problem)
    found = peer(problem, 1e-9, 60.0)
    assert (found.status == 2) == np.isinf(written)
    assert found.objective == pytest.approx(written, rel=1e-6, abs=1e-6)
