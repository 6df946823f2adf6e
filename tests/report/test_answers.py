"""What a plan says, for programs."""

from __future__ import annotations

import csv
import io
import json

from planner.model.plan import Plan, WorstState
from planner.report import answers


def test_the_summary_has_exactly_the_promised_keys(plan: Plan) -> None:
    answer = answers.summary(plan, 1.23456)
    assert list(answer) == [
        *("objective", "bound", "gap", "solver", "seconds"),
        *("services", "hosts", "headroom", "worst_state"),
    ]
    assert answer["seconds"] == 1.235
    service = answer["services"]["api"]
    assert set(service) == {"total", "replicas", "weights", "p95_ms", "origin_p95_ms"}
    assert service["weights"]["kubefed"] == {"taipei": 5, "singapore": 3, "tokyo": 2}
    assert answer["hosts"]["api.example.com"]["JP"] == [
        {"share": 0.75, "order": ["tokyo", "taipei"]},
        {"share": 0.25, "order": ["taipei", "tokyo"]},
    ]
    assert json.loads(json.dumps(answer)) == answer


def test_the_summary_of_a_plan_that_promises_nothing_has_no_worst_state(plan: Plan) -> None:
    assert isinstance(plan.worst_state, WorstState)
    assert (
        answers.summary(plan.model_copy(update={"worst_state": None}), 0.0)["worst_state"] is None
    )


def test_the_summary_of_a_plan_that_was_stopped_says_so(plan: Plan) -> None:
    proof = plan.proof.model_copy(update={"status": "limit"})
    assert "status" not in answers.summary(plan, 0.0)
    assert answers.summary(plan.model_copy(update={"proof": proof}), 0.0)["status"] == "limit"


def test_weights_are_written_as_csv_and_json(plan: Plan) -> None:
    rows = list(csv.DictReader(io.StringIO(answers.weights_csv(plan))))
    assert {(row["service"], row["region"]): int(row["replicas"]) for row in rows} == {
        ("api", "taipei"): 5,
        ("api", "singapore"): 3,
        ("api", "tokyo"): 2,
        ("orders", "taipei"): 2,
        ("orders", "singapore"): 1,
    }
    assert rows[0]["cluster"] == "taipei-master"
    assert rows[0]["weight_kubefed"] == "5"
    answer = json.loads(answers.weights_json(plan))
    assert answer["services"]["orders"]["weights"]["karmada"]["singapore"] == 1
    assert answer["scenario_digest"] == plan.scenario_digest
