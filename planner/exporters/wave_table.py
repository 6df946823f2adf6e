"""The waves of a roll-out in order, and the one place of each exported file in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from planner.exporters.wave_parts import TABLE
from planner.exporters.waves import Part, Wave, matches

WAVES: tuple[Wave, ...] = (
    Wave("mesh", "Mesh between the regions"),
    Wave(
        "machines",
        "Kubernetes on the machines",
        "Nodes become Ready in the next wave only: without a pod network they never are. So the "
        "READMEs below have that wave in their midst: do it for a cluster as soon as its first "
        "control plane answers, then let its other machines join. kubectl's context of a cluster "
        "is made from the kubeconfig of that machine (`/etc/kubernetes/admin.conf`, "
        "`/etc/rancher/k3s/k3s.yaml`), with the API server's address for `server` and the "
        "cluster's name for the context.",
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
