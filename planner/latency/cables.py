"""The graph of submarine cables: metros, segments between them, corridors they run through."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CableGraph:
    """Metros joined by cable segments.

    Attributes
    ----------
    metros : tuple of str, length M
        Metro codes, sorted.
    latitude_deg, longitude_deg : ndarray, shape (M,)
        Where they are, degrees.
    segments : tuple of str, length N
        Names of the segments; several may join the same two metros.
    ends : ndarray of int, shape (N, 2)
        Indices of the metros at both ends.
    rtt_ms : ndarray, shape (N,)
        Round trip over the segment, ms.
    corridors : tuple of str, length C
        Names with hyphens, as `RiskGroup.corridor` has them, sorted.
    runs_through : ndarray of bool, shape (N, C)
        Whether the segment is cut with the corridor.
    """

    metros: tuple[str, ...]
    latitude_deg: Floats
    longitude_deg: Floats
    segments: tuple[str, ...]
    ends: Ints
    rtt_ms: Floats
    corridors: tuple[str, ...]
    runs_through: Bools

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def networkx(self) -> nx.MultiGraph[str]:
        """Return the same as a multigraph: edges by segment with `rtt_ms` and `corridors`."""
        graph: nx.MultiGraph[str] = nx.MultiGraph()
        for metro, *place in zip(self.metros, self.latitude_deg, self.longitude_deg, strict=True):
            graph.add_node(metro, latitude_deg=float(place[0]), longitude_deg=float(place[1]))
        for n, segment in enumerate(self.segments):
            a, b = (self.metros[end] for end in self.ends[n])
            cut_with = tuple(np.array(self.corridors)[self.runs_through[n]].tolist())
            graph.add_edge(a, b, segment, rtt_ms=float(self.rtt_ms[n]), corridors=cut_with)
        return graph


def cable_graph(segments: pd.DataFrame, sites: pd.DataFrame) -> CableGraph:
    """Build the graph from its tables.

    Parameters
    ----------
    segments : DataFrame
        ``cable_segments.csv``: `segment`, `from_metro`, `to_metro`, `rtt_floor_ms`, `corridors`
        (separated by spaces). Leave out rows for cables that are not to count, such as those
        whose `status` is "planned".
    sites : DataFrame
        ``sites.csv``: `site`, `kind`, `latitude_deg`, `longitude_deg`; rows of kind "metro".

    Returns
    -------
    CableGraph
        Read-only arrays.

    Raises
    ------
    ValueError
        If a metro has no row in `sites`, a segment ends where it began, or a round trip is not a
        positive number.

    Examples
    --------
    >>> from planner.io.datasets import read_table
    >>> graph = cable_graph(read_table("cable_segments"), read_table("sites"))
    >>> "MNL" in graph.metros, "luzon-strait" in graph.corridors
    (True, True)
    """
    rtt = segments["rtt_floor_ms"].to_numpy(dtype=np.float64, copy=True)
    if not (np.isfinite(rtt) & (rtt > 0)).all():
        raise ValueError("`rtt_floor_ms` must be positive")
    names = segments[["from_metro", "to_metro"]].to_numpy(dtype=str)
    if (names[:, 0] == names[:, 1]).any():
        raise ValueError("`segments` must join two metros each")
    metros, ends = np.unique(names, return_inverse=True)
    places = sites[sites["kind"] == "metro"].set_index("site").reindex(pd.Index(metros))
    latitude, longitude = (
        places[column].to_numpy(dtype=np.float64, copy=True)
        for column in ("latitude_deg", "longitude_deg")
    )
    if np.isnan(latitude).any() or np.isnan(longitude).any():
        raise ValueError("`sites` must have every metro of `segments`")
    cut_with = [str(text).replace("_", "-").split() for text in segments["corridors"]]
    corridors = sorted({corridor for one in cut_with for corridor in one})
    through = [[corridor in one for corridor in corridors] for one in cut_with]
    return CableGraph(
        metros=tuple(metros.tolist()),
        latitude_deg=latitude,
        longitude_deg=longitude,
        segments=tuple(segments["segment"].astype(str)),
        ends=ends.reshape(names.shape).astype(np.int64),
        rtt_ms=rtt,
        corridors=tuple(corridors),
        runs_through=np.array(through, dtype=np.bool_).reshape(len(names), len(corridors)),
    )
