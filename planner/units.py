"""Physical constants and unit conversions.

Units stand in names everywhere else: ``rtt_ms``, ``memory_gib``, ``cost_usd_month``.
"""

from __future__ import annotations

FIBRE_RTT_MS_PER_KM = 0.0098
"""Round trip through fibre, ms per km: 2 × 4.9 µs/km (group index about 1.468)."""

HOURS_PER_MONTH = 730.0
"""Mean hours in a month (8,760 / 12), the figure that cloud price lists use."""

SECONDS_PER_HOUR = 3600.0
SECONDS_PER_MINUTE = 60.0

HOURS_PER_DAY = 24.0

HOURS_PER_YEAR = 8760.0
"""Hours in a year of 365 days."""

MINUTES_PER_YEAR = 525_600.0

KIB_BITS = 1024 * 8
"""Bits in a KiB."""


def gbps_from_payload(rps: float, payload_kib: float) -> float:
    """Return the traffic in Gbit/s of `rps` requests a second of `payload_kib` each.

    Examples
    --------
    >>> round(gbps_from_payload(1000.0, 100.0), 4)
    0.8192
    """
    return rps * payload_kib * KIB_BITS / 1e9
