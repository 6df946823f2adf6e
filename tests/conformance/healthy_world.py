"""Synthetic series of a world in which everything is as planned, and ways to change them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from planner.exporters.metrics_contract import (
    DURATION,
    INGRESS_JOB,
    MESH_JOB,
    NODES,
    POD_LABELS,
    POD_READY,
    POD_SCHEDULED,
    PROBE,
    REQUESTS,
    SENT,
    SERVICE_LABEL,
    STATE_METRICS,
    UP,
)
from planner.exporters.monitoring import watched_services
from planner.exporters.promql import label_value
from planner.exporters.steering import State, host_steering
from planner.model.plan import Plan

RPS = 1.0
"""Requests of each country for each service."""

QUICK, SLOW, NEVER = "0.01", "30", "+Inf"


@dataclass(frozen=True)
class Series:
    """One series with a start and a growth a second."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    value: float = 1.0
    per_s: float = 0.0

    def __getitem__(self, label: str) -> str:
        return dict(self.labels).get(label, "")

    @property
    def selector(self) -> str:
        """Name and labels as Prometheus writes them."""
        inside = ",".join(f"{name}={label_value(value)}" for name, value in self.labels)
        return f"{self.metric}{{{inside}}}"

    def changed(self, **parts: float) -> Series:
        """Another value or growth."""
        return replace(self, **parts)


def series(metric: str, value: float = 1.0, per_s: float = 0.0, **labels: str) -> Series:
    return Series(metric, tuple(labels.items()), value, per_s)


def world(plan: Plan) -> list[Series]:
    """Return every series of the contract, all as planned."""
    return [*_regions(plan), *_probes(plan), *_pods(plan), *_requests(plan)]


def _regions(plan: Plan) -> Iterator[Series]:
    for name, region in plan.scenario.regions.items():
        where = {"region": name, "cluster": region.cluster}
        yield series(UP, job=STATE_METRICS, **where)
        yield series(NODES, nodename=f"{name}-1", **where)


def _probes(plan: Plan) -> Iterator[Series]:
    for near in plan.scenario.regions:
        for far in plan.scenario.regions:
            if near != far:
                yield series(PROBE, job=INGRESS_JOB, region=near, to_region=far)
    for name, link in plan.scenario.links.items():
        ends = (link.from_region, link.to_region)
        for near, far in (ends, ends[::-1]):
            yield series(PROBE, job=MESH_JOB, region=near, to_region=far, link=name)


def pod(plan: Plan, region: str, service: str, number: int) -> Iterator[Series]:
    """Return the three series of a pod that runs."""
    where = {
        "region": region,
        "namespace": plan.scenario.namespace,
        "pod": f"{service}-{number}",
    }
    yield series(POD_LABELS, **where, **{SERVICE_LABEL: service})
    yield series(POD_READY, **where, condition="true")
    yield series(POD_SCHEDULED, **where, condition="true")


def _pods(plan: Plan) -> Iterator[Series]:
    for service, own in plan.services.items():
        for region, planned in own.replicas.items():
            for number in range(planned):
                yield from pod(plan, region, service, number)


def _requests(plan: Plan) -> Iterator[Series]:
    for service in watched_services(plan):
        load: dict[str, float] = {}
        steering = host_steering(plan, plan.scenario.services[service].host)
        for country in steering.countries:
            for region, share in steering.shares(country, State("up", ())).items():
                labels = {"region": region, "service": service, "country": country}
                yield series(REQUESTS, 0, RPS * share, **labels, code="200")
                load[region] = load.get(region, 0.0) + RPS * share
        for region, rps in load.items():
            yield from durations(region, service, rps, quick=True)


def durations(region: str, service: str, rps: float, *, quick: bool) -> Iterator[Series]:
    """Return a histogram of requests that are all quick, or all slow."""
    for bound in (QUICK, SLOW, NEVER):
        growth = rps if quick or bound != QUICK else 0.0
        yield series(DURATION, 0, growth, region=region, service=service, le=bound)


def sent(lag_s: float) -> Series:
    """Return when the home accepted the newest sample, if it is always so late."""
    return series(SENT, -lag_s, 1.0, url="https://metrics.company.com/api/v1/write")


def without(found: Iterable[Series], metric: str, **labels: str) -> list[Series]:
    """Leave out the series of a metric with some labels."""
    return [
        one
        for one in found
        if one.metric != metric or any(one[name] != value for name, value in labels.items())
    ]


def changed(
    found: Iterable[Series], metric: str, parts: dict[str, float], **labels: str
) -> list[Series]:
    """Change the series of a metric with some labels; something must be changed."""
    result, hits = [], 0
    for one in found:
        fits = one.metric == metric and all(one[name] == value for name, value in labels.items())
        hits += fits
        result.append(one.changed(**parts) if fits else one)
    assert hits, (metric, labels)
    return result
