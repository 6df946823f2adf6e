"""Which scenarios a study can be asked about: what it does not look at is refused with the cure."""

from __future__ import annotations

from typing import Literal

from planner.model.scenario import Scenario

Study = Literal["frontier", "risk", "regret", "hardware", "from"]
"""What is asked; ``from`` is a plan near an earlier one."""


def unsuited(scenario: Scenario, study: Study) -> str | None:
    """Say why a scenario is beyond a study.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    study : {'frontier', 'risk', 'regret', 'hardware', 'from'}
        What is asked of it.

    Returns
    -------
    str or None
        What to set otherwise; None where nothing stands against it.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> unsuited(read_scenario("taiwan"), "risk") is None
    True
    """
    reasons = (check(scenario) for check in _CHECKS[study])
    return next((reason for reason in reasons if reason is not None), None)


def refuse_unsuited(scenario: Scenario, study: Study) -> None:
    """Refuse a scenario that is beyond a study.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    study : {'frontier', 'risk', 'regret', 'hardware', 'from'}
        What is asked of it.

    Raises
    ------
    ValueError
        If anything stands against it; says what to set otherwise.
    """
    if (reason := unsuited(scenario, study)) is not None:
        raise ValueError(f"`scenario`: {reason}")


def _steering(scenario: Scenario) -> str | None:
    """Look at steering."""
    if scenario.policy.steering == "static":
        return None
    return "only static steering is looked at; set policy.steering to 'static'"


def _replicas(scenario: Scenario) -> str | None:
    """Look at replicas by the hour."""
    if scenario.policy.replicas != "hourly":
        return None
    return "only replicas that stay all day are looked at; set policy.replicas to 'fixed'"


def _rules(scenario: Scenario) -> str | None:
    """Look at what the DNS target can say."""
    if scenario.dns.rules is None or scenario.dns.rules.kind == "any":
        return None
    return "only shares at will are looked at; set dns.rules.kind to 'any'"


def _packing(scenario: Scenario) -> str | None:
    """Look at the packing limit."""
    if scenario.policy.packing != "at_best":
        return None
    return (
        "only pods that fit in any order of arrival are looked at; set policy.packing to "
        "'guaranteed'"
    )


_OF_SHARES = (_steering, _replicas, _rules, _packing)
_CHECKS = {
    "frontier": _OF_SHARES,
    "risk": _OF_SHARES,
    "regret": _OF_SHARES,
    "hardware": (_rules, _packing),
    "from": (_rules,),
}
