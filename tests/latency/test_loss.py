"""Loss recovery against a simulation of single segments."""

from __future__ import annotations

import numpy as np
import pytest

from planner.latency.loss import LEAST_TIMEOUT_MS, ROUNDS, recovery, segments


def simulated_ms(
    rng: np.random.Generator, loss: float, count: int, timeout_ms: float, responses: int
) -> np.ndarray:
    """Send every segment again, after a timeout that doubles, until all have arrived."""
    delay, waiting = np.zeros(responses), np.ones((responses, count), dtype=bool)
    wait = timeout_ms
    while True:
        waiting &= rng.random(waiting.shape) < loss
        late = waiting.any(axis=1)
        if not late.any():
            return delay
        delay[late] += wait
        wait *= 2


@pytest.mark.parametrize(("loss", "payload_kib"), [(0.01, 20.0), (0.05, 4.0), (0.15, 1.0)])
def test_delays_are_those_of_single_segments(loss: float, payload_kib: float) -> None:
    rtt_ms = 120.0
    count = int(segments(payload_kib))
    rng = np.random.default_rng(3)
    seen = simulated_ms(rng, loss, count, rtt_ms + LEAST_TIMEOUT_MS, 200_000)
    found = recovery(loss, count, rtt_ms + LEAST_TIMEOUT_MS)
    for delay, probability in zip(found.delay_ms[:-1], found.probability[:-1], strict=True):
        error = 4 * np.sqrt(probability * (1 - probability) / seen.size) + 1e-9
        assert np.isclose(seen, delay).mean() == pytest.approx(probability, abs=error)
    spread = 4 * seen.std() / np.sqrt(seen.size)
    # The last round stands for all later ones, which are rarer than p^ROUNDS for each segment.
    cut = count * loss**ROUNDS * (rtt_ms + LEAST_TIMEOUT_MS) * 2**ROUNDS
    assert found.mean_ms == pytest.approx(seen.mean(), abs=spread + cut)


def test_without_loss_nothing_is_delayed_and_with_all_everything() -> None:
    none = recovery(0.0, 15, 300.0)
    assert none.probability.tolist() == [1, 0, 0, 0, 0, 0]
    assert none.mean_ms == 0
    assert recovery(1.0, 1, 300.0).mean_ms == 300 * 31


def test_more_loss_and_more_segments_take_longer() -> None:
    loss, count = np.array([[0.0], [0.01], [0.1], [0.3]]), np.array([1, 3, 30])
    mean = recovery(loss, count, 250.0).mean_ms
    assert (np.diff(mean, axis=0) > 0).all()
    assert (np.diff(mean[1:], axis=1) > 0).all()


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((-0.1, 1, 1.0), "`loss_share` must lie between 0 and 1"),
        ((np.nan, 1, 1.0), "`loss_share` must lie between 0 and 1"),
        ((0.1, 0, 1.0), "`count` must be at least 1"),
        ((0.1, 1, -1.0), "`timeout_ms` must be at least 0"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[float, ...], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        recovery(*arguments)
