"""The table of waves: every file of every target, when it is applied, and what is waited for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from planner.exporters import kubefed, naming, sites
from planner.exporters.waves import Part, Wave, matches

WAVES: tuple[Wave, ...] = (
    Wave("mesh", "Mesh between the regions"),
    Wave(
        "machines",
        "Kubernetes on the machines",
        "Nodes become Ready in the next wave only: without a pod network they never are.",
    ),
    Wave("network", "Pod network"),
    Wave("base", "Storage, addresses, priorities"),
    Wave(
        "monitoring",
        "Metrics, alerts and dashboards",
        "Before the services, so that their first minute is seen.",
    ),
    Wave("federation", "Federation: namespace, Deployments, Services"),
    Wave(
        "workloads",
        "What surrounds the services",
        "Network policies and quota come into force here.",
    ),
    Wave("names", "The clusters' own names"),
    Wave(
        "steering",
        "Steering of users",
        "Last, when every cluster answers. **Choose one target**: two owners of one name fight.",
    ),
)
"""In order."""

DOCUMENTATION = (
    "README.md",
    "**/README.md",
    "OPERATIONS.md",
    "secrets.md",
    "docs/**",
    "dns/*/realised*.csv",
    "monitoring/metrics.md",
    "monitoring/metrics.csv",
)
"""Files that are read and applied nowhere."""

INDEX = ("helmfile.yaml", "clusters/*/kustomization.yaml")
"""Files that only list what stands in others."""

_NODES = "kubectl --context {context} wait --for=condition=Ready node --all --timeout=10m"
_READY = "kubectl --context {context} get --raw /readyz"


def _available(namespace: str) -> str:
    """Return the command that waits for every Deployment of a namespace."""
    return (
        f"kubectl --context {{context}} --namespace {namespace} "
        "wait --for=condition=Available deployment --all --timeout=10m"
    )


TABLE: tuple[Part, ...] = (
    Part(
        "wireguard",
        "mesh",
        "host",
        ("hosts/*/wireguard/**",),
        "hosts/*/wireguard",
        sites.every,
        note="on the gateway; then `wg show` has a handshake with every peer",
    ),
    Part(
        "kubeadm",
        "machines",
        "host",
        ("hosts/*/kubeadm/**",),
        "hosts/*/kubeadm",
        sites.kubeadm,
        (_READY,),
    ),
    Part("k3s", "machines", "host", ("hosts/*/k3s/**",), "hosts/*/k3s", sites.k3s, (_READY,)),
    Part(
        "calico",
        "network",
        "chart",
        ("clusters/*/calico/values.yaml",),
        "clusters/*/calico",
        sites.every,
        (
            "kubectl --context {context} wait --for=condition=Available tigerastatus --all "
            "--timeout=10m",
            _NODES,
        ),
    ),
    Part(
        "calico",
        "network",
        "apply",
        (
            "clusters/*/calico/kustomization.yaml",
            "clusters/*/calico/bgp.yaml",
            "clusters/*/calico/ippools.yaml",
        ),
        "clusters/*/calico",
        sites.every,
    ),
    Part(
        "metallb",
        "base",
        "chart",
        ("clusters/*/metallb/values.yaml",),
        "clusters/*/metallb",
        sites.every,
        (_available(naming.METALLB_NAMESPACE),),
    ),
    Part(
        "metallb",
        "base",
        "apply",
        (
            "clusters/*/metallb/kustomization.yaml",
            "clusters/*/metallb/pool.yaml",
            "clusters/*/metallb/services.yaml",
        ),
        "clusters/*/metallb",
        sites.every,
        note="the Services have the addresses that DNS hands out: `network/metallb/README.md`",
    ),
    Part(
        "rook",
        "base",
        "chart",
        ("clusters/*/rook/*.values.yaml",),
        "clusters/*/rook",
        sites.storage,
        (
            f"kubectl --context {{context}} --namespace {naming.STORAGE_NAMESPACE} "
            "wait --for=jsonpath='{.status.ceph.health}'=HEALTH_OK cephcluster --all "
            "--timeout=30m",
        ),
    ),
    Part(
        "rook",
        "base",
        "apply",
        ("clusters/*/rook/kustomization.yaml", "clusters/*/rook/mirror.yaml"),
        "clusters/*/rook",
        sites.mirrored,
        note="then hand the sites' tokens over: `network/rook/README.md`",
    ),
    Part("kubernetes", "base", "apply", ("clusters/*/base/**",), "clusters/*/base"),
    *(
        Part(target, "monitoring", "chart", (f"{folder}/values.yaml",), folder, where, (), note)
        for target, folder, where, note in (
            ("prometheus", "monitoring/*/prometheus", sites.watched, ""),
            ("alertmanager", "monitoring/*/alertmanager", sites.alerting, ""),
            ("grafana", "monitoring/*/grafana", sites.monitoring_home, ""),
        )
    ),
    Part(
        "prometheus",
        "monitoring",
        "apply",
        tuple(
            f"monitoring/*/prometheus/{name}.yaml"
            for name in (
                "kustomization",
                "namespace",
                "pod-monitors",
                "probes",
                "rules",
                "remote-write",
            )
        ),
        "monitoring/*/prometheus",
        sites.watched,
        (),
        "the prober is installed by hand: `monitoring/README.md`",
    ),
    Part(
        "grafana",
        "monitoring",
        "apply",
        (
            "monitoring/*/grafana/kustomization.yaml",
            "monitoring/*/grafana/world.yaml",
            "monitoring/*/grafana/plan.yaml",
        ),
        "monitoring/*/grafana",
        sites.monitoring_home,
    ),
    Part(
        "kubefed",
        "federation",
        "chart",
        ("federation/kubefed/values.yaml", "federation/kubefed/join.sh"),
        "federation/kubefed",
        sites.kubefed,
        (_available(kubefed.SYSTEM_NAMESPACE),),
        "then `federation/kubefed/join.sh` joins every cluster and waits for it",
    ),
    Part(
        "kubefed",
        "federation",
        "apply",
        (
            "federation/kubefed/kustomization.yaml",
            "federation/kubefed/namespace.yaml",
            "federation/kubefed/clusters.yaml",
            "federation/kubefed/services/*.yaml",
        ),
        "federation/kubefed",
        sites.kubefed,
    ),
    Part(
        "karmada",
        "federation",
        "chart",
        ("federation/karmada/values.yaml", "federation/karmada/register.sh"),
        "federation/karmada",
        sites.karmada_host,
        (_available(naming.KARMADA_NAMESPACE),),
        "then `federation/karmada/register.sh` registers every cluster and waits for it",
    ),
    Part(
        "karmada",
        "federation",
        "apply",
        (
            "federation/karmada/kustomization.yaml",
            "federation/karmada/namespace.yaml",
            "federation/karmada/services/*.yaml",
        ),
        "federation/karmada",
        sites.karmada,
    ),
    Part("kubernetes", "workloads", "apply", ("clusters/*/workloads/**",), "clusters/*/workloads"),
    Part(
        "external_dns",
        "names",
        "chart",
        ("clusters/*/external-dns/values.yaml",),
        "clusters/*/external-dns",
        waits=(_available(naming.EXTERNAL_DNS_NAMESPACE),),
    ),
    Part(
        "external_dns",
        "names",
        "apply",
        (
            "clusters/*/external-dns/kustomization.yaml",
            "clusters/*/external-dns/endpoints.yaml",
        ),
        "clusters/*/external-dns",
    ),
    *(
        Part(target, "steering", "provider", (f"{folder}/**",), folder, sites.host)
        for target, folder in (
            ("coredns", "dns/coredns"),
            ("external_dns", "dns/external-dns"),
            ("cloudflare", "dns/cloudflare"),
            ("route53", "dns/route53"),
            ("gdnsd", "dns/gdnsd"),
            ("powerdns", "dns/powerdns"),
        )
    ),
)
"""Every part, in the order in which it is applied within its wave."""


def part_of(path: PurePosixPath) -> Part | None:
    """Return the part that a file belongs to; None for documentation and for lists of files.

    Parameters
    ----------
    path : PurePosixPath
        Below the export.

    Raises
    ------
    ValueError
        If the table has no place for it, or more than one.

    Examples
    --------
    >>> part_of(PurePosixPath("clusters/tokyo-edge/base/kustomization.yaml")).wave
    'base'
    >>> part_of(PurePosixPath("dns/gdnsd/README.md")) is None
    True
    """
    if _any(DOCUMENTATION + INDEX, path):
        return None
    found = [part for part in TABLE if _any(part.files, path)]
    if len(found) != 1:
        raise ValueError(f"`path` must be in one part of the waves; {path} is in {len(found)}")
    return found[0]


def _any(patterns: Iterable[str], path: PurePosixPath) -> bool:
    """Return whether a path is one of some patterns."""
    return any(matches(pattern, path) for pattern in patterns)
