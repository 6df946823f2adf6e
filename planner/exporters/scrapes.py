"""What each cluster's Prometheus scrapes besides the chart's own: pods, regions, links."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from planner.exporters import naming, pods, workload
from planner.exporters.address_plan import AddressPlan
from planner.exporters.metrics_contract import INGRESS_JOB, MESH_JOB
from planner.exporters.monitoring import watched_regions, watched_services
from planner.exporters.planned_series import watched_links
from planner.exporters.promql import duration
from planner.exporters.requirements import platform_of, service_platform
from planner.model.manifest import Document
from planner.model.plan import Plan

API_VERSION = "monitoring.coreos.com/v1"
HTTPS_PORT = 443


def monitoring_object(
    plan: Plan, kind: str, name: str, spec: Document, api_version: str = API_VERSION
) -> Document:
    """Return an object of the monitoring namespace that the chart's Prometheus takes.

    Parameters
    ----------
    plan : Plan
        Knows the namespace.
    kind, name : str
        What it is and how it is called.
    spec : dict
        Its specification.
    api_version : str, default: that of the Prometheus operator
        Group and version.
    """
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": platform_of(plan).monitoring_namespace,
            "labels": {
                naming.RELEASE_LABEL: naming.MONITORING_RELEASE,
                naming.PART_OF_LABEL: plan.scenario.scenario,
            },
        },
        "spec": spec,
    }


def namespace(plan: Plan) -> Document:
    """Return the monitoring namespace; node-exporter needs its machine, so pods may have rights."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": platform_of(plan).monitoring_namespace,
            "labels": {
                naming.PART_OF_LABEL: plan.scenario.scenario,
                "pod-security.kubernetes.io/enforce": "privileged",
            },
        },
    }


def pod_monitors(plan: Plan, region: str) -> tuple[Document, ...]:
    """Return a PodMonitor for each service with metrics that runs in a region.

    Pods, not Services, are asked: a federation may make further Services with the same labels, and
    each pod would be scraped twice.
    """
    return tuple(
        monitoring_object(plan, "PodMonitor", name, _pods(plan, name))
        for name in watched_services(plan)
        if plan.services[name].replicas.get(region, 0) > 0
    )


def _pods(plan: Plan, name: str) -> Document:
    """Build the specification of one PodMonitor."""
    own = any(True for _ in pods.metrics_ports(plan.scenario, name))
    endpoint = {
        "port": naming.METRICS_PORT_NAME if own else naming.PORT_NAME,
        "path": service_platform(plan, name).metrics_path,
        "relabelings": [set_label("service", name)],
    }
    return {
        "namespaceSelector": {"matchNames": [plan.scenario.namespace]},
        "selector": {"matchLabels": workload.labels(plan.scenario, name)},
        "podMetricsEndpoints": [endpoint],
    }


def set_label(label: str, value: str) -> Document:
    """Return a relabelling that sets a label; a dollar sign in the value is no reference."""
    return {"action": "replace", "targetLabel": label, "replacement": value.replace("$", "$$")}


def probes(
    plan: Plan, region: str, home: str, addresses: AddressPlan | None
) -> tuple[Document, ...]:
    """Return the probes that a region sends: to the other regions, and along its links.

    Parameters
    ----------
    plan : Plan
        What was decided.
    region, home : str
        Who probes, and the region that collects.
    addresses : AddressPlan or None
        Gateways of the mesh; None where there are no links to probe.
    """
    return (*_to_regions(plan, region, home), *_along_links(plan, region, home, addresses))


def _to_regions(plan: Plan, region: str, home: str) -> Iterator[Document]:
    """Probe the other regions where their users arrive."""
    for other in watched_regions(plan, home):
        if other != region:
            targets = [_socket(each) for each in plan.scenario.regions[other].ingress_addresses]
            labels = {"to_region": other}
            name = naming.shortened(f"to-{other}")
            yield _probe(plan, name, INGRESS_JOB, "tcp_connect", targets, labels)


def _along_links(
    plan: Plan, region: str, home: str, addresses: AddressPlan | None
) -> Iterator[Document]:
    """Probe the gateway at the far end of each link."""
    for name in watched_links(plan, home):
        link = plan.scenario.links[name]
        if addresses is not None and region in (link.from_region, link.to_region):
            far = link.to_region if region == link.from_region else link.from_region
            targets = [str(addresses.regions[far].mesh_address)]
            labels = {"to_region": far, "link": name}
            own = naming.shortened(f"link-{name}")
            yield _probe(plan, own, MESH_JOB, "icmp", targets, labels)


def _socket(address: str) -> str:
    """Write address and port."""
    version = ip_address(address).version
    return f"{address}:{HTTPS_PORT}" if version == 4 else f"[{address}]:{HTTPS_PORT}"


def _probe(
    plan: Plan, name: str, job: str, module: str, targets: list[str], labels: dict[str, str]
) -> Document:
    """Build one Probe, as often as DNS checks and no more patient."""
    dns = plan.scenario.dns
    spec = {
        "jobName": job,
        "module": module,
        "interval": duration(dns.check_interval_s),
        "scrapeTimeout": duration(min(max(dns.check_timeout_s, 1.0), dns.check_interval_s)),
        "prober": {"url": _prober(plan)},
        "targets": {"staticConfig": {"static": targets, "labels": labels}},
    }
    return monitoring_object(plan, "Probe", name, spec)


def _prober(plan: Plan) -> str:
    """Address of the prober inside each cluster."""
    namespace = platform_of(plan).monitoring_namespace
    return f"{naming.PROBER}.{namespace}.svc:{naming.PROBER_PORT}"
