"""Adaptive steering against the extensive form: minimum cuts against one flow copy a state.

Run as ``python tests/benchmarks/bench_adaptive.py``.  12 regions, 200 origins, 5 services, one
hour, all 79 states to order 2, equal relative gap.  The peer is the same problem written out with
numpy and handed to ``scipy.optimize.milp``; stopped at 600 s it counts as 600 s.
"""

from __future__ import annotations

import argparse

from generators import survivable_capacity
from measure import Figures, apart, machine, ours, peers, report
from peers import solve_extensive_form

GAP = 1e-4
COUNTS_AS_S = 600.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--regions", type=int, default=12)
    parser.add_argument("--origins", type=int, default=200)
    parser.add_argument("--services", type=int, default=5)
    parser.add_argument("--order", type=int, default=2)
    parser.add_argument("--peer-limit", type=float, default=COUNTS_AS_S, help="seconds")
    parser.add_argument("--peer-seeds", type=int, nargs="*", help="run the peer for these only")
    parser.add_argument("--only", choices=["ours", "peer"], help=argparse.SUPPRESS)
    return parser.parse_args()


def one(given: argparse.Namespace) -> None:
    """Measure one side of one seed in this process."""
    problem = survivable_capacity(
        given.seeds[0], given.regions, given.origins, given.services, given.order
    )
    if given.only == "ours":
        report(ours(problem, GAP))
    else:
        report(peers(solve_extensive_form(problem, GAP, given.peer_limit)))


def size(given: argparse.Namespace) -> list[str]:
    """Return the arguments that say how large the problem is."""
    names = ("regions", "origins", "services", "order")
    return [text for name in names for text in (f"--{name}", str(getattr(given, name)))]


def side(which: str, seed: int, given: argparse.Namespace) -> Figures | None:
    """Measure one side of one seed in a process of its own."""
    limit = ["--peer-limit", str(given.peer_limit)]
    words = ["--only", which, "--seeds", str(seed), *limit, *size(given)]
    return apart(__file__, words, given.peer_limit if which == "peer" else COUNTS_AS_S)


def row(seed: int, mine: Figures | None, peer: Figures | None, peer_limit: float) -> str:
    """Return one line of the table."""
    if mine is None:
        return f"| {seed} | not within {COUNTS_AS_S:.0f} s | | | | | | | | |"
    ours_text = f"{mine['seconds']:.2f} | {mine['gap']:.1e} | {mine['peak_mib']:.0f}"
    if peer is None:
        return f"| {seed} | {ours_text} | not run | | | | | |"
    stopped = peer["status"] != 0
    seconds = peer["seconds"]
    counted = peer_limit if stopped else seconds
    apart_share = peer["objective"] / mine["objective"] - 1
    ratio = f"{'≥ ' if stopped else ''}{counted / mine['seconds']:.0f}×"
    return (
        f"| {seed} | {ours_text} | {peer['build_s']:.2f} | "
        f"{'stopped at ' if stopped else ''}{peer['solve_s']:.0f} | {peer['gap']:.1e} | "
        f"{peer['peak_mib']:.0f} | {apart_share:+.1e} | {ratio} |"
    )


def ended(seed: int, mine: Figures | None, given: argparse.Namespace) -> str:
    """Return the line of a peer that had to be ended from outside."""
    peer = {"status": 1.0, "seconds": given.peer_limit, "build_s": 0.0, "solve_s": given.peer_limit}
    peer |= {"gap": float("inf"), "peak_mib": float("nan"), "objective": float("nan")}
    return row(seed, mine, peer, given.peer_limit)


def main() -> None:
    given = arguments()
    if given.only:
        one(given)
        return
    chosen = given.seeds if given.peer_seeds is None else given.peer_seeds
    print(machine())
    print(
        f"\n{given.regions} regions × {given.origins} origins × {given.services} services, one "
        f"hour, all states to order {given.order}, relative gap {GAP:g}, peer stopped at "
        f"{given.peer_limit:.0f} s\n"
    )
    print(
        "| seed | ours, s | gap | MiB | peer builds, s | peer solves, s | gap | MiB "
        "| peer's objective | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for seed in given.seeds:
        mine = side("ours", seed, given)
        if seed not in chosen:
            print(row(seed, mine, None, given.peer_limit), flush=True)
            continue
        peer = side("peer", seed, given)
        text = ended(seed, mine, given) if peer is None else None
        print(text or row(seed, mine, peer, given.peer_limit), flush=True)


if __name__ == "__main__":
    main()
