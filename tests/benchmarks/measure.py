"""Run one measurement in a process of its own, so that memory and time limits are its own."""

from __future__ import annotations

import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from peers import PeerResult
from scipy.optimize._highspy import _core

from planner.optimization.optimize import solve
from planner.problem.arrays import Problem

Figures = dict[str, float]

ENDED_BY = (signal.SIGKILL, signal.SIGTERM, signal.SIGXCPU)
"""A process that takes too much is ended by one of them; other signals are its own crash."""

GRACE_S = 60.0
"""A peer that does not heed its own limit is ended this long after it."""


def apart(script: str, arguments: list[str], limit_s: float) -> Figures | None:
    """Return the figures that a script prints as JSON; None where it was ended.

    A script that breaks breaks the whole benchmark: it must not pass for one that was too slow.
    """
    command = [sys.executable, script, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s + GRACE_S)
    except subprocess.TimeoutExpired:
        return None
    if -done.returncode in ENDED_BY:
        print(f"{' '.join(arguments)}: ended by signal {-done.returncode}", file=sys.stderr)
        return None
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} broke:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def report(figures: Mapping[str, float]) -> None:
    """Print the figures of this process with its peak memory and processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    own = {"peak_mib": used.ru_maxrss / 1024, "cpu_s": used.ru_utime + used.ru_stime}
    print(json.dumps({**figures, **own}))


def ours(problem: Problem, gap: float, limit_s: float = 600.0) -> Figures:
    """Solve with the planner and return time, value, gap and what was decided."""
    started = time.perf_counter()
    found = solve(problem, gap=gap, time_limit_s=limit_s)
    return {
        "seconds": time.perf_counter() - started,
        "objective": found.objective,
        "bound": found.bound,
        "gap": found.gap,
        "replicas": int(found.replicas.sum()),
    }


HEADER = (
    "| problem | ours, s | gap | MiB | peer builds, s | peer solves, s | of it on a core, s | gap "
    "| MiB | peer's objective | ratio |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def row(name: str, mine: Figures | None, peer: Figures | None, peer_limit_s: float) -> str:
    """Return one line of a table: both sides, and how much longer the peer takes.

    A peer that was stopped counts as its limit, and the ratio is then a lower bound.
    """
    if mine is None:
        return f"| {name} | not within the limit | | | | | | | | | |"
    text = f"| {name} | {mine['seconds']:.2f} | {mine['gap']:.1e} | {mine['peak_mib']:.0f} | "
    if peer_limit_s <= 0:
        return text + "not run | | | | | | |"
    if peer is None:
        ratio = peer_limit_s / mine["seconds"]
        return text + f"| ended at {peer_limit_s:.0f} | | | | | ≥ {ratio:.0f}× |"
    stopped = peer["status"] != 0
    counted = peer_limit_s if stopped else peer["seconds"]
    worse = peer["objective"] / mine["objective"] - 1
    solved = f"{'stopped at ' if stopped else ''}{peer['solve_s']:.1f} | {peer['cpu_s']:.1f}"
    ratio_text = f"{'≥ ' if stopped else ''}{counted / mine['seconds']:.1f}×"
    return (
        text + f"{peer['build_s']:.2f} | {solved} | {peer['gap']:.1e} | {peer['peak_mib']:.0f} | "
        f"{worse:+.1e} | {ratio_text} |"
    )


def peers(result: PeerResult) -> Figures:
    """Return the figures of a peer."""
    figures = {k: float(v) for k, v in asdict(result).items()}
    figures["seconds"] = result.build_s + result.solve_s
    figures["gap"] = (result.objective - result.bound) / abs(result.objective)
    return figures


def machine() -> str:
    """Say in a line what was measured with what."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("highspy", "scipy", "numpy"))
    bundled = f"{_core.HIGHS_VERSION_MAJOR}.{_core.HIGHS_VERSION_MINOR}"
    return (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()}, "
        f"Python {platform.python_version()}, {packages} (with HiGHS {bundled} inside scipy)"
    )


def _processor() -> str:
    """Return the processor's own name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
