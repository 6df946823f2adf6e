"""How long everything takes, read from scenarios: what is given, and what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from planner.io.scenarios import read_scenario
from planner.model.scenario import Scenario
from planner.problem.recovery import recovery


def changed(**sections: dict[str, Any]) -> Scenario:
    """Return the Taiwan scenario with some fields of sections changed; `api` is a section."""
    scenario = read_scenario("taiwan")
    updates: dict[str, Any] = {}
    for name, fields in sections.items():
        if name == "api":
            data = scenario.services["api"].model_dump() | fields
            api = type(scenario.services["api"]).model_validate(data, strict=False)
            updates["services"] = {**scenario.services, "api": api}
        else:
            updates[name] = getattr(scenario, name).model_copy(update=fields)
    return scenario.model_copy(update=updates)


@pytest.mark.parametrize(
    ("federation", "seconds"),
    [
        ({}, 64.0),
        ({"rebalance": False}, 64.0),
        ({"redivision_s": 5.0}, 5.0),
        ({"controller": "karmada"}, np.inf),
        ({"controller": "karmada", "karmada_failover": "on"}, 37.0),
        ({"controller": "karmada", "karmada_failover": "tuned"}, 12.0),
        ({"controller": "karmada", "redivision_s": 90.0}, 90.0),
    ],
)
def test_controllers_take_as_long_as_measured(federation: dict[str, Any], seconds: float) -> None:
    control = recovery(changed(federation=federation)).control
    assert control.redivision_s == seconds
    kubefed = control.controller == "kubefed"
    assert np.isfinite(control.restored_s) == kubefed
    assert (control.recreated_share > 0) == kubefed
    assert (control.double_s > 0) != kubefed


def test_a_region_without_standby() -> None:
    assert recovery(changed(federation={"standby_region": None})).control.standby == -1


def test_a_balancer_has_no_answers_that_expire() -> None:
    steering = recovery(changed(policy={"steering": "adaptive"})).steering
    assert (steering.ttl_s, steering.violation_share) == (0.0, 0.0)
    assert steering.detection_s == 27.0


def test_what_a_service_does_not_say_is_off() -> None:
    found = recovery(read_scenario("taiwan"))
    assert (found.retry_attempts == 0).all()
    assert np.isnan(found.timeout_s).all()
    assert np.isnan(found.autoscaler_target_share).all()
    assert (found.cold_factor == 1).all()
    assert (found.warm_s == 0).all()
    with pytest.raises(ValueError, match="read-only"):
        found.startup_s[0] = 1.0


def test_what_a_service_says_is_read_in_seconds() -> None:
    api = {
        "timeout_ms": 1500.0,
        "retries": {"attempts": 3, "budget_share": 0.2, "backoff_s": 0.5},
        "cold_cache": {"factor": 2.0, "warm_s": 90.0},
        "autoscaler": {"target_share": 0.5, "sync_s": 30.0},
        "startup_s": 20.0,
        "promotion_s": 100.0,
    }
    found = recovery(changed(api=api))
    row = {
        name: value[0].item()
        for name, value in vars(found).items()
        if isinstance(value, np.ndarray)
    }
    assert row == {
        "promotion_s": 100.0,
        "startup_s": 20.0,
        "connection_lifetime_s": 120.0,
        "timeout_s": 1.5,
        "retry_attempts": 3,
        "retry_budget_share": 0.2,
        "backoff_s": 0.5,
        "cold_factor": 2.0,
        "warm_s": 90.0,
        "autoscaler_target_share": 0.5,
        "autoscaler_sync_s": 30.0,
    }
    assert found.retry_attempts[1] == 0
