"""The plan: what was decided, with its proof; never the time it took."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import Field

from planner.model.hourly import HourlyNeeds, HourlyReplicas
from planner.model.scenario import Scenario
from planner.model.schema import (
    Count,
    Document,
    HostName,
    Label,
    NonNegative,
    Number,
    OriginCode,
    Positive,
    Share,
    Text,
)


class OrderedShare(Document):
    """A part of an origin's demand and the regions that serve it, first survivor first."""

    share: Share = Field(description="part of the origin's demand, 0 to 1")
    order: tuple[Label, ...] = Field(min_length=1, description="regions in order of preference")


class ServicePlan(Document):
    """What was decided for one service."""

    total: Count = Field(description="replicas over all regions")
    replicas: dict[Label, Count] = Field(description="region to replicas")
    max_replicas: dict[Label, Count] = Field(
        description="region to the replicas its pools hold with all services at their maxima"
    )
    weights: dict[Literal["kubefed", "karmada"], dict[Label, Count]] = Field(
        description="federation controller to region to weight"
    )
    p95_ms: dict[Label, NonNegative] = Field(
        description="serving region to the 95th percentile of its users, end to end, normal state, "
        "worst hour, ms"
    )
    origin_p95_ms: dict[OriginCode, NonNegative] = Field(
        description="origin to the 95th percentile end to end, normal state, worst hour, ms"
    )


class Proof(Document):
    """Why the plan can be believed."""

    status: Literal["optimal", "limit"] = Field(
        description="'optimal' within the gap asked for, or 'limit': the search was stopped early"
    )
    objective: Number = Field(description="US dollars a month, of the plan as it will be steered")
    bound: Number = Field(description="proven lower bound, US dollars a month")
    gap: NonNegative = Field(description="(objective − bound) / |objective|")
    solver: Text = Field(description="solver and its version")
    seed: Count = Field(description="random seed of the solver")


class Cost(Document):
    """The objective's parts, US dollars a month."""

    fixed_usd_month: NonNegative = Field(description="active regions")
    replicas_usd_month: NonNegative = Field(description="replicas")
    latency_usd_month: NonNegative = Field(description="usd_per_ms × mean_latency_ms")
    lost_usd_month: NonNegative = Field(description="usd_per_lost_request × expected lost requests")
    mean_latency_ms: NonNegative = Field(
        description="demand-weighted mean of network and home calls, ms"
    )
    lost_requests_month: NonNegative = Field(description="expected requests not served in a month")


class Headroom(Document):
    """How much more demand the plan bears."""

    factor: NonNegative = Field(description="largest factor on all demand that keeps the policy")
    regions: dict[Label, Positive | None] = Field(
        description="the same for each region's own limits; null where it serves nobody"
    )
    limited_by: Text = Field(description="what is full at that factor")
    month: Text | None = Field(
        default=None, description="month in which the stated growth passes it; null for never"
    )


class WorstState(Document):
    """The failure state that hurts most, as the replay judges it."""

    state: Text = Field(description="name of the failure state")
    unserved_share: Share = Field(description="share of demand not served in its worst hour")
    p95_over_limit: NonNegative = Field(description="largest p95 over its limit, as a ratio")
    cause: Text = Field(description="which service, region and hour")


class Stability(Document):
    """How far the plan is from an earlier one, and how far the cheapest would be."""

    tolerance: NonNegative = Field(
        description="what the plan may cost more than the proven bound, as a share of that"
    )
    demand_share: Share | None = Field(
        description="part of all demand that another region serves than before, everything up; "
        "null where a balancer steers"
    )
    order_share: Share | None = Field(
        description="part of all demand that follows another order of regions than before"
    )
    replicas: Count = Field(description="replicas that are started or stopped")
    score: NonNegative = Field(
        description="what was minimised: demand_share + 0.1 × order_share + replicas over twice "
        "those of the earlier plan; the replicas themselves where a balancer steers"
    )
    score_bound: NonNegative = Field(description="proven lower bound on it")
    cheapest_usd_month: Number = Field(description="objective of the cheapest plan found")
    cheapest_demand_share: Share | None = Field(description="demand_share of the cheapest plan")
    cheapest_replicas: Count = Field(description="replicas of the cheapest plan that change")


class Plan(Document):
    """What was decided: replicas, shares, orders, weights; and the proof."""

    version: Literal[1] = Field(default=1, description="format of this document")
    scenario_digest: Text = Field(description="SHA-256 of the normalised scenario")
    scenario: Scenario = Field(description="the normalised scenario")
    steering: Literal["static", "adaptive"] = Field(description="how users are steered")
    active_regions: tuple[Label, ...] = Field(description="regions in which anything runs")
    services: dict[Label, ServicePlan] = Field(description="decisions by service")
    hosts: dict[HostName, dict[OriginCode, tuple[OrderedShare, ...]]] = Field(
        description="host name, origin to shares and orders; the normal state's routing (worst "
        "hour) where the steering is adaptive"
    )
    cost: Cost = Field(description="the objective's parts")
    proof: Proof = Field(description="objective, bound, gap, solver")
    headroom: Headroom = Field(description="how much more demand the plan bears")
    worst_state: WorstState | None = Field(
        default=None, description="the judge's worst promised state"
    )
    warnings: tuple[Text, ...] = Field(default=(), description="what the reader should know")
    stability: Stability | None = Field(
        default=None, description="only where an earlier plan was to be kept near"
    )
    needs: HourlyNeeds | None = Field(
        default=None,
        description="replicas that each hour needs; null where a balancer steers, and in plans "
        "written before it was recorded",
    )
    hourly: HourlyReplicas | None = Field(
        default=None,
        description="totals by the hour and their weights, where `policy.replicas` is 'hourly'",
    )

    @property
    def replicas(self) -> pd.DataFrame:
        """Replicas, service × region."""
        return self._table({name: s.replicas for name, s in self.services.items()})

    @property
    def weights(self) -> pd.DataFrame:
        """Weights of the scenario's federation controller, service × region."""
        target = self.scenario.federation.controller
        return self._table({name: s.weights[target] for name, s in self.services.items()})

    @property
    def shares(self) -> pd.DataFrame:
        """Shares and orders, one row each: host, origin, share, order."""
        rows = [
            (host, origin, part.share, " > ".join(part.order))
            for host, origins in self.hosts.items()
            for origin, parts in origins.items()
            for part in parts
        ]
        return pd.DataFrame(rows, columns=["host", "origin", "share", "order"])

    def _table(self, rows: dict[str, dict[str, int]]) -> pd.DataFrame:
        """Return a table service × region, absent entries 0."""
        table = pd.DataFrame(
            [[row.get(region, 0) for region in self.scenario.regions] for row in rows.values()],
            index=pd.Index(rows, name="service"),
            columns=pd.Index(list(self.scenario.regions), name="region"),
        )
        return table.astype("int64")
