"""Members that sets share, against sets."""

from __future__ import annotations

import numpy as np
import pytest

from planner.overlaps import overlaps


@pytest.mark.parametrize("seed", range(20))
def test_they_are_what_sets_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = int(rng.integers(1, 40))
    one, other = (rng.random((int(rng.integers(1, 9)), members)) < 0.5 for _ in range(2))
    sets = [[set(np.flatnonzero(row).tolist()) for row in family] for family in (one, other)]
    assert overlaps(one, other).tolist() == [[len(a & b) for b in sets[1]] for a in sets[0]]
