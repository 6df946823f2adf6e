"""The overlay between regions against networkx, pair by pair."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.io.datasets import read_rtt_tables, read_table
from planner.latency.overlay import Overlay, link_loads_gbps, overlay_rtt, relays
from planner.latency.populations import region_rtt

Array = np.ndarray[Any, Any]

TAIPEI, TOKYO, SYDNEY = 0, 1, 2


def loop(
    ends: Array, rtt_ms: Array, regions: int, margin_ms: float, traffic_gbps: Array
) -> tuple[Array, Array, dict[int, float]]:
    """Round trips, first links and link loads of one state, one pair at a time."""
    graph: nx.MultiGraph[int] = nx.MultiGraph()
    graph.add_nodes_from(range(regions))
    for n, (a, b) in enumerate(ends.tolist()):
        if np.isfinite(rtt_ms[n]):
            graph.add_edge(a, b, n, rtt_ms=float(rtt_ms[n]))
    rtt = np.full((regions, regions), np.inf)
    first = np.full((regions, regions), -1)
    load: dict[int, float] = defaultdict(float)
    found: Any = nx.all_pairs_dijkstra(graph, weight="rtt_ms")
    for a, (lengths, paths) in found:
        for b, path in paths.items():
            rtt[a, b] = lengths[b]
            if graph.has_edge(a, b):
                direct = min(edge["rtt_ms"] for edge in graph[a][b].values())
                if direct <= lengths[b] + margin_ms:
                    rtt[a, b], path = direct, [a, b]
            hops: list[Any] = [graph[u][v] for u, v in pairwise(path)]
            steps = [min(hop, key=lambda n: float(rtt_ms[n])) for hop in hops]
            for n in steps:
                load[n] += float(traffic_gbps[a, b])
            first[a, b] = steps[0] if steps else -1
    return rtt, first, load


@given(
    st.integers(0, 2**32),
    st.integers(2, 8),
    st.integers(1, 16),
    st.floats(0, 0.7),
    st.sampled_from([0.0, 5.0, 40.0]),
)
def test_random_overlays_agree_with_networkx(
    seed: int, regions: int, links: int, down: float, margin_ms: float
) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(regions, size=links)
    ends = np.column_stack([a, (a + rng.integers(1, regions, links)) % regions])
    rtt = rng.uniform(1, 100, links) * rng.uniform(1, 1.5, (5, links))
    rtt[rng.random((5, links)) < down] = np.inf
    traffic = rng.uniform(0, 2, (5, regions, regions))
    found = overlay_rtt(ends, rtt, regions, np.ones((5, regions, regions)), margin_ms)
    loads = link_loads_gbps(found, traffic)
    for k in range(5):
        expected, first, load = loop(ends, rtt[k], regions, margin_ms, traffic[k])
        np.testing.assert_allclose(found.rtt_ms[k], expected, atol=1e-9)
        np.testing.assert_array_equal(found.next_link[k], first)
        np.testing.assert_allclose(loads[k], [load[n] for n in range(links)], atol=1e-9)
        np.testing.assert_array_equal(found.rtt_ms[k], found.rtt_ms[k].T)


def public_triangle(margin_ms: float) -> Overlay:
    """Taipei, Tokyo and Sydney joined by tunnels over the public internet of the tables."""
    metros = read_table("sites").query("kind == 'metro'").set_index("site")
    at = metros.loc[["TPE", "TYO", "SYD"]]
    latitude, longitude = (at[f"{c}_deg"].to_numpy() for c in ("latitude", "longitude"))
    rtt = region_rtt(read_rtt_tables(), latitude, longitude, ["TPE", "TYO", "SYD"]).rtt_ms
    ends = [[TAIPEI, TOKYO], [TOKYO, SYDNEY], [TAIPEI, SYDNEY]]
    links = [[rtt[a, b] for a, b in ends]]
    return overlay_rtt(ends, links, 3, np.asarray(rtt)[None], margin_ms)


def test_taipei_to_sydney_is_287_ms_direct_and_146_ms_through_tokyo() -> None:
    (relay,) = relays(public_triangle(10.0))
    assert (relay.ends, relay.via) == ((TAIPEI, SYDNEY), (TOKYO,))
    assert relay.direct_ms == pytest.approx(287.4, rel=0.01)
    assert relay.relayed_ms == pytest.approx(146.2, rel=0.03)


def test_a_relay_must_be_worth_its_margin() -> None:
    gain = relays(public_triangle(0.0))[0].direct_ms - relays(public_triangle(0.0))[0].relayed_ms
    assert relays(public_triangle(gain + 0.1)) == ()
    assert len(relays(public_triangle(gain - 0.1))) == 1


def test_without_links_the_public_internet_carries_everything() -> None:
    direct = np.array([[[0.0, 287.0], [287.0, 0.0]], [[0.0, np.inf], [np.inf, 0.0]]])
    found = overlay_rtt([], np.ones((2, 0)), 2, direct, 10.0)
    np.testing.assert_array_equal(found.rtt_ms, direct)
    assert (found.next_link == -1).all()
    assert relays(found) == ()
    assert link_loads_gbps(found, np.ones((2, 2, 2))).shape == (2, 0)


def test_a_link_that_is_never_up_and_parted_regions_carry_nothing() -> None:
    rtt = np.array([[10.0, np.inf], [np.inf, np.inf]])
    found = overlay_rtt([[0, 1], [1, 2]], rtt, 3, np.zeros((2, 3, 3)), 0.0)
    assert np.isinf(found.rtt_ms[:, 0, 2]).all()
    assert np.isinf(found.rtt_ms[1, 0, 1])
    assert found.next_link[0].tolist() == [[-1, 0, -1], [0, -1, -1], [-1, -1, -1]]
    np.testing.assert_array_equal(link_loads_gbps(found, np.ones((2, 3, 3))), [[2, 0], [0, 0]])


def test_the_regions_between_forward_and_do_not_choose_again() -> None:
    # 1 to 3 alone would stay on its link of 7.9 ms; the way from 0 goes on through 2.
    ends = [[0, 1], [1, 2], [2, 3], [1, 3], [0, 3]]
    found = overlay_rtt(ends, [[1.0, 1.0, 2.0, 7.9, 10.0]], 4, np.zeros((1, 4, 4)), 5.0)
    assert found.rtt_ms[0, 1, 3] == 7.9
    assert found.rtt_ms[0, 0, 3] == 4.0
    assert relays(found)[0].via == (1, 2)
    traffic = np.zeros((1, 4, 4))
    traffic[0, 0, 3] = 3.0
    assert link_loads_gbps(found, traffic).tolist() == [[3.0, 3.0, 3.0, 0.0, 0.0]]


def test_what_does_not_fit_is_refused() -> None:
    zeros = np.zeros((1, 2, 2))
    with pytest.raises(ValueError, match="`link_rtt_ms` must have one column a link"):
        overlay_rtt([[0, 1]], [1.0], 2, zeros, 0.0)
    with pytest.raises(ValueError, match="`direct_rtt_ms` must have regions by regions"):
        overlay_rtt([[0, 1]], [[1.0]], 3, zeros, 0.0)
    with pytest.raises(ValueError, match="`margin_ms` must not be negative"):
        overlay_rtt([[0, 1]], [[1.0]], 2, zeros, float("nan"))
    with pytest.raises(ValueError, match="`link_ends` must be two regions each"):
        overlay_rtt([[0, 2]], [[1.0]], 2, zeros, 0.0)
    with pytest.raises(ValueError, match="`link_ends` must be two regions each"):
        overlay_rtt([[1, 1]], [[1.0]], 2, zeros, 0.0)
    for rtt in (0.0, -1.0, np.nan, 1e7):
        with pytest.raises(ValueError, match="`link_rtt_ms` must be from 1e-06 to 1e"):
            overlay_rtt([[0, 1]], [[rtt]], 2, zeros, 0.0)
    found = overlay_rtt([[0, 1]], [[1.0]], 2, zeros, 0.0)
    with pytest.raises(ValueError, match="`traffic_gbps` must have regions by regions"):
        link_loads_gbps(found, np.ones((2, 2)))
    with pytest.raises(ValueError, match="`traffic_gbps` must not be negative"):
        link_loads_gbps(found, -np.ones((1, 2, 2)))
