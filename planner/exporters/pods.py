"""The pod of a service on a known platform: image, probes, rights, spread and priority.

Both federations and the clusters' own trees deliver this same pod.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from planner.errors import UnfaithfulExport
from planner.exporters import naming
from planner.exporters.requirements import require
from planner.exporters.versions import COMPONENTS, series
from planner.model.manifest import Document
from planner.model.plan import Plan
from planner.model.platform import ServicePlatform
from planner.model.scenario import Scenario
from planner.model.workload import Service

READINESS_PERIOD_S = 5
LIVENESS_PERIOD_S = 10
STARTUP_SLACK = 3
"""A start may take this many times as long as planned before the container is restarted."""

POD_FIELDS = ("readiness_path", "liveness_path", "run_as_user")
"""What every pod needs of its service's platform."""

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# Registry with port, path, tag, digest: the grammar of the distribution project, lower case.
_IMAGE = re.compile(
    r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


def pod_inputs(plan: Plan) -> list[str]:
    """Return the paths below ``platform`` that the pods of a plan's placed services need.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    list of str
        Probes and user; the digest where the image itself is not pinned by one.
    """
    paths = []
    for services in naming.hosts(plan).values():
        for name in services:
            paths += [f"services.{name}.{field}" for field in POD_FIELDS]
            if not _DIGEST.search(plan.scenario.services[name].image):
                paths.append(f"services.{name}.image_digest")
    return sorted(paths)


def require_pods(plan: Plan, target: str) -> None:
    """Refuse to export pods of a known platform that lack something.

    Parameters
    ----------
    plan : Plan
        Without a platform nothing is asked for: its pods are written as plain ones.
    target : str
        What is exported.

    Raises
    ------
    MissingInputs
        With every path that is missing.
    """
    if plan.scenario.platform is not None:
        require(plan, target, pod_inputs(plan))


def image(scenario: Scenario, name: str) -> str:
    """Return the image of a service, pinned by digest; its tag stays as a word for people.

    Raises
    ------
    UnfaithfulExport
        If the reference is none, or names another digest than the platform.

    Notes
    -----
    Where both are given, container runtimes take the digest and ignore the tag.
    """
    reference = scenario.services[name].image
    digest = _known(scenario, name).image_digest
    if not _IMAGE.fullmatch(reference):
        raise UnfaithfulExport(
            f"services.{name}.image is no image reference: write registry/path:tag, lower case"
        )
    found = _DIGEST.search(reference)
    if found is None:
        return f"{reference}@{digest}"
    if digest is not None and found.group() != f"@{digest}":
        raise UnfaithfulExport(
            f"services.{name}.image names another digest than platform.services.{name}."
            "image_digest; leave one of them out"
        )
    return reference


def pod_spec(scenario: Scenario, name: str) -> Document:
    """Return the pod of a service.

    Parameters
    ----------
    scenario : Scenario
        Its platform has what `pod_inputs` names.
    name : str
        The service.

    Returns
    -------
    dict
        A PodSpec that the Pod Security level ``restricted`` admits.

    Notes
    -----
    The spread over machines is a wish (ScheduleAnyway): a plan counts on what fits, not on where.
    """
    user = _known(scenario, name).run_as_user
    return {
        "serviceAccountName": naming.service_account(name),
        "automountServiceAccountToken": False,
        "priorityClassName": naming.RESERVE_PRIORITY,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": naming.HOST_LABEL,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": naming.labels(scenario, name)},
            }
        ],
        "containers": [_container(scenario, name)],
    }


def metrics_ports(scenario: Scenario, name: str) -> Iterator[int]:
    """Yield the port of a service's metrics, where it has one of its own."""
    port = _known(scenario, name).metrics_port
    if port is not None and port != scenario.services[name].port:
        yield port


def pod_security_labels(scenario: Scenario) -> dict[str, str]:
    """Return the labels with which a namespace admits restricted pods only.

    The level is that of the older of the two Kubernetes series, so that an upgrade does not
    change what is admitted.
    """
    platform = scenario.platform
    chosen = {} if platform is None else platform.versions
    oldest = min(
        series(str(chosen.get(name, COMPONENTS[name].version))) for name in ("kubernetes", "k3s")
    )
    prefix = "pod-security.kubernetes.io"
    labels = {}
    for mode in ("enforce", "audit", "warn"):
        labels[f"{prefix}/{mode}"] = "restricted"
        labels[f"{prefix}/{mode}-version"] = f"v{oldest[0]}.{oldest[1]}"
    return labels


def _known(scenario: Scenario, name: str) -> ServicePlatform:
    """Return what the platform says of a service, an empty one where it says nothing."""
    services = {} if scenario.platform is None else scenario.platform.services
    return services.get(name, ServicePlatform())


def _container(scenario: Scenario, name: str) -> Document:
    """Build the one container of a replica; only requests are written, a plan has no limits."""
    service = scenario.services[name]
    ports: list[Document] = [{"name": naming.PORT_NAME, "containerPort": service.port}]
    ports += [
        {"name": naming.METRICS_PORT_NAME, "containerPort": port}
        for port in metrics_ports(scenario, name)
    ]
    return {
        "name": name,
        "image": image(scenario, name),
        "ports": ports,
        "resources": {"requests": {"cpu": str(service.cpu), "memory": str(service.memory)}},
        **_probes(scenario, name, service),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _probes(scenario: Scenario, name: str, service: Service) -> dict[str, Document]:
    """Build the probes; a restart for want of life waits until the start had its time."""
    known = _known(scenario, name)
    failures = max(3, math.ceil(STARTUP_SLACK * service.startup_s / READINESS_PERIOD_S))
    return {
        "startupProbe": _get(known.liveness_path, READINESS_PERIOD_S, failures),
        "livenessProbe": _get(known.liveness_path, LIVENESS_PERIOD_S, 3),
        "readinessProbe": _get(known.readiness_path, READINESS_PERIOD_S, 3),
    }


def _get(path: str | None, period_s: int, failures: int) -> Document:
    """Build a probe by HTTP."""
    return {
        "httpGet": {"path": str(path), "port": naming.PORT_NAME},
        "periodSeconds": period_s,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }
