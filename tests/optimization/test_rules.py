"""Rules are mixtures of orders: what a target does on loss is what the mixture does."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cli.exits import ExitCode, exit_code
from planner.errors import TooManyRules
from planner.model.policy import DnsRules
from planner.optimization import rules as module
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.rules import grid_percents, plackett_luce, rule_columns
from planner.problem.arrays import Problem
from tests.oracles.instances import random_problem
from tests.oracles.ruled import Rule


@given(percents=st.lists(st.integers(1, 97), min_size=2, max_size=5), data=st.data())
def test_the_mixture_is_the_renormalisation_in_every_state(
    percents: list[int], data: st.DataObject
) -> None:
    lost = data.draw(st.integers(0, len(percents) - 1))
    orders, weight = plackett_luce(np.array([percents], float), lost + 1)
    assert weight.sum() == pytest.approx(1.0)
    down = data.draw(st.sets(st.sampled_from(range(len(percents))), min_size=lost, max_size=lost))
    served = np.zeros(len(percents))
    for order, part in zip(orders, weight[0], strict=True):
        served[next(r for r in order if r not in down)] += part
    alive = np.array([0 if r in down else p for r, p in enumerate(percents)])
    np.testing.assert_allclose(served, alive / alive.sum(), atol=1e-12)


@pytest.mark.parametrize(("step", "regions"), [(10, 2), (10, 3), (25, 3), (50, 3), (100, 1)])
def test_the_grid_holds_every_vector_once(step: int, regions: int) -> None:
    steps = range(step, 101, step)
    expected = [p for p in product(steps, repeat=regions) if sum(p) == 100]
    assert [tuple(row) for row in grid_percents(step, regions).tolist()] == expected


RULES = st.builds(
    DnsRules,
    kind=st.just("percents"),
    grid_percent=st.sampled_from([20, 25, 50]),
    regions=st.integers(2, 3),
    on_loss=st.sampled_from(["renormalised", "next"]),
)


def columns_of(seed: int) -> tuple[Problem, OrderColumns]:
    problem = random_problem(seed, services=2, origins=3)
    return problem, order_columns(problem)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), rules=RULES)
def test_every_rule_does_in_each_promised_state_what_its_target_would(
    seed: int, rules: DnsRules
) -> None:
    problem, columns = columns_of(seed)
    if columns.missing.size:
        return
    table = rule_columns(problem, columns, rules)
    np.testing.assert_allclose(np.asarray(table.matrix.sum(axis=0)).ravel(), 1.0)
    group = columns.group
    for q in range(min(table.group.size, 200)):
        column = table.matrix[:, [q]].tocoo()
        orders = [tuple(r for r in row if r >= 0) for row in columns.order[column.row].tolist()]
        assert set(group[column.row].tolist()) == {table.group[q]}
        percents = [(r, int(p)) for r, p in enumerate(table.percent[q]) if p]
        for state in np.flatnonzero(problem.must_survive):
            up = problem.region_up[state].tolist()
            served: dict[int, float] = {}
            for order, part in zip(orders, column.data, strict=True):
                first = next(r for r in order if up[r])
                served[first] = served.get(first, 0.0) + part
            lists = set(orders) if rules.on_loss == "next" else {orders[0]}
            wanted = [acted_out(percents, listed, rules, up) for listed in lists]
            if all(up[r] for r, _ in percents) or rules.on_loss == "renormalised":
                assert any(served == pytest.approx(parts) for parts in wanted)


def acted_out(
    percents: list[tuple[int, int]], listed: tuple[int, ...], rules: DnsRules, up: list[bool]
) -> dict[int, float]:
    return Rule(tuple(percents), listed, rules.on_loss).parts(up)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_lists_are_the_order_columns_that_differ(seed: int) -> None:
    problem, columns = columns_of(seed)
    table = rule_columns(problem, columns, DnsRules(kind="list"))
    assert table.matrix.shape[1] <= columns.host.size
    assert (np.diff(table.matrix.indptr) == 1).all()
    assert (table.matrix.data == 1).all()
    assert set(table.group.tolist()) == set(columns.group.tolist())


def test_too_many_rules_are_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, columns = columns_of(3)
    monkeypatch.setattr(module, "LARGEST", 10)
    with pytest.raises(TooManyRules, match="grid_percent") as caught:
        rule_columns(problem, columns, DnsRules(kind="percents"))
    assert exit_code(caught.value) == ExitCode.BAD_INPUT
