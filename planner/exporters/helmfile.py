"""Helmfile: every chart of the platform, pinned, for each cluster, in the order of needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from planner.exporters import kubefed, naming, sites
from planner.exporters.requirements import absent, platform_of, require
from planner.exporters.sites import Sites
from planner.exporters.versions import COMPONENTS, Component, versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

TARGET = "helmfile"
TIMEOUT_S = 900
OCI = "oci://"


@dataclass(frozen=True)
class Release:
    """A chart that is installed at each of some clusters.

    Attributes
    ----------
    name : str
        Name of the release.
    component : str
        Key in `versions.COMPONENTS`.
    target : str
        Who writes its values.
    wave : str
        When it is installed.
    namespace : str
        Where; empty for that of the monitoring, which the scenario names.
    values : str
        Its values; ``*`` is the cluster.
    sites : callable
        Plan to the clusters that get it.
    needs : tuple of str
        Releases of the same cluster that come first.
    chosen : bool
        Whether it is installed only where somebody turns it on: steering has one owner.
    more : tuple of (str, callable)
        Further values, and the clusters that have them.
    """

    name: str
    component: str
    target: str
    wave: str
    namespace: str
    values: str
    sites: Sites
    needs: tuple[str, ...] = ()
    chosen: bool = False
    more: tuple[tuple[str, Sites], ...] = ()


RELEASES: tuple[Release, ...] = (
    Release(
        "tigera-operator",
        "calico",
        "calico",
        "network",
        naming.CALICO_NAMESPACE,
        "clusters/*/calico/values.yaml",
        sites.every,
    ),
    Release(
        "metallb",
        "metallb",
        "metallb",
        "base",
        naming.METALLB_NAMESPACE,
        "clusters/*/metallb/values.yaml",
        sites.every,
        ("tigera-operator",),
    ),
    Release(
        "rook-ceph",
        "rook-ceph",
        "rook",
        "base",
        naming.STORAGE_NAMESPACE,
        "clusters/*/rook/rook-ceph.values.yaml",
        sites.storage,
        ("tigera-operator",),
    ),
    Release(
        "ceph-csi-drivers",
        "ceph-csi-drivers",
        "rook",
        "base",
        naming.STORAGE_NAMESPACE,
        "clusters/*/rook/ceph-csi-drivers.values.yaml",
        sites.storage,
        ("rook-ceph",),
    ),
    Release(
        "rook-ceph-cluster",
        "rook-ceph-cluster",
        "rook",
        "base",
        naming.STORAGE_NAMESPACE,
        "clusters/*/rook/rook-ceph-cluster.values.yaml",
        sites.storage,
        ("rook-ceph", "ceph-csi-drivers"),
    ),
    Release(
        naming.MONITORING_RELEASE,
        "kube-prometheus-stack",
        "prometheus",
        "monitoring",
        "",
        "monitoring/*/prometheus/values.yaml",
        sites.watched,
        ("tigera-operator",),
        more=(
            ("monitoring/*/alertmanager/values.yaml", sites.alerting),
            ("monitoring/*/grafana/values.yaml", sites.monitoring_home),
        ),
    ),
    Release(
        "kubefed",
        "kubefed",
        "kubefed",
        "federation",
        kubefed.SYSTEM_NAMESPACE,
        "federation/kubefed/values.yaml",
        sites.kubefed,
        ("tigera-operator",),
    ),
    Release(
        "karmada",
        "karmada",
        "karmada",
        "federation",
        naming.KARMADA_NAMESPACE,
        "federation/karmada/values.yaml",
        sites.karmada_host,
        ("tigera-operator",),
    ),
    Release(
        "argo-rollouts",
        "argo-rollouts",
        "argo_rollouts",
        "workloads",
        naming.ARGO_ROLLOUTS_NAMESPACE,
        "clusters/*/argo-rollouts/values.yaml",
        sites.rolled_out,
        ("tigera-operator",),
    ),
    Release(
        "external-dns",
        "external-dns",
        "external_dns",
        "names",
        naming.EXTERNAL_DNS_NAMESPACE,
        "clusters/*/external-dns/values.yaml",
        sites.active,
        ("tigera-operator",),
    ),
    Release(
        "external-dns-steering",
        "external-dns",
        "external_dns",
        "steering",
        naming.EXTERNAL_DNS_NAMESPACE,
        "dns/external-dns/values.yaml",
        sites.host,
        ("external-dns",),
        chosen=True,
    ),
    Release(
        "coredns-steering",
        "coredns",
        "coredns",
        "steering",
        naming.COREDNS_NAMESPACE,
        "dns/coredns/values.yaml",
        sites.host,
        ("tigera-operator",),
        chosen=True,
    ),
)
"""In the order in which they are installed."""


def export_helmfile(plan: Plan) -> tuple[Manifest, ...]:
    """Return one helmfile for all clusters, each release with its context.

    Parameters
    ----------
    plan : Plan
        What was decided, with its platform: addresses of chart repositories are inputs.

    Returns
    -------
    tuple of Manifest
        ``helmfile.yaml``. Values are those that the other targets write.

    Raises
    ------
    MissingInputs
        With every chart repository that the platform does not name.
    UnfaithfulExport
        If a name is none or versions clash.
    """
    installed = tuple(releases(plan))
    clusters = {site for _, site in installed}
    names = {f"clusters.{cluster}": cluster for cluster in sorted(clusters)}
    names |= {f"namespaces of {r.name}": namespace_of(plan, r) for r, _ in installed}
    naming.refuse_bad_names(names)
    components = tuple(dict.fromkeys(release.component for release, _ in installed))
    table = versions(plan, components)
    repositories = tuple(dict.fromkeys(_repository(table[name]) for name in components))
    require(plan, TARGET, [f"chart_repositories.{name}" for name in repositories])
    document: Document = {
        "repositories": [_address(plan, name) for name in repositories],
        "helmDefaults": {"wait": True, "timeout": TIMEOUT_S, "createNamespace": True},
        "values": [{r.name: {"enabled": False} for r in RELEASES if r.chosen}],
        "releases": [_release(plan, *one, table[one[0].component]) for one in installed],
    }
    return (Manifest(PurePosixPath("helmfile.yaml"), (document,)),)


def releases(plan: Plan) -> Iterator[tuple[Release, str]]:
    """Yield each release at each of its clusters, in order.

    Parameters
    ----------
    plan : Plan
        Knows the clusters.
    """
    for release in RELEASES:
        for site in release.sites(plan):
            yield release, site


def missing_repositories(plan: Plan, target: str) -> tuple[str, ...]:
    """Return the paths of chart repositories that a target's charts need and nobody names.

    Parameters
    ----------
    plan : Plan
        Its platform names repositories.
    target : str
        Who writes values of charts; others need none.
    """
    components = [COMPONENTS[r.component] for r in RELEASES if r.target == target]
    paths = (f"chart_repositories.{_repository(component)}" for component in components)
    return tuple(dict.fromkeys(absent(plan, paths)))


def values_of(plan: Plan, release: Release, site: str) -> list[str]:
    """Return the files of values of a release at a cluster.

    Parameters
    ----------
    plan : Plan
        Knows which clusters have further values.
    release : Release
        A row of `RELEASES`.
    site : str
        The cluster.
    """
    more = [pattern for pattern, where in release.more if site in where(plan)]
    return [pattern.replace("*", site) for pattern in (release.values, *more)]


def namespace_of(plan: Plan, release: Release) -> str:
    """Return the namespace of a release; that of the monitoring is the scenario's choice.

    Parameters
    ----------
    plan : Plan
        Its platform names it.
    release : Release
        A row of `RELEASES`.
    """
    return release.namespace or platform_of(plan).monitoring_namespace


def _repository(component: Component) -> str:
    """Return the name of the repository of a chart."""
    if component.repository is None:
        raise ValueError(f"`component` must be a chart; {component.name} is none")
    return component.repository


def _address(plan: Plan, name: str) -> Document:
    """Build the entry of a repository; an OCI registry is written without its scheme."""
    url = platform_of(plan).chart_repositories[name]
    if url.startswith(OCI):
        return {"name": name, "url": url.removeprefix(OCI), "oci": True}
    return {"name": name, "url": url}


def _release(plan: Plan, release: Release, site: str, component: Component) -> Document:
    """Build a release at one cluster; only there are its needs looked for."""
    context = naming.cluster_context(site)
    there = {r.name: namespace_of(plan, r) for r, at in releases(plan) if at == site}
    needs = [f"{context}/{there[name]}/{name}" for name in release.needs if name in there]
    return {
        "name": release.name,
        "namespace": namespace_of(plan, release),
        "kubeContext": context,
        "chart": f"{_repository(component)}/{component.chart}",
        "version": component.version,
        "labels": {"wave": release.wave, "target": release.target, "cluster": site},
        "values": values_of(plan, release, site),
        **({"needs": needs} if needs else {}),
        **({"condition": f"{release.name}.enabled"} if release.chosen else {}),
    }
