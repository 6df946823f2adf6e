"""Exporters, one module a target: from a plan to manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePosixPath

from planner.errors import MissingInputs
from planner.exporters.clusters import export_clusters
from planner.exporters.coredns import export_coredns
from planner.exporters.external_dns import export_external_dns
from planner.exporters.karmada import export_karmada
from planner.exporters.kubefed import export_kubefed
from planner.model.manifest import Manifest
from planner.model.plan import Plan

ALL = "all"

TARGETS: dict[str, Callable[[Plan], tuple[Manifest, ...]]] = {
    "clusters": export_clusters,
    "kubefed": export_kubefed,
    "karmada": export_karmada,
    "coredns": export_coredns,
    "external_dns": export_external_dns,
}
"""Target to what writes it. Targets share no file, but for the clusters' own DNS names, which
`clusters` and `external_dns` write alike."""


def export(
    plan: Plan, targets: str | Iterable[str] = ALL, *, pin: bool = False
) -> tuple[Manifest, ...]:
    """Turn a plan into files that clusters accept.

    Parameters
    ----------
    plan : Plan
        What was decided, with its scenario.
    targets : str or iterable of str, default: "all"
        Names of `TARGETS`, or ``all``; hyphens count as underscores.
    pin : bool, default: False
        Fix KubeFed's replicas per cluster instead of letting a preference divide them.

    Returns
    -------
    tuple of Manifest
        In order of path, each path once.

    Raises
    ------
    ValueError
        If a target is not known.
    MissingInputs
        If targets need what the scenario's platform does not say; names all of it.
    UnfaithfulExport
        If a target cannot express the plan, or its controller would do something else.
    """
    named = [targets] if isinstance(targets, str) else list(targets)
    chosen = list(TARGETS) if ALL in named else [name.replace("-", "_") for name in named]
    unknown = [name for name in chosen if name not in TARGETS]
    if unknown:
        raise ValueError(f"`targets` must be among {', '.join(TARGETS)}; not '{unknown[0]}'")
    writers = TARGETS | {"kubefed": partial(export_kubefed, pin=pin)}
    manifests: dict[PurePosixPath, Manifest] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for name in TARGETS:
        if name in chosen:
            try:
                manifests |= {manifest.path: manifest for manifest in writers[name](plan)}
            except MissingInputs as error:
                missing |= error.missing
    if missing:
        raise MissingInputs(missing)
    return tuple(manifests[path] for path in sorted(manifests))
