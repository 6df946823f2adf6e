"""Shortest paths in failure states: repaired trees against a networkx loop over states.

Run as ``python tests/benchmarks/bench_paths.py``.  60 nodes, 200 links (a ring and chords between
near places, seeded), 2,000 states of two links down, distances between all pairs.  The peers find
every state afresh: networkx with Dijkstra on a simple graph from which the links are taken and put
back (on a multigraph, as users see cables, it is slower: a sample, scaled), scipy with its Dijkstra
in C.  Ours without repair relaxes every node of every state; with it only the nodes below a link
that is down.  All sides run in one process, one after the other, and must agree to 1e-9 ms.  Ours
and scipy run five times: the median counts, and the first is printed beside it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import numpy as np
from measure import machine
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from planner.latency.cables import Bools, Floats
from planner.latency.graph import Graph, arcs_of
from planner.latency.relaxation import relax
from planner.latency.shortest_paths import distances_ms
from planner.latency.trees import shortest_trees

sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))
from paths_loop import all_pairs_ms, simple_all_pairs_ms

Side = Callable[[Graph, Bools], Floats]

SEED = 7
NODES, LINKS, STATES, ORDER = 60, 200, 2000, 2
NEAREST = 11
SAMPLE = 200
ROUNDS = 5
BLOCK = 50


def drawn() -> tuple[Graph, Bools]:
    """Return the graph and the states: places in the unit square, 200 ms across and 1 ms a hop."""
    rng = np.random.default_rng(SEED)
    place = rng.random((NODES, 2))
    away = np.linalg.norm(place[:, None] - place[None], axis=2)
    near = np.argsort(away, axis=1, kind="stable")[:, 1 : NEAREST + 1]
    links = {(n, n + 1) for n in range(NODES - 1)} | {(0, NODES - 1)}
    while len(links) < LINKS:
        a = int(rng.integers(NODES))
        b = int(rng.choice(near[a]))
        links.add((min(a, b), max(a, b)))
    ends = np.array(sorted(links))
    lost = np.array(list(combinations(range(LINKS), ORDER)))
    lost = lost[rng.choice(len(lost), STATES, replace=False)]
    up = np.ones((STATES, LINKS), dtype=np.bool_)
    np.put_along_axis(up, lost, False, axis=1)
    return Graph(NODES, ends, 200 * away[ends[:, 0], ends[:, 1]] + 1), up


def by_networkx(graph: Graph, up: Bools) -> Floats:
    """The loop over states on a simple graph."""
    return simple_all_pairs_ms(graph.nodes, graph.ends, graph.weight_ms, up)


def by_multigraph(graph: Graph, up: Bools) -> Floats:
    """The loop over states on a multigraph."""
    return all_pairs_ms(graph.nodes, graph.ends, np.where(up, graph.weight_ms, np.inf))


def by_scipy(graph: Graph, up: Bools) -> Floats:
    """Dijkstra in C, one call a state."""
    found = np.empty((len(up), graph.nodes, graph.nodes))
    shape = (graph.nodes, graph.nodes)
    for k, row in enumerate(up):
        edges = csr_array((graph.weight_ms[row], graph.ends[row].T), shape=shape)
        found[k] = dijkstra(edges, directed=False)
    return found


def afresh(graph: Graph, up: Bools) -> Floats:
    """Our relaxation with every node of every state open but the sources."""
    found = np.full((len(up), graph.nodes, graph.nodes), np.inf)
    every = np.arange(graph.nodes)
    found[:, every, every] = 0.0
    arcs = arcs_of(graph)
    weight = np.where(up, graph.weight_ms, np.inf)
    for k in range(0, len(up), BLOCK):
        part = slice(k, k + BLOCK)
        relax(arcs, weight[part], found[part], np.flatnonzero(found[part] != 0.0))
    return found


def repaired(graph: Graph, up: Bools) -> Floats:
    """What `planner.latency.paths` does, the trees of the normal state included."""
    return distances_ms(graph, shortest_trees(graph, range(graph.nodes)), up)


OTHERS: dict[str, Side] = {
    "scipy, one call a state": by_scipy,
    "ours without repair": afresh,
    "ours with repair": repaired,
}


def timed(side: Side, graph: Graph, up: Bools, rounds: int) -> tuple[Floats, float, float]:
    """Return the answer, the median and the first wall time."""
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        found = side(graph, up)
        took.append(time.perf_counter() - started)
    return found, float(np.median(took)), took[0]


def main() -> None:
    graph, up = drawn()
    truth, networkx_s, _ = timed(by_networkx, graph, up, 1)
    several, sample_s, _ = timed(by_multigraph, graph, up[:SAMPLE], 1)
    np.testing.assert_allclose(several, truth[:SAMPLE], atol=1e-9)
    sample_s *= STATES / SAMPLE
    print(
        f"{machine()}, networkx {version('networkx')}\n\n"
        "| side | seconds | first call, s | networkx takes |\n|---|---|---|---|\n"
        f"| networkx, multigraph ({SAMPLE} states, scaled) | {sample_s:.2f} | | |\n"
        f"| networkx, simple graph, all {STATES:,} states | {networkx_s:.2f} | | 1× |"
    )
    for name, side in OTHERS.items():
        found, seconds, first = timed(side, graph, up, ROUNDS)
        np.testing.assert_allclose(found, truth, atol=1e-9)
        print(f"| {name} | {seconds:.3f} | {first:.3f} | {networkx_s / seconds:.0f}× |")


if __name__ == "__main__":
    main()
