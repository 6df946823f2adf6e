"""What machines can store in several copies, against trying it object by object."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.exporters.ceph_capacity import capacity, storable

SIZES = st.lists(st.integers(0, 12), min_size=1, max_size=6)


def placed(sizes, replicas):
    """Store objects of one unit, each on the machines with most room, until one does not fit.

    Taking the largest rooms is optimal for copies on distinct machines (it keeps them level).
    """
    room, count = list(sizes), 0
    while True:
        order = sorted(range(len(room)), key=lambda machine: -room[machine])[:replicas]
        if len(order) < replicas or any(room[machine] < 1 for machine in order):
            return count
        for machine in order:
            room[machine] -= 1
        count += 1


@given(SIZES, st.integers(2, 4))
def test_whole_objects_fit_as_many_as_the_formula_says(sizes, replicas):
    assert placed(sizes, replicas) == int(storable(sizes, replicas))


@given(SIZES, st.integers(2, 4), st.integers(0, 5))
def test_more_room_never_stores_less(sizes, replicas, more):
    assert storable([*sizes, more], replicas) >= storable(sizes, replicas)


def test_a_lost_machine_is_the_largest():
    held = capacity({"a": 4.0, "b": 2.0, "c": 2.0, "d": 2.0}, 3)
    assert held.raw_gib == 10.0
    assert held.usable_gib == pytest.approx(3.0)
    assert held.usable_degraded_gib == 2.0
