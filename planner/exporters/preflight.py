"""What targets need of the platform, before there is a plan and beside one."""

from __future__ import annotations

from collections.abc import Iterable

from planner.errors import MissingInputs, PlannerError
from planner.exporters import TARGETS, chosen_targets
from planner.model.plan import Cost, Headroom, OrderedShare, Plan, Proof, ServicePlan
from planner.model.platform import Platform
from planner.model.scenario import Scenario

_COST = Cost(
    fixed_usd_month=0.0,
    replicas_usd_month=0.0,
    latency_usd_month=0.0,
    lost_usd_month=0.0,
    mean_latency_ms=0.0,
    # A plan that loses nothing would need an availability that others follow from.
    lost_requests_month=1e-6,
)


def missing_inputs(
    scenario: Scenario, targets: Iterable[str]
) -> tuple[dict[str, tuple[str, ...]], bool]:
    """Return what some targets lack, whatever is decided, before anything is.

    Parameters
    ----------
    scenario : Scenario
        With or without a platform.
    targets : iterable of str
        Names of `TARGETS`, or ``all``.

    Returns
    -------
    dict of str to tuple of str
        Target to the paths that are missing if every region is used.
    bool
        Whether some would be missing with any one region, too: then no plan can be exported.
    """
    chosen = chosen_targets(targets, scenario.platform is not None)
    regions = tuple(scenario.regions)
    missing = _missing(_imagined(scenario, regions), chosen)
    if not missing:
        return {}, False
    certain = all(_missing(_imagined(scenario, (region,)), missing) for region in regions)
    return missing, certain


def needed_inputs(plan: Plan, target: str) -> tuple[str, ...]:
    """Return what a target asks of the platform: all that is missing where nothing is given.

    Parameters
    ----------
    plan : Plan
        What was decided.
    target : str
        Name of a target.
    """
    given = plan.scenario.platform or Platform()
    # What is installed follows from what is given, so charts are asked for beside the rest.
    without_charts = given.model_copy(update={"chart_repositories": {}})
    tried = (_with_platform(plan, platform) for platform in (Platform(), without_charts))
    found = [paths for one in tried for paths in _missing(one, (target,)).values()]
    return tuple(dict.fromkeys(path for paths in found for path in paths))


def _with_platform(plan: Plan, platform: Platform) -> Plan:
    """Return a plan with another platform."""
    scenario = plan.scenario.model_copy(update={"platform": platform})
    return plan.model_copy(update={"scenario": scenario})


def _missing(plan: Plan, targets: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Collect what targets lack; another refusal says nothing of the inputs."""
    missing: dict[str, tuple[str, ...]] = {}
    for name in targets:
        try:
            TARGETS[name](plan)
        except MissingInputs as error:
            missing |= error.missing
        except PlannerError:
            continue
    return missing


def _imagined(scenario: Scenario, regions: tuple[str, ...]) -> Plan:
    """Make up a plan that uses some regions: its numbers mean nothing, its names are right."""
    ones = dict.fromkeys(regions, 1)
    services = {
        name: ServicePlan(
            total=len(regions),
            replicas=dict.fromkeys(scenario.regions, 0) | ones,
            max_replicas=dict.fromkeys(scenario.regions, 1),
            weights={"kubefed": ones, "karmada": ones},
            p95_ms={},
            origin_p95_ms={},
        )
        for name in scenario.services
    }
    order = (OrderedShare(share=1.0, order=regions),)
    hosts = {s.host: dict.fromkeys(scenario.origins, order) for s in scenario.services.values()}
    return Plan(
        scenario_digest="none: no plan",
        scenario=scenario,
        steering="static",
        active_regions=regions,
        services=services,
        hosts=hosts,
        cost=_COST,
        proof=Proof(status="limit", objective=0.0, bound=0.0, gap=0.0, solver="none", seed=0),
        headroom=Headroom(factor=0.0, regions={}, limited_by="nothing"),
    )
