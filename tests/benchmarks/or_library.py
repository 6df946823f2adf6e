"""Read facility location and p-median problems in the text formats of OR-Library.

J. E. Beasley, "OR-Library: distributing test problems by electronic mail", Journal of the
Operational Research Society 41(11), 1990, doi 10.1057/jors.1990.166.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from planner.optimization.rows import Floats

LIBRARY = Path(__file__).parents[3] / "shared" / "benchmarks"
"""Where the files are: beside the repository, for their licence is not settled."""


@dataclass(frozen=True)
class Instance:
    """A problem as `planner.optimization.location.solve` takes it, and its published optimum."""

    name: str
    fixed_cost: Floats
    capacity: Floats
    demand: Floats
    assignment_cost: Floats
    open_count: int | None
    optimum: float


def read_cap(text: str, capacity: float | None = None) -> tuple[Floats, Floats, Floats, Floats]:
    """Return fixed cost, capacity, demand and assignment cost (customer, facility) of a cap file.

    The word ``capacity`` in the file stands for the given figure.
    """
    words = text.split()
    if capacity is not None:
        words = [str(capacity) if word == "capacity" else word for word in words]
    figures = np.array(words, float)
    facilities, customers = int(figures[0]), int(figures[1])
    places = figures[2 : 2 + 2 * facilities].reshape(facilities, 2)
    lines = figures[2 + 2 * facilities :].reshape(customers, facilities + 1)
    return places[:, 1], places[:, 0], lines[:, 0], lines[:, 1:]


def read_pmed(text: str) -> tuple[Floats, int]:
    """Return the distances between all pairs of nodes, and how many medians are sought.

    A later line for the same pair of nodes takes the place of an earlier one.
    """
    figures = np.array(text.split(), dtype=np.int64)
    nodes, edges, medians = (int(figure) for figure in figures[:3])
    lines = figures[3 : 3 + 3 * edges].reshape(edges, 3)
    length = {(min(i, j) - 1, max(i, j) - 1): float(cost) for i, j, cost in lines.tolist()}
    ends = np.array(list(length))
    graph = csr_array((list(length.values()), (ends[:, 0], ends[:, 1])), shape=(nodes, nodes))
    return np.asarray(dijkstra(graph, directed=False)), medians


def cap(name: str, capacity: float | None = None) -> Instance:
    """Return a cap file as an instance, with the optimum from the list beside it."""
    folder = LIBRARY / "cfl"
    fixed, room, demand, cost = read_cap((folder / f"{name}.txt").read_text(), capacity)
    listed = csv.DictReader((folder / "optimal-values.csv").read_text().splitlines())
    optimum = next(
        float(line["optimum"])
        for line in listed
        if line["instance"] == name and capacity in (None, float(line["capacity_each"] or "nan"))
    )
    title = name if capacity is None else f"{name}, {capacity:.0f}"
    return Instance(title, fixed, room, demand, cost, None, optimum)


def pmed(name: str) -> Instance:
    """Return a p-median file as an instance: every node a customer and a place, none has a cost."""
    folder = LIBRARY / "pmedian"
    distance, medians = read_pmed((folder / f"{name}.txt").read_text())
    listed = csv.DictReader((folder / "optimal-values.csv").read_text().splitlines())
    optimum = next(float(line["p_median_optimum"]) for line in listed if line["instance"] == name)
    count = len(distance)
    free, unlimited, one = np.zeros(count), np.full(count, np.inf), np.ones(count)
    return Instance(name, free, unlimited, one, distance, medians, optimum)


def names(folder: str) -> list[str]:
    """Return the instances of a folder, in the order of their numbers."""
    found = [path.stem for path in (LIBRARY / folder).glob("*.txt")]
    return sorted(found, key=lambda name: (len(name), name))
