"""What a plan says, for programs: one plain object, and the weights as CSV and JSON text."""

from __future__ import annotations

import json
from typing import Any

from planner.model.plan import Plan
from planner.report.tables import decisions

Answer = dict[str, Any]


def summary(plan: Plan, seconds: float) -> Answer:
    """Return what a program wants to know of a plan, as one plain object.

    Parameters
    ----------
    plan : Plan
        The plan.
    seconds : float
        Wall time the optimisation took; a plan does not hold it.

    Returns
    -------
    dict
        ``objective, bound, gap, solver, seconds, services, hosts, headroom, worst_state``, also
        ``status`` where a limit or Ctrl-C ended the search, so that another run may end elsewhere,
        and ``stability`` where the plan stays near an earlier one.
    """
    proof = plan.proof
    fields = {"total", "replicas", "weights", "p95_ms", "origin_p95_ms"}
    near = plan.stability
    return {
        "objective": proof.objective,
        "bound": proof.bound,
        "gap": proof.gap,
        "solver": proof.solver,
        "seconds": round(seconds, 3),
        "services": {
            n: s.model_dump(mode="json", include=fields) for n, s in plan.services.items()
        },
        "hosts": {
            host: {o: [part.model_dump(mode="json") for part in parts] for o, parts in own.items()}
            for host, own in plan.hosts.items()
        },
        "headroom": plan.headroom.model_dump(mode="json"),
        "worst_state": plan.worst_state.model_dump(mode="json") if plan.worst_state else None,
        **({} if proof.status == "optimal" else {"status": proof.status}),
        **({} if near is None else {"stability": near.model_dump(mode="json")}),
    }


def weights_csv(plan: Plan) -> str:
    """Return `decisions` as CSV text.

    Parameters
    ----------
    plan : Plan
        The plan.
    """
    return decisions(plan).to_csv(index=False, lineterminator="\n")


def weights_json(plan: Plan) -> str:
    """Return replicas and weights as JSON text, service by service.

    Parameters
    ----------
    plan : Plan
        The plan.
    """
    fields = {"total", "replicas", "max_replicas", "weights"}
    answer = {
        "scenario": plan.scenario.scenario,
        "scenario_digest": plan.scenario_digest,
        "controller": plan.scenario.federation.controller,
        "services": {
            name: service.model_dump(mode="json", include=fields)
            for name, service in plan.services.items()
        },
    }
    return json.dumps(answer, indent=2) + "\n"
