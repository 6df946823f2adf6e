"""What targets do on loss, against the plan and against counting by hand."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.exporters.realised import (
    Drawn,
    HostRules,
    Renormalised,
    cluster_rows,
    realised_csv,
    realised_rows,
    tiers,
    whole_weights,
)
from planner.exporters.steering import HostSteering, State, host_steering, promised_states
from tests.exporters.plans import HOSTS, USERS, small_plan

REGIONS = "abcde"


def states(depth: int) -> list[State]:
    return [
        State("-".join(lost), lost) for n in range(depth + 1) for lost in combinations(REGIONS, n)
    ]


@st.composite
def divided(draw) -> HostSteering:
    """A country that follows up to five orders, with whole shares of a hundred."""
    orders = draw(
        st.lists(st.permutations(REGIONS).map(tuple), min_size=1, max_size=5, unique=True)
    )
    parts = draw(st.lists(st.integers(1, 100), min_size=len(orders), max_size=len(orders)))
    shares = {o: p / sum(parts) for o, p in zip(orders, parts, strict=True)}
    return HostSteering("api", {"TW": shares}, orders[0], shares)


@given(divided(), st.integers(0, 4))
def test_tiers_do_what_the_plan_asks_in_every_state_up_to_their_depth(steering, depth):
    rule = tiers(steering, "TW", states(depth), 1_000_000)
    for state in states(depth):
        want = steering.shares("TW", state)
        assert rule.shares(state) == pytest.approx(want, abs=2e-6)


@given(divided())
def test_drawn_orders_do_what_the_plan_asks_in_every_state(steering):
    weights = whole_weights(steering.countries["TW"], 1_000_000)
    rule = Drawn(tuple((weight, order) for order, weight in weights))
    for state in states(4):
        assert rule.shares(state) == pytest.approx(steering.shares("TW", state), abs=3e-6)


@given(divided(), st.integers(1, 3))
def test_all_rules_share_everything_among_survivors(steering, depth):
    weights = whole_weights(steering.shares("TW", State("up", ())), 100)
    for rule in (tiers(steering, "TW", states(1), 100), Renormalised(weights, steering.main_order)):
        for state in states(depth):
            shares = rule.shares(state)
            assert sum(shares.values()) == pytest.approx(1)
            assert not shares.keys() & set(state.lost)


def test_a_weighted_set_alone_is_renormalised_and_so_differs_from_the_plan():
    plan = small_plan()
    steering = host_steering(plan, "api.company.com")
    lost = State("lost.tokyo", ("tokyo",))
    weights = whole_weights(steering.shares("JP", State("up", ())), 10_000)
    assert Renormalised(weights, ()).shares(lost) == {"taipei": 1.0}
    planned = steering.shares("JP", lost)
    assert planned == pytest.approx({"taipei": 2 / 3, "losangeles": 1 / 3})
    rule = tiers(steering, "JP", promised_states(plan), 10_000)
    assert rule.shares(lost) == pytest.approx(planned, abs=1e-4)


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers(1, 1000), min_size=1, max_size=6),
    st.sampled_from([100, 255, 10_000]),
)
def test_whole_weights_sum_to_the_total_and_are_off_by_less_than_one(parts, total):
    shares = {key: part / sum(parts.values()) for key, part in parts.items()}
    weights = dict(whole_weights(shares, total))
    assert sum(weights.values()) == total
    assert all(abs(weights.get(key, 0) - share * total) < 1 for key, share in shares.items())


def rules(plan):
    """Everybody follows the main order."""
    found = []
    for host in plan.hosts:
        steering = host_steering(plan, host)
        main = Drawn(((1, steering.main_order),))
        found.append(
            HostRules(steering, dict.fromkeys(steering.countries, main), steering.main_order)
        )
    return found


def test_rows_hold_the_origins_own_plan_beside_what_its_country_gets():
    plan = small_plan()
    rows = realised_rows(plan, rules(plan), promised_states(plan))
    for host, origins in HOSTS.items():
        for origin, parts in origins.items():
            own = [r for r in rows if (r.state, r.host, r.origin) == ("up", host, origin)]
            want: dict[str, float] = {}
            for share, order in parts:
                cluster = plan.scenario.regions[order.split()[0]].cluster
                want[cluster] = want.get(cluster, 0) + share
            assert {r.cluster: r.planned_share for r in own if r.planned_share} == pytest.approx(
                want
            )
            assert sum(r.realised_share for r in own) == pytest.approx(1)
            assert {r.country for r in own} == {USERS[origin][0]}


def test_clusters_add_up_users_as_counted_by_hand():
    plan = small_plan()
    rows = cluster_rows(plan, realised_rows(plan, rules(plan), promised_states(plan)))
    users = sum(count for _, count in USERS.values())
    taipei = next(r for r in rows if (r.state, r.cluster) == ("up", "taiwan-master"))
    own = USERS["TW"][1] + USERS["HK"][1] + 0.3 * USERS["PH"][1] + USERS["JP"][1] / 3
    assert taipei.planned_share == pytest.approx(own / users)
    for state in promised_states(plan):
        for host in HOSTS:
            shares = [r for r in rows if (r.state, r.host) == (state.name, host)]
            assert sum(r.planned_share for r in shares) == pytest.approx(1)
            assert sum(r.realised_share for r in shares) == pytest.approx(1)


def test_the_table_is_plain_csv():
    plan = small_plan()
    text = realised_csv(realised_rows(plan, rules(plan), promised_states(plan)))
    header, first, *_ = text.splitlines()
    assert header == "state,host,origin,country,cluster,planned_share,realised_share"
    assert first == "up,api.company.com,TW,TW,taiwan-master,1.000000,0.000000"
