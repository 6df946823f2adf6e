"""The one table of versions: what each export is written for, and which Kubernetes that runs on.

Every exported file takes its versions from here, so that charts, images and API versions agree.  A
scenario may name others under ``platform.versions``; what does not go together is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from planner.errors import UnfaithfulExport
from planner.exporters.requirements import platform_of
from planner.model.plan import Plan

NEWEST = (1, 99)
"""Upper end of a range where the project states none."""

OLDEST_SUPPORTED = (1, 35)
"""Older series of Kubernetes are past their end of life in November 2026: each lives 14 months."""

KUBEADM_V1BETA4_SINCE = (1, 31)
"""`kubeadm.k8s.io/v1beta4` exists from here on; older clusters read ``v1beta3``."""


@dataclass(frozen=True)
class Component:
    """A program or chart of a stated version.

    Attributes
    ----------
    name : str
        Key in ``platform.versions``.
    version : str
        Version of the chart where there is one, else of the program.
    app_version : str
        Version of the program itself.
    kubernetes : tuple of ((int, int), (int, int))
        First and last series of Kubernetes that it runs on.
    repository : str or None
        Key in ``platform.chart_repositories``; None where it is no chart.
    chart : str or None
        Name of the chart.
    note : str
        Where the range comes from, or what to mind.
    """

    name: str
    version: str
    app_version: str
    kubernetes: tuple[tuple[int, int], tuple[int, int]] = ((1, 25), NEWEST)
    repository: str | None = None
    chart: str | None = None
    note: str = ""


_TABLE = (
    Component("kubernetes", "1.36.3", "1.36.3", ((1, 28), (1, 36)), note="what the tests run"),
    Component("k3s", "v1.36.3+k3s1", "v1.36.3", ((1, 28), (1, 36)), note="follows Kubernetes"),
    Component(
        "kubefed",
        "0.10.0",
        "v0.10.0",
        ((1, 16), (1, 36)),
        "kubefed",
        "kubefed",
        "its authors tested up to 1.24; measured on 1.36.3; archived in 2023",
    ),
    Component(
        "karmada",
        "1.18.2",
        "v1.18.2",
        ((1, 25), (1, 36)),
        "karmada",
        "karmada",
        "measured on 1.36.3",
    ),
    Component(
        "calico",
        "v3.32.1",
        "v3.32.1",
        ((1, 28), NEWEST),
        "projectcalico",
        "tigera-operator",
        "upper end not stated",
    ),
    Component(
        "metallb",
        "0.16.1",
        "v0.16.1",
        ((1, 19), NEWEST),
        "metallb",
        "metallb",
        "chart's kubeVersion",
    ),
    Component(
        "rook-ceph",
        "v1.20.6",
        "v1.20.6",
        ((1, 31), (1, 36)),
        "rook-release",
        "rook-ceph",
        "the project's documentation",
    ),
    Component(
        "rook-ceph-cluster",
        "v1.20.6",
        "v1.20.6",
        ((1, 31), (1, 36)),
        "rook-release",
        "rook-ceph-cluster",
        "the project's documentation",
    ),
    Component(
        "ceph-csi-drivers",
        "1.0.4",
        "1.0.4",
        ((1, 31), (1, 36)),
        "ceph-csi-operator",
        "ceph-csi-drivers",
        "needed by rook-ceph from v1.20 on",
    ),
    Component("ceph", "v20.2.4", "v20.2.4", note="image that rook-ceph-cluster v1.20.6 brings"),
    Component(
        "kube-prometheus-stack",
        "88.5.3",
        "v0.93.1",
        ((1, 25), NEWEST),
        "prometheus-community",
        "kube-prometheus-stack",
        "chart's kubeVersion",
    ),
    Component(
        "external-dns",
        "1.21.1",
        "0.21.0",
        ((1, 25), NEWEST),
        "external-dns",
        "external-dns",
        "annotationPrefix and policy are written out: both defaults change in 0.22",
    ),
    Component("coredns", "1.46.2", "1.14.5", ((1, 25), NEWEST), "coredns", "coredns"),
    Component("argo-rollouts", "2.41.0", "v1.9.0", ((1, 25), NEWEST), "argo", "argo-rollouts"),
    Component("gdnsd", "3.8.1", "3.8.1", note="no Kubernetes needed"),
    Component("powerdns", "4.7.3", "4.7.3", note="no Kubernetes needed"),
    Component("terraform-cloudflare", "5.22.0", "5.22.0", note="provider"),
)

COMPONENTS: Mapping[str, Component] = {component.name: component for component in _TABLE}
"""Name to component, as the exports are written for."""

_CHANGEABLE = frozenset({"kubernetes", "k3s", "ceph"})
"""Versions that a scenario may choose: exports are written for the others as they stand."""


def series(version: str) -> tuple[int, int]:
    """Return major and minor of a version.

    Examples
    --------
    >>> series("v1.36.3+k3s1"), series("1.28")
    ((1, 36), (1, 28))
    """
    major, minor = version.removeprefix("v").split("+")[0].split(".")[:2]
    return int(major), int(minor)


def versions(plan: Plan, used: tuple[str, ...] = tuple(COMPONENTS)) -> dict[str, Component]:
    """Return the components of an export, the scenario's choices in them.

    Parameters
    ----------
    plan : Plan
        Its scenario may choose versions.
    used : tuple of str
        Components that the export uses; only these must go together.

    Returns
    -------
    dict of str to Component
        All of the table, with the chosen versions.

    Raises
    ------
    UnfaithfulExport
        With every clash at once.
    """
    chosen = {name: str(v) for name, v in platform_of(plan).versions.items()}
    clashes = [*_unknown(chosen), *_fixed(chosen)]
    table = {
        name: replace(part, version=chosen[name], app_version=chosen[name])
        if name in chosen and name in _CHANGEABLE
        else part
        for name, part in COMPONENTS.items()
    }
    if not clashes:
        clashes = list(_clashes(table, used))
    if clashes:
        raise UnfaithfulExport("\n".join(["versions do not go together:", *clashes]))
    return table


def end_of_life(version: str) -> bool:
    """Return whether a series of Kubernetes is past its end of life.

    Examples
    --------
    >>> end_of_life("1.28"), end_of_life("1.36.3")
    (True, False)
    """
    return series(version) < OLDEST_SUPPORTED


def kubeadm_api(version: str) -> str:
    """Return the API version of kubeadm's configuration that a Kubernetes version reads.

    Examples
    --------
    >>> kubeadm_api("1.28.15"), kubeadm_api("1.36.3")
    ('kubeadm.k8s.io/v1beta3', 'kubeadm.k8s.io/v1beta4')
    """
    newest = series(version) >= KUBEADM_V1BETA4_SINCE
    return f"kubeadm.k8s.io/{'v1beta4' if newest else 'v1beta3'}"


def _unknown(chosen: Mapping[str, str]) -> Iterator[str]:
    """Find names that stand for no component."""
    for name in chosen:
        if name not in COMPONENTS:
            known = ", ".join(COMPONENTS)
            yield f"  platform.versions.{name}: no such component; there are {known}"


def _fixed(chosen: Mapping[str, str]) -> Iterator[str]:
    """Find choices of versions that the exports are not written for."""
    for name, version in chosen.items():
        known = COMPONENTS.get(name)
        if known is not None and name not in _CHANGEABLE and version != known.version:
            yield (
                f"  platform.versions.{name}: the exports are written for {known.version}, "
                f"not {version}; take it out"
            )


def _clashes(table: Mapping[str, Component], used: tuple[str, ...]) -> Iterator[str]:
    """Find components that do not run on the Kubernetes of the plan, and clusters that differ."""
    kubernetes, k3s = series(table["kubernetes"].version), series(table["k3s"].version)
    if abs(kubernetes[1] - k3s[1]) > 1 or kubernetes[0] != k3s[0]:
        yield (
            f"  kubernetes {_dots(kubernetes)} and k3s {_dots(k3s)} are more than one series apart"
        )
    for name in used:
        low, high = table[name].kubernetes
        for cluster, at in (("kubernetes", kubernetes), ("k3s", k3s)):
            if name != "k3s" and not low <= at <= high:
                top = "any later one" if high == NEWEST else _dots(high)
                yield (
                    f"  {name} {table[name].version} runs on Kubernetes {_dots(low)} to {top}, "
                    f"not on {cluster} {_dots(at)}"
                )


def _dots(at: tuple[int, int]) -> str:
    """Write a series."""
    return f"{at[0]}.{at[1]}"
