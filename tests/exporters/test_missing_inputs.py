"""Whatever a platform does not say is listed at one go: what is then filled in is enough."""

from __future__ import annotations

import pytest

from planner.errors import MissingInputs
from planner.exporters import export_each
from planner.model.plan import Plan
from planner.model.platform import Mesh, Monitoring, Platform, RegionPlatform, ServicePlatform
from tests.exporters.platforms import with_platform
from tests.exporters.variants import PLANS

CHOICES = {
    ServicePlatform: ("scaler", "rollout", "calls", "metrics_path"),
    RegionPlatform: ("router_address", "router_as_number"),
    Mesh: ("routes", "interface", "mtu", "keepalive_s"),
    Monitoring: ("collection", "receiver", "retention"),
}
"""Fields that decide what is exported; everything else is an input."""


def chosen(item):
    """A part of the platform with nothing but its choices."""
    return type(item)(**{name: getattr(item, name) for name in CHOICES[type(item)]})


def bare(platform: Platform, **kept: object) -> Platform:
    """A platform that chooses, and says nothing."""
    return Platform(
        services={name: chosen(service) for name, service in platform.services.items()},
        regions={name: chosen(region) for name, region in platform.regions.items()},
        mesh=chosen(platform.mesh),
        monitoring=chosen(platform.monitoring),
        routes=platform.routes,
        **kept,
    )


def missing(plan: Plan) -> set[str]:
    """Paths that the export lists."""
    refusals = export_each(plan).refusals.values()
    return {
        path
        for error in refusals
        if isinstance(error, MissingInputs)
        for paths in error.missing.values()
        for path in paths
    }


def value_at(value, path):
    """What stands at a path; keys are fields or members."""
    for part in path:
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    return value


def filled(base, full, path):
    """The document `base` with what `full` has at a path."""
    if not path:
        return full
    head, *rest = path
    if isinstance(full, dict):
        return base | {head: filled(base.get(head), full[head], rest)}
    if base is None:
        return full
    inner = filled(getattr(base, head), getattr(full, head), rest)
    return base.model_copy(update={head: inner})


@pytest.mark.parametrize("storage", [True, False])
@pytest.mark.parametrize("name", PLANS)
def test_what_is_listed_once_is_all_that_is_missing(name, storage):
    plan = PLANS[name]()
    full = plan.scenario.platform
    empty = bare(full, storage=full.storage if storage else None)
    listed = missing(with_platform(plan, empty))
    assert len(listed) > 60
    known = empty
    for path in sorted(listed):
        assert path.startswith("platform.")
        known = filled(known, full, path.split(".")[1:])
    assert missing(with_platform(plan, known)) == set()


def test_every_path_that_is_listed_is_one_that_the_example_fills():
    full = PLANS["kubefed"]().scenario.platform
    for path in sorted(missing(with_platform(PLANS["kubefed"](), bare(full)))):
        assert value_at(full, path.split(".")[1:]) not in (None, (), {}), path


def test_a_target_alone_asks_for_no_chart_repository():
    plan = PLANS["kubefed"]()
    alone = export_each(with_platform(plan, bare(plan.scenario.platform)), "prometheus")
    paths = alone.refusals["prometheus"].missing["prometheus"]
    assert "platform.monitoring.remote_write_url" in paths
    assert not any("chart_repositories" in path for path in paths)
