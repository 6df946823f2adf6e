"""The rows of the table of waves: every file of every target, its wave, and what is waited for."""

from __future__ import annotations

from planner.exporters import kubefed, naming, sites
from planner.exporters.waves import Part

_NODES = "kubectl --context {context} wait --for=condition=Ready node --all --timeout=10m"
_READY = "kubectl --context {context} get --raw /readyz"


def _available(namespace: str) -> str:
    """Return the command that waits for every Deployment of a namespace."""
    return (
        f"kubectl --context {{context}} --namespace {namespace} "
        "wait --for=condition=Available deployment --all --timeout=10m"
    )


def _operated(kind: str) -> str:
    """Return the command that waits for what the operator makes of an object of the chart."""
    return (
        "kubectl --context {context} --namespace {monitoring} "
        f"wait --for=condition=Available {kind} --all --timeout=10m"
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
        Part(target, "monitoring", "chart", (f"{folder}/values.yaml",), folder, where, waits)
        for target, folder, where, waits in (
            (
                "prometheus",
                "monitoring/*/prometheus",
                sites.watched,
                (_available("{monitoring}"), _operated("prometheus")),
            ),
            (
                "alertmanager",
                "monitoring/*/alertmanager",
                sites.alerting,
                (_operated("alertmanager"),),
            ),
            ("grafana", "monitoring/*/grafana", sites.monitoring_home, ()),
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
            "federation/kubefed/hours.yaml",
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
    Part(
        "karmada",
        "federation",
        "host",
        (
            "federation/karmada/failover/*.sh",
            "federation/karmada/failover/rebalance.yaml",
        ),
        "federation/karmada/failover",
        sites.karmada_of_failover,
        note="`allow-taints.sh` before the taint policy; `failback.sh` after a loss",
    ),
    Part(
        "karmada",
        "federation",
        "apply",
        (
            "federation/karmada/failover/kustomization.yaml",
            "federation/karmada/failover/taint-policy.yaml",
        ),
        "federation/karmada/failover",
        sites.karmada_of_failover,
    ),
    Part(
        "argo_rollouts",
        "federation",
        "apply",
        ("federation/karmada/rollouts/**",),
        "federation/karmada/rollouts",
        sites.karmada_of_rollouts,
    ),
    Part("kubernetes", "workloads", "apply", ("clusters/*/workloads/**",), "clusters/*/workloads"),
    Part(
        "argo_rollouts",
        "workloads",
        "chart",
        ("clusters/*/argo-rollouts/values.yaml",),
        "clusters/*/argo-rollouts",
        sites.rolled_out,
        (_available(naming.ARGO_ROLLOUTS_NAMESPACE),),
    ),
    Part(
        "argo_rollouts",
        "workloads",
        "apply",
        ("clusters/*/rollouts/**",),
        "clusters/*/rollouts",
        sites.rolled_out,
        note="for a new version of a service use `docs/rollouts/rollout.sh`",
    ),
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
