"""Where the search of static steering spends its time, phase by phase."""

from __future__ import annotations

import time

from measure import Figures

from planner.optimization.branch import branch
from planner.optimization.columns import order_columns
from planner.optimization.merged_program import steering_program
from planner.optimization.relaxation import add_cuts, relax
from planner.optimization.search import first_plan
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem

BRANCH_S = 30.0


def phases(problem: Problem, gap: float) -> Figures:
    """Run the phases one after the other; seconds are processor time."""
    clock = [time.process_time()]

    def lap() -> float:
        clock.append(time.process_time())
        return clock[-1] - clock[-2]

    stop = Stop(float("inf"))
    columns = order_columns(problem)
    columns_s = lap()
    static = steering_program(problem, columns, 0)
    build_s = lap()
    loose = relax(static, stop, gap / 3)
    relax_s = lap()
    root = add_cuts(static, stop, gap / 3)
    cuts_s = lap()
    plan = first_plan(static, root, gap, stop)
    plan_s = lap()
    best, bound = branch(static, root, plan, gap, stop.within(BRANCH_S))
    return {
        "columns": columns.host.size,
        "merged": static.steering.size,
        "load_rows": int(static.load_row.sum()),
        "columns_s": columns_s,
        "build_s": build_s,
        "relax_s": relax_s,
        "cuts_s": cuts_s,
        "cuts_gain": root.objective / loose.objective - 1,
        "plan_s": plan_s,
        "plan_gap": plan.objective / root.objective - 1 if plan else float("nan"),
        "branch_s": lap(),
        "gap": 1 - bound / best.objective if best else float("nan"),
    }
