"""A million failure states of 100 components, enumerated and sampled, against plain loops.

Run as ``python tests/benchmarks/bench_states.py``. The components are regions with drawn
unavailabilities; the order is 4, so 4,087,976 combinations are possible. The peer of the
enumeration walks them with itertools, multiplies and sorts, and has no table of what is down at the
end; the peer of the sample asks a random number for each component, on a part of the draws, and its
time is scaled up. Memory is the peak of the whole process, in a process of its own. The goal is 5 s
and 1 GB.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import time
from resource import RUSAGE_SELF, getrusage

import numpy as np

from planner.failures.combinations import count_combinations
from planner.failures.components import Components, components
from planner.failures.states import failure_states, sampled_states
from planner.io.scenarios import read_scenario
from planner.model.failure import Failure
from planner.model.scenario import Scenario

SEED = 7
SIZE = 100
ORDER = 4
SAMPLES = 1_000_000
PEER_SAMPLES = 20_000
CUTOFF = 7e-10
"""Leaves about a million of the combinations."""


def scenario(low: float, high: float) -> Scenario:
    """Draw 100 regions whose unavailabilities are log-uniform in [low, high]."""
    taiwan = read_scenario("taiwan")
    generator = np.random.default_rng(SEED)
    down = np.exp(generator.uniform(np.log(low), np.log(high), SIZE))
    tokyo = taiwan.regions["tokyo"]
    regions = {
        f"r{i}": tokyo.model_copy(update={"failure": Failure(mtbf_h=1 / q - 1, mttr_h=1.0)})
        for i, q in enumerate(down.tolist())
    }
    return taiwan.model_copy(update={"regions": regions, "links": {}})


def enumerated() -> dict[str, float]:
    """Enumerate, and walk the same with itertools."""
    given = scenario(1e-3, 2e-2)
    started = time.perf_counter()
    states = failure_states(given, ORDER, CUTOFF, kinds=["region"])
    seconds = time.perf_counter() - started
    peak = peak_mib()
    started = time.perf_counter()
    kept = walked(components(given, ["region"]))
    peer = time.perf_counter() - started
    assert len(kept) == len(states)
    return {"states": len(states), "seconds": seconds, "peak_mib": peak, "peer": peer}


def walked(parts: Components) -> list[tuple[float, tuple[int, ...]]]:
    """List the states above the cut-off, one combination after the other, the likely ones first."""
    odds, base = parts.odds.tolist(), parts.all_up_probability
    kept = []
    for size in range(ORDER + 1):
        for combination in itertools.combinations(range(SIZE), size):
            probability = base
            for component in combination:
                probability *= odds[component]
            if probability > CUTOFF or not size:
                kept.append((-probability, combination))
    kept.sort()
    return kept


def sampled() -> dict[str, float]:
    """Sample, and draw a part of it with a loop."""
    given = scenario(5e-2, 2e-1)
    started = time.perf_counter()
    states = sampled_states(given, SAMPLES, SEED, kinds=["region"])
    seconds = time.perf_counter() - started
    peak = peak_mib()
    parts, draw = components(given, ["region"]), random.Random(SEED).random
    down = parts.unavailability.tolist()
    started = time.perf_counter()
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(PEER_SAMPLES):
        lost = tuple(n for n, q in enumerate(down) if draw() < q)
        seen[lost] = seen.get(lost, 0) + 1
    peer = (time.perf_counter() - started) * SAMPLES / PEER_SAMPLES
    return {"states": len(states), "seconds": seconds, "peak_mib": peak, "peer": peer}


def peak_mib() -> float:
    """Largest memory that this process has had."""
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    if sys.argv[1:]:
        print(json.dumps(enumerated() if sys.argv[1] == "enumerated" else sampled()))
        return
    print(f"{count_combinations(np.arange(SIZE), ORDER):,} combinations are possible\n")
    print("| states | number | ours, s | peak, MiB | plain loop, s | ratio |")
    print("|---|---|---|---|---|---|")
    for how in ("enumerated", "sampled"):
        done = subprocess.run(
            [sys.executable, __file__, how], capture_output=True, text=True, check=True
        )
        figures = json.loads(done.stdout)
        print(
            f"| {how} | {figures['states']:,} | {figures['seconds']:.2f} "
            f"| {figures['peak_mib']:.0f} | {figures['peer']:.1f} "
            f"| {figures['peer'] / figures['seconds']:.0f}× |"
        )


if __name__ == "__main__":
    main()
