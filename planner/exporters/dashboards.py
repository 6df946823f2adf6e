"""The dashboards: the world now, and the plan against what is measured."""

from __future__ import annotations

from collections.abc import Iterator

from planner.exporters import naming
from planner.exporters.monitoring import watched_services
from planner.exporters.panels import columns, dashboard, lines, panel, target, thresholds
from planner.exporters.planned_series import has_reserve
from planner.model.manifest import Document
from planner.model.plan import Plan

_RED_GREEN = thresholds((None, "red"), (1, "green"))
_UP_DOWN = [
    {"type": "value", "options": {"0": {"text": "down", "color": "red", "index": 0}}},
    {"type": "value", "options": {"1": {"text": "up", "color": "green", "index": 1}}},
]


def dashboards(plan: Plan, objective: float) -> dict[str, Document]:
    """Return name to dashboard.

    Parameters
    ----------
    plan : Plan
        Panels about a lost region's reserve or fixed shares are left out where the plan has none.
    objective : float
        Availability below which a region is shown red.
    """
    tags = [naming.MANAGER, plan.scenario.scenario]
    title = _words(plan.scenario.scenario)
    return {
        "world": dashboard(
            f"{naming.MANAGER}-world", f"{title}: world", tags, list(_world(plan, objective))
        ),
        "plan": dashboard(
            f"{naming.MANAGER}-plan", f"{title}: plan and reality", tags, list(_against(plan))
        ),
    }


def _words(name: str) -> str:
    """Return a name in which Grafana sees no variable."""
    return name.replace("$", "").replace("[[", "")


def _world(plan: Plan, objective: float) -> Iterator[Document]:
    """Show where everything is and how it does."""
    yield _map()
    yield panel(
        "state-timeline",
        "Regions reachable",
        [target("region:reachable:max", "{{region}}")],
        defaults={"mappings": _UP_DOWN, "thresholds": _RED_GREEN},
        options={"showValue": "never", "mergeValues": True, "legend": {"showLegend": False}},
    )
    if watched_services(plan):
        steps = thresholds((None, "red"), (objective, "green"))
        yield panel(
            "state-timeline",
            "Availability by region",
            [target("region:availability:ratio_rate5m", "{{region}}")],
            unit="percentunit",
            defaults={"thresholds": steps, "color": {"mode": "thresholds"}, "decimals": 3},
            options={"showValue": "auto", "mergeValues": True},
        )
    yield lines(
        "Ready replicas by region",
        [target("service:replicas:ready", "{{region}} {{service}}")],
        defaults={"min": 0},
    )
    yield panel(
        "stat",
        "Pods with a machine",
        [target("region:scheduled:ratio", "{{region}}")],
        unit="percentunit",
        defaults={"thresholds": _RED_GREEN},
        options={"reduceOptions": {"calcs": ["lastNotNull"], "values": False}},
    )
    yield panel(
        "state-timeline",
        "Links",
        [target("link:reachable:max", "{{link}}")],
        defaults={"mappings": _UP_DOWN, "thresholds": _RED_GREEN},
        options={"showValue": "never", "mergeValues": True},
    )


def _map() -> Document:
    """Show the regions on a map, by whether they are reachable."""
    queries = {
        "latitude": "plan:region:latitude_degrees",
        "longitude": "plan:region:longitude_degrees",
        "reachable": "region:reachable:max",
    }
    markers = {
        "type": "markers",
        "name": "regions",
        "location": {"mode": "coords", "latitude": "latitude", "longitude": "longitude"},
        "config": {
            "showLegend": False,
            "style": {
                "color": {"field": "reachable", "fixed": "green"},
                "size": {"fixed": 10, "min": 5, "max": 15},
                "opacity": 0.8,
                "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
                "text": {"mode": "field", "field": "region", "fixed": ""},
                "textConfig": {"fontSize": 12, "offsetX": 0, "offsetY": 16},
            },
        },
        "tooltip": True,
    }
    options = {
        "view": {"id": "fit", "allLayers": True, "lat": 0, "lon": 0, "zoom": 4},
        "basemap": {"type": "default", "name": "base"},
        "layers": [markers],
        "controls": {"showZoom": True, "showAttribution": True, "mouseWheelZoom": False},
        "tooltip": {"mode": "details"},
    }
    table = columns("Regions", ["region"], queries, height=12, width=24)
    defaults = {"thresholds": _RED_GREEN, "color": {"mode": "thresholds"}}
    return table | {
        "type": "geomap",
        "options": options,
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


def _against(plan: Plan) -> Iterator[Document]:
    """Show the plan beside what is measured."""
    both = ["region", "service"]
    yield columns(
        "Replicas: planned against ready",
        both,
        {
            "planned": "plan:replicas:planned",
            "fewest": "plan:replicas:fewest",
            "ready": "service:replicas:ready and on (region, service) plan:replicas:planned",
            "most": "plan:replicas:most",
        },
    )
    if watched_services(plan):
        yield columns(
            "95th percentile: planned against measured",
            both,
            {"planned": "plan:p95_seconds:planned", "measured": "service:p95_seconds:rate5m"},
            unit="s",
        )
    yield lines(
        "Ready replicas over planned ones",
        [
            target(
                "service:replicas:ready / on (region, service) plan:replicas:planned",
                "{{region}} {{service}}",
            )
        ],
        unit="percentunit",
    )
    if has_reserve(plan):
        yield from _reserve()
    if plan.steering == "static" and watched_services(plan):
        yield lines(
            "Requests answered by another region than DNS should give",
            [target("host:traffic_share:distance", "{{country}} {{host}}")],
            unit="percentunit",
        )
    if watched_services(plan):
        yield lines(
            "Error budget: errors over what the objective allows, 1 h",
            [
                target(
                    "service:errors:ratio_rate1h / (1 - scalar(plan:availability:objective))",
                    "{{service}}",
                )
            ],
        )


def _reserve() -> Iterator[Document]:
    """Show what is left after each single loss."""
    ratio = "service:headroom_after_loss:ratio"
    coloured = {"thresholds": _RED_GREEN, "color": {"mode": "thresholds"}}
    yield columns(
        "Headroom after each single loss: capacity over load of the worst region",
        ["lost_region", "service"],
        {"capacity over load": f"min by (lost_region, service) ({ratio})"},
        defaults=coloured,
        custom={"cellOptions": {"type": "color-background", "mode": "basic"}},
    )
    yield lines(
        "Headroom after each single loss",
        [target(f"min by (lost_region) ({ratio})", "without {{lost_region}}")],
    )
    yield panel(
        "stat",
        "Headroom of the plan itself",
        [target("plan:headroom:factor")],
        options={"reduceOptions": {"calcs": ["lastNotNull"], "values": False}},
    )
