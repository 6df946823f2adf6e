"""Detours against networkx, state by state."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.io.datasets import read_table
from planner.latency.cables import CableGraph, cable_graph
from planner.latency.paths import corridors_down, crossings, detour_ms, modelled

TAIPEI, MANILA, TOKYO, SINGAPORE = (25.05, 121.53), (14.6, 120.98), (35.68, 139.77), (1.35, 103.82)
SYDNEY, MUMBAI = (-33.87, 151.21), (19.07, 72.88)


@pytest.fixture(scope="module")
def cables() -> CableGraph:
    return cable_graph(read_table("cable_segments"), read_table("sites"))


def schematic(size: int, segments: list[tuple[int, int, float, str]]) -> CableGraph:
    """A graph of metros M00, M01, ... along the equator, one degree apart."""
    names = [f"M{i:02d}" for i in range(size)]
    sites = pd.DataFrame(
        {"site": names, "kind": "metro", "latitude_deg": 0.0, "longitude_deg": np.arange(size)}
    )
    rows = [(f"s{i}", names[a], names[b], t, c) for i, (a, b, t, c) in enumerate(segments)]
    columns = ["segment", "from_metro", "to_metro", "rtt_floor_ms", "corridors"]
    return cable_graph(pd.DataFrame(rows, columns=columns), sites)


def by_networkx(graph: CableGraph, cut: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Detours between all metros, one networkx graph a state."""
    whole = graph.networkx()
    added = np.zeros((len(cut), len(graph.metros), len(graph.metros)))
    normal = dict(nx.all_pairs_dijkstra_path_length(whole, weight="rtt_ms"))
    for k, row in enumerate(cut):
        lost = {name for name, down in zip(graph.corridors, row, strict=True) if down}
        left = whole.copy()
        left.remove_edges_from(
            [
                (a, b, key)
                for a, b, key, data in whole.edges(keys=True, data=True)
                if lost & set(data["corridors"])
            ]
        )
        length = dict(nx.all_pairs_dijkstra_path_length(left, weight="rtt_ms"))
        for i, a in enumerate(graph.metros):
            for j, b in enumerate(graph.metros):
                if b in normal[a]:
                    added[k, i, j] = length[a].get(b, np.inf) - normal[a][b]
    return added


def places(graph: CableGraph) -> np.ndarray[Any, Any]:
    return np.column_stack([graph.latitude_deg, graph.longitude_deg])


def without(graph: CableGraph, *lost: str) -> list[list[bool]]:
    return [[corridor in lost for corridor in graph.corridors]]


def test_the_shipped_cables_agree_with_networkx_in_all_states_of_two_corridors(
    cables: CableGraph,
) -> None:
    count = len(cables.corridors)
    sets = [c for size in range(3) for c in combinations(range(count), size)]
    cut = np.array([[c in lost for c in range(count)] for lost in sets])
    found = detour_ms(cables, cut, places(cables), places(cables))
    np.testing.assert_allclose(found, by_networkx(cables, cut), atol=1e-9)
    assert np.isinf(found).any()
    assert (found[0] == 0).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_random_graphs_agree_with_networkx(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, count = 8, int(rng.integers(1, 14))
    segments: list[tuple[int, int, float, str]] = []
    for _ in range(count):
        a, b = rng.choice(size, 2, replace=False).tolist()
        cut_with = " ".join(f"c_{c}" for c in range(4) if rng.random() < 0.3)
        segments.append((a, b, float(rng.uniform(1, 50)), cut_with))
    graph = schematic(size, segments)
    cut = rng.random((12, len(graph.corridors))) < 0.4
    cut[0] = False
    found = detour_ms(graph, cut, places(graph), places(graph))
    np.testing.assert_allclose(found, by_networkx(graph, cut), atol=1e-9)
    base = dict(nx.all_pairs_dijkstra_path_length(graph.networkx(), weight="rtt_ms"))
    joined = [[b in base[a] for b in graph.metros] for a in graph.metros]
    np.testing.assert_array_equal(modelled(graph, places(graph), places(graph)), joined)


def test_taipei_to_manila_without_the_luzon_strait_takes_88_ms(cables: CableGraph) -> None:
    added = detour_ms(cables, without(cables, "luzon-strait"), [TAIPEI], [MANILA, TOKYO])
    assert 49 + added[0, 0, 0] == pytest.approx(88, abs=1)
    assert added[0, 0, 1] == 0


def test_a_parted_pair_is_infinitely_far_and_still_modelled() -> None:
    planned = read_table("cable_segments")["status"] == "planned"
    graph = cable_graph(read_table("cable_segments")[~planned], read_table("sites"))
    cut = without(graph, "singapore-strait")
    assert np.isinf(detour_ms(graph, cut, [SINGAPORE], [TAIPEI]))
    assert modelled(graph, [SINGAPORE], [TAIPEI]).all()


def test_points_out_of_reach_keep_their_round_trip(cables: CableGraph) -> None:
    cut = without(cables, "luzon-strait", "south-china-sea", "singapore-strait")
    points = [SYDNEY, MUMBAI]
    assert modelled(cables, points, [TAIPEI]).tolist() == [[False], [True]]
    assert detour_ms(cables, cut, points, [TAIPEI])[0, 0, 0] == 0
    assert detour_ms(cables, cut, points, [TAIPEI])[0, 1, 0] > 0
    assert modelled(cables, points, [TAIPEI], attach_km=np.inf).all()


@pytest.mark.parametrize(("states", "users", "regions"), [(0, 1, 1), (2, 0, 1), (2, 1, 0)])
def test_no_states_and_no_points_have_no_detours(
    cables: CableGraph, states: int, users: int, regions: int
) -> None:
    cut = np.zeros((states, len(cables.corridors)), dtype=np.bool_)
    found = detour_ms(cables, cut, [TAIPEI] * users, [MANILA] * regions)
    assert found.shape == (states, users, regions)


def test_the_shortest_of_parallel_segments_counts_and_the_next_takes_over() -> None:
    graph = schematic(3, [(0, 1, 9.0, ""), (1, 0, 4.0, "strait"), (1, 2, 1.0, "")])
    added = detour_ms(graph, [[False], [True]], [[0, 0]], [[0, 2], [0, 0]])
    np.testing.assert_allclose(added[:, 0], [[0, 0], [5, 0]])


@given(st.integers(0, 10_000))
def test_segments_cut_by_themselves_agree_with_a_graph_without_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    segments = [
        (*rng.choice(6, 2, replace=False).tolist(), float(rng.uniform(1, 50)), f"c_{n % 3}")
        for n in range(10)
    ]
    graph = schematic(6, [*segments, *((i, i + 1, 500.0, "") for i in range(5))])
    lost = rng.random(15) < 0.3
    lost[10:] = False
    cut = np.array([[False] * len(graph.corridors), rng.random(len(graph.corridors)) < 0.4])
    found = detour_ms(graph, cut, places(graph), places(graph), segments_down=[lost, lost])
    kept = [segment for n, segment in enumerate(segments) if not lost[n]]
    left = schematic(6, [*kept, *((i, i + 1, 500.0, "") for i in range(5))])
    still = [left.corridors.index(c) if c in left.corridors else None for c in graph.corridors]
    cut_left = np.zeros((2, len(left.corridors)), dtype=bool)
    for c, place in enumerate(still):
        if place is not None:
            cut_left[:, place] = cut[:, c]
    lengths = nx_lengths(left) - nx_lengths(graph)
    np.testing.assert_allclose(found, by_networkx(left, cut_left) + lengths, atol=1e-9)


def nx_lengths(graph: CableGraph) -> np.ndarray[Any, Any]:
    """Normal round trips between all metros, which are joined."""
    length = dict(nx.all_pairs_dijkstra_path_length(graph.networkx(), weight="rtt_ms"))
    return np.array([[length[a][b] for b in graph.metros] for a in graph.metros])


@given(st.integers(0, 10_000))
def test_normal_paths_through_a_corridor_agree_with_networkx(seed: int) -> None:
    rng = np.random.default_rng(seed)
    segments = [
        (
            *rng.choice(7, 2, replace=False).tolist(),
            float(rng.uniform(1, 50)),
            " ".join(f"c_{c}" for c in range(4) if rng.random() < 0.3),
        )
        for _ in range(9)
    ]
    graph = schematic(7, segments)
    chosen = rng.random(len(graph.corridors)) < 0.5
    names = {c for c, yes in zip(graph.corridors, chosen, strict=True) if yes}
    whole = graph.networkx()
    expected = np.zeros((len(graph.metros),) * 2, dtype=bool)
    for i, a in enumerate(graph.metros):
        for b, path in nx.single_source_dijkstra_path(whole, a, weight="rtt_ms").items():
            steps = (whole[u][v].values() for u, v in pairwise(path))
            taken = [min(step, key=lambda edge: edge["rtt_ms"]) for step in steps]
            j = graph.metros.index(b)
            expected[i, j] = any(names & set(edge["corridors"]) for edge in taken)
    found = crossings(graph, chosen, places(graph), places(graph))
    np.testing.assert_array_equal(found, expected)


def test_points_out_of_reach_cross_nothing(cables: CableGraph) -> None:
    all_of_them = [True] * len(cables.corridors)
    assert crossings(cables, all_of_them, [SYDNEY, MANILA], [TOKYO]).tolist() == [[False], [True]]


def test_risk_groups_cut_their_corridors(cables: CableGraph) -> None:
    up = [[True, True, True], [False, True, True], [True, False, False]]
    cut = corridors_down(cables, ["luzon-strait", None, "red-sea"], up)
    assert cut.sum(axis=1).tolist() == [0, 1, 0]
    assert cables.corridors[int(cut[1].argmax())] == "luzon-strait"
    assert corridors_down(cables, [], np.ones((2, 0))).shape == (2, len(cables.corridors))


def test_the_networkx_view_has_every_segment(cables: CableGraph) -> None:
    graph = cables.networkx()
    assert graph.number_of_edges() == len(cables.segments) == len(read_table("cable_segments"))
    assert graph.nodes["TPE"]["latitude_deg"] == pytest.approx(25.05)


def test_wrong_tables_and_shapes_are_refused(cables: CableGraph) -> None:
    with pytest.raises(ValueError, match="`corridors_down` must have one column a corridor"):
        detour_ms(cables, [[True]], [TAIPEI], [TOKYO])
    with pytest.raises(ValueError, match="`segments_down` must have a row a state"):
        detour_ms(cables, without(cables), [TAIPEI], [TOKYO], segments_down=[[True]])
    with pytest.raises(ValueError, match="`corridors` must have one value a corridor"):
        crossings(cables, [True], [TAIPEI], [TOKYO])
    with pytest.raises(ValueError, match="`rtt_floor_ms` must be positive"):
        schematic(2, [(0, 1, 0.0, "")])
    with pytest.raises(ValueError, match="`segments` must join two metros"):
        schematic(2, [(1, 1, 1.0, "")])
    with pytest.raises(ValueError, match="`sites` must have every metro"):
        cable_graph(read_table("cable_segments"), read_table("sites").query("site != 'MNL'"))
