"""AnalysisTemplates: what stops a canary, every threshold one of the plan's numbers."""

from __future__ import annotations

from dataclasses import dataclass

from planner.exporters import naming, workload
from planner.exporters.burn_rates import burns
from planner.exporters.measured_series import RATE_WINDOW
from planner.exporters.metrics_contract import DURATION, REQUESTS
from planner.exporters.promql import number, select
from planner.exporters.requirements import platform_of
from planner.model.manifest import Document
from planner.model.plan import Plan

HASH = "canary-hash"
"""Argument of the templates: the hash in the names of the new version's pods."""
MEASUREMENTS = 5
INTERVAL_S = 60
WINDOW_S = 300
"""`RATE_WINDOW` in seconds: the first measurement waits for it."""
NOISE = 1
"""One measurement of the five may miss its threshold."""

PROMETHEUS_PORT = 9090
_MS_PER_S = 1000.0
_FAILED = "5.."


@dataclass(frozen=True)
class Thresholds:
    """What a canary of a service in a region must keep.

    Attributes
    ----------
    p95_s : float
        95th percentile end to end, seconds: the plan's, worst hour.
    error_share : float
        Share of requests that fail: where the fastest burn of the error budget begins.
    serves : bool
        Whether anybody is served there with everything up. If not, the percentile is the one that
        is promised for emergencies, and no traffic is no fault.
    """

    p95_s: float
    error_share: float
    serves: bool


def thresholds(plan: Plan, name: str, region: str, objective: float) -> Thresholds:
    r"""Return the thresholds of a service in a region.

    .. math:: e = f_1 (1 - A)

    Parameters
    ----------
    plan : Plan
        What was decided.
    name, region : str
        The service and where it runs.
    objective : float
        Availability A, a share.

    Returns
    -------
    Thresholds
        The error share e is that at which the fastest burn-rate alert goes off, f₁ its factor.
    """
    planned = plan.services[name].p95_ms.get(region)
    promised = plan.scenario.services[name].objective.emergency_p95_ms
    return Thresholds(
        p95_s=(promised if planned is None else planned) / _MS_PER_S,
        error_share=burns(objective)[0].factor * (1 - objective),
        serves=planned is not None,
    )


def prometheus_address(plan: Plan) -> str:
    """Return the address of a cluster's own Prometheus, inside the cluster."""
    namespace = platform_of(plan).monitoring_namespace
    return f"http://{naming.MONITORING_RELEASE}-prometheus.{namespace}.svc:{PROMETHEUS_PORT}"


def analysis_template(plan: Plan, name: str, region: str, objective: float) -> Document:
    """Return the AnalysisTemplate of a service in one region.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name, region : str
        The service and where it runs.
    objective : float
        Availability that errors are judged by, a share.

    Returns
    -------
    dict
        Three metrics of the cluster's own Prometheus: errors and 95th percentile of the canary's
        pods, and the 95th percentile of the region, which is what users see.

    Notes
    -----
    Without data a metric neither succeeds nor fails where users are served: the analysis is
    inconclusive and the Rollout waits for a person.
    """
    limits = thresholds(plan, name, region, objective)
    metrics = {
        "errors-canary": (_errors(plan, name), limits.error_share),
        "p95-canary": (_p95(_canary(DURATION, plan, name)), limits.p95_s),
        "p95-region": (_p95(_region(DURATION, plan, name, region)), limits.p95_s),
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": workload.metadata(plan.scenario, name),
        "spec": {
            "args": [{"name": HASH}],
            "metrics": [
                _metric(plan, metric, query, limit, limits.serves)
                for metric, (query, limit) in metrics.items()
            ],
        },
    }


def _metric(plan: Plan, name: str, query: str, limit: float, serves: bool) -> Document:
    """Build one metric, measured `MEASUREMENTS` times once its window holds the canary only."""
    known, least = "len(result) > 0 && !isNaN(result[0])", number(limit)
    success = f"{known} && result[0] <= {least}"
    if not serves:
        success = f"len(result) == 0 || isNaN(result[0]) || result[0] <= {least}"
    return {
        "name": name,
        "initialDelay": f"{WINDOW_S}s",
        "interval": f"{INTERVAL_S}s",
        "count": MEASUREMENTS,
        "failureLimit": NOISE,
        "inconclusiveLimit": NOISE,
        "successCondition": success,
        "failureCondition": f"{known} && result[0] > {least}",
        "provider": {"prometheus": {"address": prometheus_address(plan), "query": query}},
    }


def _errors(plan: Plan, name: str) -> str:
    """Divide the canary's failed requests by all of its requests."""
    failed = _canary(REQUESTS, plan, name, f'code=~"{_FAILED}"')
    both = (failed, _canary(REQUESTS, plan, name))
    bad, every = (f"sum(rate({series}[{RATE_WINDOW}]))" for series in both)
    return f"({bad} or 0 * {every}) / ({every} > 0)"


def _p95(series: str) -> str:
    """Compute the 95th percentile of a histogram."""
    return f"histogram_quantile(0.95, sum by (le) (rate({series}[{RATE_WINDOW}])))"


def _canary(metric: str, plan: Plan, name: str, *more: str) -> str:
    """Select the series of the new version's pods: a ReplicaSet is named by the template's hash."""
    chosen = select(metric, namespace=plan.scenario.namespace, service=name)
    pods = f'pod=~"{name}-{{{{args.{HASH}}}}}-.+"'
    return f"{chosen.removesuffix('}')},{','.join((pods, *more))}}}"


def _region(metric: str, plan: Plan, name: str, region: str) -> str:
    """Select the series of all pods of the region."""
    return select(metric, namespace=plan.scenario.namespace, service=name, region=region)
