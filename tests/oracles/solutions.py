"""Random solutions, good and bad, for random problems."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Problem, Solution


def random_solution(problem: Problem, seed: int, *, plenty: float = 1.0) -> Solution:
    """Draw replicas, and for each host and origin one to three shares over random orders.

    Orders may name regions that are not admissible and be too short for some states; the more
    `plenty`, the more replicas.
    """
    rng = np.random.default_rng(seed)
    regions = len(problem.axes.regions)
    host, origin, order, share = [], [], [], []
    for g in range(len(problem.axes.hosts)):
        for o in range(len(problem.axes.origins)):
            parts = rng.dirichlet(np.ones(int(rng.integers(1, 4))))
            for part in parts:
                length = int(rng.integers(1, regions + 1))
                row = np.full(regions, -1)
                row[:length] = rng.permutation(regions)[:length]
                host.append(g)
                origin.append(o)
                order.append(row)
                share.append(part)
    most = max(1, int(4 * plenty))
    return Solution(
        replicas=rng.integers(0, most + 1, problem.max_replicas.shape),
        host=np.array(host),
        origin=np.array(origin),
        order=np.array(order),
        share=np.array(share),
        routing=None,
        objective=0.0,
        bound=0.0,
        status="limit",
        solver="none",
        seed=seed,
        seconds=0.0,
    )
