"""The scenario: everything that is given, whole and frozen."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import Field

from planner.model.events import Event
from planner.model.failure import Failures
from planner.model.hardware import Hardware
from planner.model.platform import Platform
from planner.model.policy import Calendar, CostWeights, Dns, Federation, Growth, Policy
from planner.model.reported import Reported
from planner.model.schema import Basis, Document, Label, NonNegative, OriginCode, Positive, Text
from planner.model.topology import Link, Region, RiskGroup, ServerType
from planner.model.workload import Origin, Service


class Scenario(Document):
    """All of the input.

    In a file, `origins`, `demand_rps` and `rtt_ms` may each be ``{table: FILE.csv}``; the reader
    puts the table's rows in their place.
    """

    scenario: Label = Field(description="name of the scenario")
    description: Text = Field(default="", description="what it is about")
    namespace: Label = Field(description="Kubernetes namespace of all services")
    calendar: Calendar = Field(default=Calendar(), description="hours planned for")
    growth: Growth = Field(default=Growth(), description="growth of demand")
    server_types: dict[Label, ServerType] = Field(min_length=1, description="server types by name")
    regions: dict[Label, Region] = Field(min_length=1, description="regions by id")
    links: dict[Label, Link] = Field(default={}, description="overlay links by name")
    risk_groups: dict[Label, RiskGroup] = Field(default={}, description="risk groups by name")
    failures: Failures = Field(default=Failures(), description="what else may fail, and how often")
    events: dict[Label, Event] = Field(default={}, description="events that can be replayed")
    services: dict[Label, Service] = Field(min_length=1, description="services by name")
    origins: dict[OriginCode, Origin] = Field(
        min_length=1, description="client populations by code"
    )
    demand_rps: dict[Label, dict[OriginCode, tuple[NonNegative, ...]]] = Field(
        default={},
        description="service, origin to requests per second in each of the calendar's hours; "
        "replaces users × propensity × curve for that service and origin",
    )
    rtt_ms: dict[OriginCode, dict[Label, Positive]] = Field(
        default={},
        description="origin or region, region to measured round trip, ms; before the tables",
    )
    rtt_factor: dict[OriginCode, dict[Label, Positive]] | None = Field(
        default=None,
        description="origin or region, region to factor on the normal round trip, measured or "
        "estimated; detours of failures are added to it as they are",
    )
    policy: Policy = Field(default=Policy(), description="what the plan must keep")
    cost: CostWeights = Field(default=CostWeights(), description="what latency and loss are worth")
    federation: Federation = Field(description="who divides replicas over clusters")
    dns: Dns = Field(description="how users are steered")
    hardware: Hardware | None = Field(
        default=None, description="servers that can be bought or rented"
    )
    platform: Platform | None = Field(
        default=None, description="what exports need to know of the platform"
    )
    reported: Reported | None = Field(
        default=None, description="figures to hold the predictions against"
    )
    basis: Basis = None


def normalised(scenario: Scenario) -> dict[str, Any]:
    """Return the scenario as plain data, defaults filled in, ready for JSON or YAML."""
    data = scenario.model_dump(mode="json", by_alias=True, exclude_none=True)
    # The one field whose None is not its default: left out, it would be read as a preset.
    data["cost"].setdefault("preset", None)
    return data


def digest(scenario: Scenario) -> str:
    """Return the SHA-256 of the normalised scenario, as ``sha256:`` and 64 hex digits.

    Two scenarios have the same digest exactly when they are the same after normalisation: the
    order of keys and the way a number was written do not matter.
    """
    text = json.dumps(normalised(scenario), sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
