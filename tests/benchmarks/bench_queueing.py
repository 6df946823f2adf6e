"""Time the queueing formulas on arrays against a plain recursion in Python.

Run as ``python tests/benchmarks/bench_queueing.py``. The peer computes Erlang B pair by pair with
the textbook recursion on a sample of the same pairs; its time is scaled up to the whole array.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from planner.latency.queueing import (
    capacity_rps,
    erlang_b,
    sojourn_quantile_ms,
)

SEED = 7
SAMPLE = 2000
ROUNDS = 3


def recursion(servers: int, offered_erlangs: float) -> float:
    """Erlang B by 1/B(k) = 1 + (k/a) / B(k - 1)."""
    inverse = 1.0
    for k in range(1, servers + 1):
        inverse = 1.0 + k / offered_erlangs * inverse
    return 1.0 / inverse


def seconds(call: Callable[[], object]) -> float:
    """Least wall time of several rounds."""
    best = np.inf
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return float(best)


def blocking_row(pairs: int, most_servers: int) -> str:
    """One line: array time, peer time, ratio and largest relative difference."""
    generator = np.random.default_rng(SEED)
    servers = generator.integers(1, most_servers + 1, pairs)
    load = servers * generator.uniform(0.5, 1.2, pairs)
    sample = min(pairs, SAMPLE, 20_000_000 // most_servers)
    peer_pairs = list(zip(servers[:sample].tolist(), load[:sample].tolist(), strict=True))
    peer = seconds(lambda: [recursion(c, a) for c, a in peer_pairs]) * pairs / sample
    ours = seconds(lambda: erlang_b(servers, load))
    exact = np.array([recursion(c, a) for c, a in peer_pairs])
    kept = exact > np.finfo(np.float64).tiny
    apart = np.max(np.abs(erlang_b(servers[:sample], load[:sample])[kept] / exact[kept] - 1))
    times = f"{ours:>9.3f} {peer:>11.2f} {peer / ours:>7.0f}"
    return f"{pairs:>10,} {most_servers:>8,} {times} {apart:>9.1e}"


def solver_row(name: str, pairs: int, service_cv2: float) -> str:
    """One line: quantiles or capacities per second."""
    generator = np.random.default_rng(SEED)
    servers = generator.integers(1, 201, pairs)
    load = servers * generator.uniform(0.1, 0.99, pairs) * 25.0
    limit = generator.uniform(130.0, 400.0, pairs)
    if name == "sojourn_quantile_ms":
        took = seconds(
            lambda: sojourn_quantile_ms(0.95, servers, load, 40.0, service_cv2=service_cv2)
        )
    else:
        took = seconds(lambda: capacity_rps(0.95, limit, servers, 40.0, service_cv2=service_cv2))
    return f"{name:<22} {service_cv2:>4.1f} {pairs:>10,} {took:>9.3f} {pairs / took:>12,.0f}"


def main() -> None:
    print("erlang_b against a plain recursion (time of the peer scaled from a sample)")
    print(f"{'pairs':>10} {'c up to':>8} {'ours s':>9} {'peer s':>11} {'ratio':>7} {'apart':>9}")
    for pairs, most in ((1_000, 200), (100_000, 200), (1_000_000, 200), (1_000_000, 10_000)):
        print(blocking_row(pairs, most))
    print()
    print(f"{'solver':<22} {'Cs²':>4} {'size':>10} {'seconds':>9} {'per second':>12}")
    for name in ("sojourn_quantile_ms", "capacity_rps"):
        for pairs, cv2 in ((10_000, 1.0), (100_000, 1.0), (10_000, 2.0)):
            print(solver_row(name, pairs, cv2))


if __name__ == "__main__":
    main()
