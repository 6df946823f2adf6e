"""What a roll-out needs and no chart of the export brings, and how one sees that it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from planner.exporters import naming, sites, workload
from planner.exporters.machines import api_endpoint, is_address
from planner.exporters.prometheus_values import publishes
from planner.exporters.requirements import platform_of, region_platform, service_platform
from planner.model.plan import Plan

TRAEFIK = "traefik"
GATEWAY_KINDS = "httproutes.gateway.networking.k8s.io"
METRICS_API = "v1beta1.metrics.k8s.io"


@dataclass(frozen=True)
class Prerequisite:
    """A thing that somebody else installs.

    Attributes
    ----------
    wave : str
        The wave whose files need it.
    what : str
        What it is, with the names by which the files refer to it.
    contexts : tuple of str
        Contexts of the clusters that need it.
    check : str
        A command that fails where it is not there; ``{context}`` is the cluster's.
    """

    wave: str
    what: str
    contexts: tuple[str, ...]
    check: str

    @property
    def checks(self) -> tuple[str, ...]:
        """The command for each cluster."""
        return tuple(self.check.replace("{context}", context) for context in self.contexts)


def prerequisites(plan: Plan) -> tuple[Prerequisite, ...]:
    """Return what a plan's export needs beside itself.

    Parameters
    ----------
    plan : Plan
        What was decided, with its platform.
    """
    return tuple(one for source in _SOURCES for one in source(plan) if one.contexts)


def tools(plan: Plan) -> tuple[str, ...]:
    """Return the programs that commands and scripts of the export call, beside kubectl and Helm.

    Parameters
    ----------
    plan : Plan
        Its controller and its platform decide which.
    """
    controller = plan.scenario.federation.controller
    join = "`kubefedctl`" if controller == "kubefed" else "`karmadactl`"
    mesh = "`wg` and `wg-quick` on the gateways"
    saved = ["`aws` for the backups"] if platform_of(plan).backups is not None else []
    steering = "`jq` and `aws`, `terraform` or a name server for the steering that you choose"
    return (f"{join} of the version below", mesh, *saved, steering)


def names_in_checks(plan: Plan) -> dict[str, str]:
    """Return the names that stand in the commands, by their path in the scenario.

    Parameters
    ----------
    plan : Plan
        Its platform has an ingress class in every active region.
    """
    platform = platform_of(plan)
    names = {
        "platform.monitoring_namespace": platform.monitoring_namespace,
        "platform.ingress_controller_namespace": platform.ingress_controller_namespace,
    }
    classes = {
        f"platform.regions.{name}.ingress_class": region_platform(plan, name).ingress_class
        for name in plan.active_regions
    }
    return names | {path: str(name) for path, name in classes.items()}


def named_endpoints(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Return cluster and API endpoint where that is a name: somebody must lead it to the servers.

    Parameters
    ----------
    plan : Plan
        Regions without an endpoint are left out.
    """
    known = {n: r for n, r in plan.scenario.regions.items() if r.api_endpoint is not None}
    found = ((region.cluster, api_endpoint(plan, name)[0]) for name, region in known.items())
    return tuple((cluster, host) for cluster, host in found if not is_address(host))


def _edge(plan: Plan) -> Iterator[Prerequisite]:
    """Name the controller of each class where nothing brings it, and the class everywhere."""
    namespace = platform_of(plan).ingress_controller_namespace
    by_class: dict[tuple[str, bool], list[str]] = {}
    for cluster in sites.active(plan):
        region = workload.region_of_cluster(plan.scenario)[cluster]
        name = str(region_platform(plan, region).ingress_class)
        bundled = name == TRAEFIK and plan.scenario.regions[region].distribution == "k3s"
        by_class.setdefault((name, bundled), []).append(cluster)
    for (name, bundled), clusters in by_class.items():
        yield Prerequisite(
            "base",
            _controller(plan, name, namespace, bundled),
            _contexts(clusters),
            _class(plan, name),
        )


def _controller(plan: Plan, name: str, namespace: str, bundled: bool) -> str:
    """Say what the controller of a class must be."""
    gateway = platform_of(plan).routes == "gateway"
    kinds = " and the kinds of the Gateway API (v1)" if gateway else ""
    if name != TRAEFIK:
        addressed = f"in `{namespace}`, with the ingress addresses"
        return f"a controller of the class `{name}` {addressed}{kinds}; no chart here installs it"
    switch = " and the Gateway API as a provider (`providers.kubernetesGateway`)" if gateway else ""
    ports = (
        f"in `{namespace}`, pods labelled `{naming.NAME_LABEL}: {TRAEFIK}` with ports `web` and "
        f"`websecure`, its own Service of type ClusterIP{switch}"
    )
    if bundled:
        return f"Traefik as K3s brings it{kinds}: {ports}"
    return f"Traefik with the class `{name}`{kinds}: {ports}; no chart here installs it"


def _class(plan: Plan, name: str) -> str:
    """Return the command that looks for a class."""
    kind = "gatewayclass" if platform_of(plan).routes == "gateway" else "ingressclass"
    kinds = f" && kubectl --context {{context}} get crd {GATEWAY_KINDS}"
    command = f"kubectl --context {{context}} get {kind} {name}"
    return command + (kinds if kind == "gatewayclass" else "")


def _middleware(plan: Plan) -> Iterator[Prerequisite]:
    """Name Traefik's own kinds where the home's receiver is published by them."""
    home = platform_of(plan).monitoring.home
    if home in plan.scenario.regions and publishes(plan, home, home):
        yield Prerequisite(
            "monitoring",
            "Traefik's kind Middleware, which its chart brings",
            _contexts([workload.cluster_of(plan.scenario, home)]),
            "kubectl --context {context} get crd middlewares.traefik.io",
        )


def _prober(plan: Plan) -> Iterator[Prerequisite]:
    """Name the prober, where regions look at each other."""
    clusters = sites.watched(plan)
    namespace = platform_of(plan).monitoring_namespace
    if len(clusters) > 1:
        yield Prerequisite(
            "monitoring",
            f"Prometheus's blackbox_exporter: Service `{naming.PROBER}` in `{namespace}`, port "
            f"{naming.PROBER_PORT}, modules `tcp_connect` and `icmp`; no chart here installs it",
            _contexts(clusters),
            f"kubectl --context {{context}} --namespace {namespace} get service {naming.PROBER}",
        )


def _metrics(plan: Plan) -> Iterator[Prerequisite]:
    """Name what autoscalers read, where nothing brings it."""
    placed = workload.placed_services(plan)
    scalers = {service_platform(plan, name).scaler for name in placed} - {"pinned"}
    check = f"kubectl --context {{context}} get apiservice {METRICS_API}"
    if scalers:
        text = "metrics-server, from which autoscalers read CPU (K3s brings it, kubeadm does not)"
        yield Prerequisite("workloads", text, _contexts(sites.active(plan)), check)
    if "federated" in scalers:
        adapter = (
            "Karmada's metrics adapter, from which a FederatedHPA reads (`components` of its chart)"
        )
        yield Prerequisite("federation", adapter, _contexts(sites.karmada(plan)), check)


def _contexts(clusters: Iterable[str]) -> tuple[str, ...]:
    """Return the contexts of some clusters."""
    return tuple(naming.cluster_context(cluster) for cluster in clusters)


_SOURCES: tuple[Callable[[Plan], Iterator[Prerequisite]], ...] = (
    _edge,
    _middleware,
    _prober,
    _metrics,
)
