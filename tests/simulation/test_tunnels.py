"""Paths over the tunnels: the first link is the pair's choice, the rest is the quickest way."""

from __future__ import annotations

import numpy as np
import pytest

from planner.latency.overlay import link_loads_gbps, overlay_rtt
from planner.problem.conditions import Tunnels
from planner.simulation.tunnels import path_loss_share

ENDS = np.array([[0, 1], [1, 2], [2, 3], [1, 3]])
RTT_MS = [[10.0, 10.0, 10.0, 22.0]]
"""From 1 to 3 it is 20 ms by 2 and 22 ms direct: within the margin of 5 ms, so 1 itself goes
direct, but what comes from 0 (which has no link to 3) takes the quickest way."""


def tunnels() -> Tunnels:
    overlay = overlay_rtt(ENDS, RTT_MS, 4, np.full((1, 4, 4), np.inf), margin_ms=5.0)
    return Tunnels(
        links=("a", "b", "c", "d"),
        ends=ENDS,
        capacity_gbps=np.ones((1, 4)),
        loss_share=np.array([[0.1, 0.2, 0.3, 0.4]]),
        rtt_ms=overlay.rtt_ms.copy(),
        next_link=overlay.next_link.copy(),
        way_link=overlay.way_link.copy(),
    )


@pytest.mark.parametrize(
    ("start", "links"), [(0, [0, 1, 2]), (1, [3]), (2, [2])], ids=["relayed", "direct", "neighbour"]
)
def test_losses_are_those_of_the_links_that_carry_the_pair(start: int, links: list[int]) -> None:
    there = tunnels()
    found = path_loss_share(there, np.zeros(1, np.int64), np.array([start]), np.array([3]))
    assert found.item() == pytest.approx(1 - np.prod(1 - there.loss_share[0, links]))


def test_the_same_links_are_loaded_as_by_the_overlay_itself() -> None:
    overlay = overlay_rtt(ENDS, RTT_MS, 4, np.full((1, 4, 4), np.inf), margin_ms=5.0)
    traffic = np.zeros((1, 4, 4))
    traffic[0, 0, 3] = 1.0
    assert link_loads_gbps(overlay, traffic).tolist() == [[1.0, 1.0, 1.0, 0.0]]
