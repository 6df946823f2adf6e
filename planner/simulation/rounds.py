"""Rounds of loss recovery: rows of a mixture are repeated for each of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.latency.loss import LEAST_TIMEOUT_MS, recovery
from planner.problem.arrays import Bools, Floats, Ints
from planner.simulation.mixture import Mixture

LEAST_PROBABILITY = 1e-5
"""Rarer rounds are left out and their probability goes to the others."""


def with_rounds(
    made: Mixture,
    source: Ints,
    loss_share: Floats,
    count: float,
    rtt_ms: Floats,
    touched: Bools | None = None,
) -> tuple[Mixture, Ints]:
    """Repeat rows for each round of recovery.

    Parameters
    ----------
    made : Mixture
        F rows.
    source : ndarray of int, shape (F,)
        The stream of each row.
    loss_share : ndarray
        Share of packets lost, by stream.
    count : float
        TCP segments.
    rtt_ms : ndarray, shape (F,)
        Round trip of each row; the first timeout is longer by `LEAST_TIMEOUT_MS`.
    touched : ndarray of bool, shape (C,), optional
        Cases that are delayed, all without it; others stay in the first round.

    Returns
    -------
    mixture : Mixture
        Rows with their delay and their part of each case.
    source : ndarray of int
        The stream of each of its rows.

    Notes
    -----
    Recovery is independent of jitter and of the queue.
    """
    rounds = recovery(loss_share[source], count, rtt_ms + LEAST_TIMEOUT_MS)
    kept = rounds.probability > LEAST_PROBABILITY
    kept[:, 0] |= touched is not None
    probability = np.where(kept, rounds.probability, 0.0)
    probability /= probability.sum(axis=1, keepdims=True)
    row, at = np.nonzero(kept)
    chance = np.ones((source.size, made.cases.probability.size))
    chance = (chance if made.chance is None else made.chance)[row]
    part = probability[row, at][:, None]
    if touched is None:
        chance = chance * part
    else:
        chance = chance * np.where(touched, part, (at == 0)[:, None])
    before = np.zeros(source.size) if made.extra_ms is None else made.extra_ms
    split = replace(
        made,
        group=made.group[row],
        weight=made.weight[row],
        leg_ms=made.leg_ms[row],
        home_ms=made.home_ms[row],
        queue=made.queue[row],
        extra_ms=before[row] + rounds.delay_ms[row, at],
        chance=chance,
    )
    return split, source[row]
