"""Reader for the text format of REPETITA: a graph with capacities, and demands between nodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from planner.optimization.rows import Floats, Ints


def read_graph(text: str) -> tuple[Ints, Floats]:
    """Return tail and head of each directed link, shape (A, 2), and its capacity, shape (A,)."""
    lines = text.splitlines()
    edges = _section(lines, "EDGES")
    ends = np.array([[int(word) for word in line[1:3]] for line in edges], dtype=np.int64)
    return ends, np.array([float(line[4]) for line in edges])


def read_demands(text: str, nodes: int) -> Floats:
    """Return the demand from each node to each other, shape (V, V); the unit is the file's."""
    demand = np.zeros((nodes, nodes))
    for _, tail, head, wanted in _section(text.splitlines(), "DEMANDS"):
        demand[int(tail), int(head)] += float(wanted)
    return demand


def read_network(folder: Path, name: str, demand_set: int) -> tuple[Ints, Floats, Floats]:
    """Return links, capacities and demands of a network and one of its demand sets."""
    graph = (folder / f"repetita-{name}.graph").read_text(encoding="utf-8")
    ends, capacity = read_graph(graph)
    nodes = len(_section(graph.splitlines(), "NODES"))
    demands = (folder / f"repetita-{name}.{demand_set:04d}.demands").read_text(encoding="utf-8")
    return ends, capacity, read_demands(demands, nodes)


def duplex_failures(ends: Ints) -> list[tuple[int, ...]]:
    """Return the directed links that fail together: all between the same two nodes, both ways."""
    pairs: dict[tuple[int, int], list[int]] = {}
    for index, (tail, head) in enumerate(ends.tolist()):
        pairs.setdefault((min(tail, head), max(tail, head)), []).append(index)
    return [tuple(links) for links in pairs.values()]


def _section(lines: list[str], word: str) -> list[list[str]]:
    """Return the words of each line of a section; the line after its head names the columns."""
    first = next(i for i, line in enumerate(lines) if line.split()[:1] == [word])
    count = int(lines[first].split()[1])
    body = [line.split() for line in lines[first + 2 : first + 2 + count]]
    if len(body) != count or not all(body):
        raise ValueError(f"the section {word} has {count} lines")
    return body
