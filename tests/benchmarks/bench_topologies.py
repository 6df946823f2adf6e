"""Least maximum utilisation of REPETITA's networks, and with every single link failed.

Run as ``python tests/benchmarks/bench_topologies.py``; the files are read from the folder given by
``--folder`` (shared/benchmarks/topologies beside the project's root by default). The known value is
0.90. The peer solves the program of each failure anew, built and solved by the same HiGHS without a
basis; both directions of a link fail together. The goal is 5 s for all failures of the network with
30 nodes. Memory is the peak of the whole process.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from measure import Figures, apart, machine, report
from repetita import duplex_failures, read_network

from planner.optimization.utilisation import least_utilisation, utilisation_in_failures

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "benchmarks" / "topologies"
HEADER = (
    "| network, demand set | nodes | least utilisation | proven | s | failures | that cut a demand "
    "off | worst of the others | ours, s | MiB | peer, s | MiB | differ by | ratio |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def measured(which: str, folder: Path, name: str, demand_set: int) -> Figures:
    """Return figures of one side of a line."""
    ends, capacity, demand = read_network(folder, name, demand_set)
    failures = duplex_failures(ends)
    started = time.perf_counter()
    whole = least_utilisation(ends, capacity, demand)
    first_s = time.perf_counter() - started
    started = time.perf_counter()
    if which == "ours":
        found = utilisation_in_failures(ends, capacity, demand, failures)
    else:
        found = [utilisation_in_failures(ends, capacity, demand, [one])[0] for one in failures]
    seconds = time.perf_counter() - started
    value = np.array([one.utilisation for one in found])
    carried = value[np.isfinite(value)]
    return {
        "nodes": len(demand),
        "utilisation": whole.utilisation,
        "bound": whole.bound,
        "first_s": first_s,
        "failures": len(failures),
        "cut": value.size - carried.size,
        "worst": carried.max(),
        "sum": carried.sum(),
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        which, name, demand_set = given.only
        report(measured(which, given.folder, name, int(demand_set)))
        return
    print(f"{machine()}\n\n{HEADER}")
    for name in ("Abilene", "BtAsiaPac", "DeutscheTelekom"):
        for demand_set in ("0", "1"):
            words = ["--folder", str(given.folder), "--only"]
            mine = apart(__file__, [*words, "ours", name, demand_set], 60.0)
            peer = apart(__file__, [*words, "peer", name, demand_set], 60.0)
            if mine is None or peer is None:
                print(f"| {name}, {demand_set} | not within the limit |" + " |" * 12)
                continue
            apart_by = abs(mine["sum"] - peer["sum"]) / peer["sum"]
            print(
                f"| {name}, {demand_set} | {mine['nodes']} | {mine['utilisation']:.6f} "
                f"| {mine['bound']:.6f} | {mine['first_s']:.3f} | {mine['failures']} "
                f"| {mine['cut']} | {mine['worst']:.4f} | {mine['seconds']:.2f} "
                f"| {mine['peak_mib']:.0f} | {peer['seconds']:.2f} | {peer['peak_mib']:.0f} "
                f"| {apart_by:.0e} | {peer['seconds'] / mine['seconds']:.1f}× |",
                flush=True,
            )


if __name__ == "__main__":
    main()
