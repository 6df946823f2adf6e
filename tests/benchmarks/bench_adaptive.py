"""Adaptive steering against the extensive form: minimum cuts against one flow copy a state.

Run as ``python tests/benchmarks/bench_adaptive.py``.  12 regions, 200 origins, 5 services, one
hour, all 79 states to order 2, equal relative gap.  The peer is the same problem written out with
numpy and handed to ``scipy.optimize.milp``; stopped at 600 s it counts as 600 s.
"""

from __future__ import annotations

import argparse

from generators import survivable_capacity
from measure import HEADER, Figures, apart, machine, ours, peers, report, row
from peers import solve_extensive_form

GAP = 1e-4
LIMIT_S = 600.0
SIZE = ("regions", "origins", "services", "order")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    for name, value in zip(SIZE, (12, 200, 5, 2), strict=True):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument(
        "--peer-limit",
        type=float,
        nargs="+",
        default=[LIMIT_S],
        help="seconds, one for each seed (the last one counts for the rest); 0 leaves the peer out",
    )
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
        report(peers(solve_extensive_form(problem, GAP, given.peer_limit[0])))


def side(which: str, seed: int, limit_s: float, given: argparse.Namespace) -> Figures | None:
    """Measure one side of one seed in a process of its own."""
    size = [text for name in SIZE for text in (f"--{name}", str(getattr(given, name)))]
    words = ["--only", which, "--seeds", str(seed), "--peer-limit", str(limit_s), *size]
    return apart(__file__, words, limit_s)


def main() -> None:
    given = arguments()
    if given.only:
        one(given)
        return
    limits = given.peer_limit + given.peer_limit[-1:] * len(given.seeds)
    print(
        f"{machine()}\n\n{given.regions} regions × {given.origins} origins × {given.services} "
        f"services, one hour, all states to order {given.order}, relative gap {GAP:g}\n\n{HEADER}"
    )
    for seed, limit_s in zip(given.seeds, limits, strict=False):
        mine = side("ours", seed, LIMIT_S, given)
        peer = side("peer", seed, limit_s, given) if limit_s > 0 else None
        print(row(f"seed {seed}", mine, peer, limit_s), flush=True)


if __name__ == "__main__":
    main()
