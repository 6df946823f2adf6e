"""Whether pods can be packed, against a search of every placement."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from planner.problem.arrays import Ints
from planner.problem.packing_rows import rounding_rows
from planner.problem.vector_packing import packed
from tests.oracles.packing import all_fit

Case = tuple[Ints, Ints, Ints]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw sizes, pods and servers with three resources, the last of them pods."""
    services = draw(st.integers(1, 4))
    size = [[draw(st.integers(0, 7)), draw(st.integers(1, 7)), 1] for _ in range(services)]
    pods = [draw(st.integers(0, 4)) for _ in range(services)]
    kinds = [[draw(st.integers(3, 20)), draw(st.integers(3, 20)), draw(st.integers(1, 6))]]
    kinds.append([draw(st.integers(3, 20)), draw(st.integers(3, 20)), draw(st.integers(1, 6))])
    servers = np.repeat(np.array(kinds), [draw(st.integers(0, 3)), draw(st.integers(0, 2))], axis=0)
    return np.array(size), np.array(pods), servers


def by_trial(size: Ints, pods: Ints, servers: Ints) -> bool:
    return all_fit(size.tolist(), pods.tolist(), servers.tolist())


@given(cases())
def test_the_answer_is_that_of_every_placement(case: Case) -> None:
    assert packed(*case).can == by_trial(*case)


@given(cases(), st.lists(st.integers(0, 5), min_size=4, max_size=4))
def test_every_packing_keeps_the_rows(case: Case, others: list[int]) -> None:
    size, pods, servers = case
    answer, other = packed(*case), np.array(others[: len(pods)])
    weight, room = rounding_rows(size, servers)
    if answer.weight is not None:
        assert np.array(answer.weight) @ pods > answer.room
    if by_trial(size, other, servers):
        assert (weight @ other <= room).all()
        assert answer.weight is None or np.array(answer.weight) @ other <= answer.room


def test_two_servers_of_ten_cores() -> None:
    size, two = np.array([[5], [10]]), np.array([[10], [10]])
    assert packed(size, np.array([2, 1]), two).can
    assert packed(size, np.array([3, 1]), two).can is False


def test_pods_of_eight_services_on_two_hundred_servers_are_decided() -> None:
    rng = np.random.default_rng(3)
    cpu, memory = (
        rng.choice([250, 500, 1500, 4000, 9000], 8),
        rng.choice([512, 2048, 3000, 12000], 8),
    )
    size = np.column_stack([cpu, memory, np.ones(8, int)])
    servers = np.repeat([[15500, 60000, 110]], 200, axis=0)
    share = rng.dirichlet(np.ones(8))
    full = (share[:, None] * size).sum(axis=0) / servers.sum(axis=0)
    for fill in (0.9, 0.95, 1.0):
        assert (
            packed(size, np.floor(share * fill / full.max()).astype(int), servers).can is not None
        )
