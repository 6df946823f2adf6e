"""Which scenarios studies of static shares and of replicas that stay all day can be asked about."""

from __future__ import annotations

from planner.model.scenario import Scenario


def unsuited(scenario: Scenario) -> str | None:
    """Say why a scenario is beyond studies of shares at will and replicas that stay all day.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.

    Returns
    -------
    str or None
        What to set otherwise; None where nothing stands against it.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> unsuited(read_scenario("taiwan")) is None
    True
    """
    if scenario.policy.steering != "static":
        return "only static steering is looked at; set policy.steering to 'static'"
    if scenario.policy.replicas == "hourly":
        return "only replicas that stay all day are looked at; set policy.replicas to 'fixed'"
    if scenario.dns.rules is not None and scenario.dns.rules.kind != "any":
        return "only shares at will are looked at; set dns.rules.kind to 'any'"
    return None
