"""What a plan may cost and how far it may be, at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Goal = Literal["cost", "latency"]

SLACK = 1e-7
"""Relative excess over a cap that counts as none: the solver's own tolerance."""


@dataclass(frozen=True)
class Caps:
    """What cost and latency may be at most.

    Attributes
    ----------
    cost_usd_month : float
        Fixed cost of active regions and replicas, US dollars a month.
    latency_ms : float
        Demand-weighted mean latency, ms.
    p95_ms : float
        95th percentile of all requests of the normal state, ms.
    """

    cost_usd_month: float = np.inf
    latency_ms: float = np.inf
    p95_ms: float = np.inf
