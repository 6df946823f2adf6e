"""The growing program: right on models that a broken solver got wrong, and silent."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from planner.errors import PlannerError
from planner.optimization.highs_answers import solver_version
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.rows import rows
from planner.optimization.stopping import Stop


@dataclass(frozen=True)
class Small:
    """A small dense model and its optimum."""

    cost: list[float]
    lower: list[float]
    upper: list[float]
    integer: list[int]
    matrix: list[list[float]]
    row_lower: list[float]
    row_upper: list[float]
    optimum: float


INF = float("inf")

# Issues of HiGHS: 1.14.0 answered 10000 to the first and 200.01 to the last.
WRONG_IN_1_14 = {
    "3094": Small(
        cost=[0, 0, 0, 0, 10, 8],
        lower=[0] * 6,
        upper=[1, 1, 1000, 1000, 1000, 1000],
        integer=[1, 1, 0, 0, 0, 0],
        matrix=[
            [-1000, 0, 1, 0, 0, 0],
            [0, -1000, 0, 1, 0, 0],
            [0, 0, 1, 0, 1, 0],
            [0, 0, 0, 1, 0, 1],
            [1, 1, 0, 0, 0, 0],
        ],
        row_lower=[-INF, -INF, 1000, 1000, -INF],
        row_upper=[0, 0, 1000, 1000, 1],
        optimum=8000,
    ),
    "3043": Small(
        cost=[2, 3],
        lower=[0, 0],
        upper=[10, 10],
        integer=[0, 1],
        matrix=[[1, 1]],
        row_lower=[4.5],
        row_upper=[INF],
        optimum=9,
    ),
    "3073": Small(
        cost=[100, 0.01, 0],
        lower=[0, -INF, 0.45],
        upper=[INF, INF, 3],
        integer=[0, 0, 1],
        matrix=[[1, 0, 1], [0, 1, -1], [0, 1, 1]],
        row_lower=[3, 0, 0],
        row_upper=[3, INF, INF],
        optimum=0.03,
    ),
}


def ours(model: Small, *, presolve: str = "off") -> MilpResult:
    program = Milp()
    for cost, low, up, whole in zip(
        model.cost, model.lower, model.upper, model.integer, strict=True
    ):
        program.add_columns(cost, low, up, integer=bool(whole))
    matrix = np.array(model.matrix)
    row, column = np.nonzero(matrix)
    program.add_rows(rows(model.row_lower, model.row_upper, row, column, matrix[row, column]))
    if presolve != "off":
        return solved_with_presolve(program)
    return program.integral(Stop(10.0), 0.0)


def solved_with_presolve(program: Milp) -> MilpResult:
    """The fault of 1.14 was in presolve, which the planner itself leaves off."""
    highs = program._highs
    program.integral(Stop(10.0), 0.0)
    highs.clearSolver()
    highs.setOptionValue("presolve", "on")
    highs.run()
    value = highs.getInfo().objective_function_value
    return MilpResult("optimal", np.asarray(highs.getSolution().col_value), value, value)


def by_scipy(model: Small) -> float:
    found = milp(
        model.cost,
        integrality=model.integer,
        bounds=Bounds(model.lower, model.upper),
        constraints=LinearConstraint(model.matrix, model.row_lower, model.row_upper),
    )
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("issue", WRONG_IN_1_14)
@pytest.mark.parametrize("presolve", ["off", "on"])
def test_models_that_highs_1_14_got_wrong(issue: str, presolve: str) -> None:
    model = WRONG_IN_1_14[issue]
    found = ours(model, presolve=presolve)
    assert found.objective == pytest.approx(model.optimum, rel=1e-6)
    assert by_scipy(model) == pytest.approx(model.optimum, rel=1e-6)
    assert found.x is not None
    assert found.x @ np.array(model.cost) == pytest.approx(model.optimum, rel=1e-6)


@pytest.mark.parametrize("broken", ["1.14.0", "1.14.7"])
def test_the_broken_series_is_refused(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr("planner.optimization.highs_answers.version", lambda name: broken)
    with pytest.raises(PlannerError, match=r"1\.14 returns wrong optima"):
        Milp()
    assert solver_version() == f"HiGHS {broken}"


@pytest.mark.parametrize("sound", ["1.13.1", "1.15.1", "1.140.0"])
def test_other_series_are_not(monkeypatch: pytest.MonkeyPatch, sound: str) -> None:
    monkeypatch.setattr("planner.optimization.highs_answers.version", lambda name: sound)
    assert Milp().columns == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_program_may_grow_by_rows_and_columns_between_solves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program, cost = Milp(), np.empty(0)
    matrix, need = np.empty((0, 0)), np.empty(0)
    for _ in range(6):
        new = rng.uniform(1, 5, 3)
        index = program.add_columns(new, 0.0, 4.0)
        assert index.tolist() == list(range(cost.size, cost.size + 3))
        cost = np.concatenate([cost, new])
        block = rng.uniform(0, 1, (2, cost.size)) * (rng.random((2, cost.size)) < 0.7)
        right = block.sum(axis=1) * rng.uniform(0.2, 0.9, 2)
        row, column = np.nonzero(block)
        program.add_rows(rows(right, [INF, INF], row, column, block[row, column]))
        old = np.zeros((matrix.shape[0], cost.size))
        old[:, : matrix.shape[1]] = matrix
        matrix, need = np.vstack([old, block]), np.concatenate([need, right])
        found = program.relaxation(Stop(10.0))
        again = linprog(cost, -matrix, -need, bounds=(0, 4), method="highs")
        assert found.objective == pytest.approx(again.fun, rel=1e-7)
        assert found.row_dual is not None
        assert found.reduced_cost is not None
        # Strong duality: rows at their right side, columns at their upper bound.
        upper = np.minimum(found.reduced_cost, 0.0)
        assert need @ found.row_dual + 4 * upper.sum() == pytest.approx(again.fun, rel=1e-6)
    assert program.cost.tolist() == cost.tolist()
    assert (program.columns, program.row_count) == (18, 12)


def test_bounds_of_columns_and_rows_can_change_and_change_back() -> None:
    program = Milp()
    x = program.add_columns([1.0, 2.0], 0.0, 10.0, integer=True)
    row = program.add_rows(rows(4.5, INF, [0, 0], x, [1.0, 1.0]))
    assert program.integral(Stop(5.0), 0.0).objective == pytest.approx(5)
    program.bound_columns(x[:1], 0.0, 2.0)
    assert program.bounds(x)[1].tolist() == [2, 10]
    assert program.integral(Stop(5.0), 0.0).objective == pytest.approx(2 + 2 * 3)
    assert program.relaxation(Stop(5.0)).objective == pytest.approx(2 + 2 * 2.5)
    program.bound_rows(row, 13.0, INF)
    assert program.integral(Stop(5.0), 0.0).status == "infeasible"
    program.bound_columns(x[:1], 0.0, 10.0)
    program.bound_rows(row, 4.5, INF)
    assert program.integral(Stop(5.0), 0.0).objective == pytest.approx(5)


def test_an_infeasible_program_is_said_to_be_so_and_recovers() -> None:
    program = Milp()
    x = program.add_columns([1.0, 1.0], 0.0, 1.0)
    program.add_rows(rows(1.5, INF, [0, 0], x, [1.0, 1.0]))
    assert program.relaxation(Stop(5.0)).objective == pytest.approx(1.5)
    program.bound_columns(x, 0.0, 0.5)
    found = program.relaxation(Stop(5.0))
    assert (found.status, found.x, found.bound) == ("infeasible", None, INF)
    program.bound_columns(x, 0.0, 1.0)
    assert program.relaxation(Stop(5.0)).objective == pytest.approx(1.5)


def test_a_start_is_taken_and_a_limit_leaves_an_honest_bound() -> None:
    rng = np.random.default_rng(3)
    count = 120
    weight, value = rng.integers(100, 1000, (5, count)).astype(float), rng.uniform(1, 2, count)
    program = Milp()
    x = program.add_columns(-value, 0.0, 1.0, integer=True)
    row, column = np.nonzero(weight)
    room = weight.sum(axis=1) / 2
    program.add_rows(rows(room * 0 - INF, room, row, column, weight[row, column]))
    start = np.zeros(count)
    start[:40] = 1.0
    relaxed = program.relaxation(Stop(10.0)).objective
    found = program.integral(Stop(0.2), 0.0, start=start)
    assert found.objective <= -value[:40].sum() + 1e-9
    assert relaxed - 1e-6 <= found.bound <= found.objective
    assert found.x is not None
    assert (weight @ found.x[x] <= room + 1e-6).all()


def knapsacks() -> Milp:
    """Five knapsacks over 120 things: a tree of many nodes."""
    rng = np.random.default_rng(3)
    weight = rng.integers(100, 1000, (5, 120)).astype(float)
    program = Milp()
    program.add_columns(-rng.uniform(1, 2, 120), 0.0, 1.0, integer=True)
    row, column = np.nonzero(weight)
    room = weight.sum(axis=1) / 2
    program.add_rows(rows(room * 0 - INF, room, row, column, weight[row, column]))
    return program


def test_a_limit_counts_from_each_search_with_integers_anew() -> None:
    program = knapsacks()
    program.integral(Stop(0.5), 0.0)
    assert program._highs.getRunTime() > 0.3
    program.integral(Stop(0.2), 0.0)
    assert program._highs.getOptionValue("time_limit")[1] <= 0.2
    clock_s = program._highs.getRunTime()
    program.relaxation(Stop(0.2))
    assert program._highs.getOptionValue("time_limit")[1] > clock_s


def test_enough_nodes_end_a_search_at_the_same_place_in_every_run() -> None:
    one, two = (knapsacks().integral(Stop(60.0).sooner(nodes=20), 0.0) for _ in range(2))
    assert one.status == "limit"
    assert one.x is not None
    assert two.x is not None
    assert (one.objective, one.bound) == (two.objective, two.bound)
    assert np.array_equal(one.x, two.x)


def test_a_bound_that_is_enough_ends_a_search() -> None:
    relaxed = knapsacks().relaxation(Stop(60.0)).objective
    found = knapsacks().integral(Stop(60.0).sooner(bound=relaxed), 0.0)
    assert found.status == "limit"
    assert relaxed - 1e-6 <= found.bound < found.objective


def test_points_on_the_way_are_told_each_better_than_the_one_before() -> None:
    rng = np.random.default_rng(0)
    program = Milp()
    x = program.add_columns(-rng.uniform(1, 2, 60), 0.0, 1.0, integer=True)
    weight = rng.uniform(5, 50, 60)
    program.add_rows(rows(-INF, 300.0, np.zeros(60), x, weight))
    found = program.integral(Stop(10.0), 0.0)
    assert found.x is not None
    values = [float(program.cost @ point) for point in found.points]
    assert len(values) >= 2
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(found.objective)
    assert all(weight @ point <= 300 + 1e-6 for point in found.points)


def test_rows_gather_entries_of_one_row_from_anywhere() -> None:
    block = rows([1.0, 2.0, 3.0], INF, [2, 0, 2, 0], [3, 1, 0, 2], [5.0, 0.0, 4.0, 7.0])
    assert block.start.tolist() == [0, 1, 1, 3]
    assert block.column.tolist() == [2, 0, 3]
    assert block.value.tolist() == [7, 4, 5]


def test_nothing_is_printed() -> None:
    code = (
        "from planner.optimization.milp import Milp\n"
        "from planner.optimization.rows import rows\n"
        "from planner.optimization.stopping import Stop\n"
        "p = Milp()\n"
        "x = p.add_columns([1.0, 1.0], 0.0, 9.0, integer=True)\n"
        "p.add_rows(rows(2.5, 100.0, [0, 0], x, [1.0, 1.0]))\n"
        "assert p.relaxation(Stop(1.0)).objective == 2.5\n"
        "assert p.integral(Stop(1.0), 0.0).objective == 3\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_what_the_solver_refuses_is_an_error_and_shifts_no_rows() -> None:
    program = Milp()
    column = program.add_columns([1.0], 0.0, 1.0)
    with pytest.raises(PlannerError, match="the solver refuses rows with numbers beyond"):
        program.add_rows(rows(-np.inf, 1.0, [0], column, [1e303]))
    with pytest.raises(PlannerError, match="the solver refuses columns"):
        program.add_columns([0.0], np.inf, np.inf)
    assert (program.row_count, program.columns) == (0, 1)


def test_costs_of_another_length_than_the_columns_are_refused() -> None:
    program = Milp()
    column = program.add_columns([1.0, 2.0, 3.0], 0.0, 1.0)
    with pytest.raises(ValueError, match="differ in length"):
        program.price_columns(column, np.zeros(2))
