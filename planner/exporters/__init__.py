"""Exporters, one module a target: from a plan to manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from planner.errors import MissingInputs, PlannerError
from planner.exporters import naming
from planner.exporters.alertmanager import export_alertmanager
from planner.exporters.argo_rollouts import export_argo_rollouts
from planner.exporters.calico import export_calico
from planner.exporters.cloudflare import export_cloudflare
from planner.exporters.clusters import export_clusters
from planner.exporters.coredns import export_coredns
from planner.exporters.external_dns import export_external_dns
from planner.exporters.failover import export_failover
from planner.exporters.forms import refuse_bad_forms
from planner.exporters.gdnsd import export_gdnsd
from planner.exporters.grafana import export_grafana
from planner.exporters.helmfile import export_helmfile, missing_repositories
from planner.exporters.hosted_zone import export_route53
from planner.exporters.k3s import export_k3s
from planner.exporters.karmada import export_karmada
from planner.exporters.kubeadm import export_kubeadm
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubernetes import export_kubernetes
from planner.exporters.mermaid import export_mermaid
from planner.exporters.metallb import export_metallb
from planner.exporters.operations import export_operations
from planner.exporters.powerdns import export_powerdns
from planner.exporters.prometheus import export_prometheus
from planner.exporters.rook import export_rook
from planner.exporters.secrets_list import export_secrets
from planner.exporters.wireguard import export_wireguard
from planner.model.manifest import Manifest
from planner.model.plan import Plan

Export = Callable[[Plan], tuple[Manifest, ...]]

ALL = "all"

_OF_ANY_SCENARIO: dict[str, Export] = {
    "clusters": export_clusters,
    "kubefed": export_kubefed,
    "karmada": export_karmada,
    "coredns": export_coredns,
    "external_dns": export_external_dns,
}
_OF_A_PLATFORM: dict[str, Export] = {
    "kubernetes": export_kubernetes,
    "kubeadm": export_kubeadm,
    "k3s": export_k3s,
    "wireguard": export_wireguard,
    "calico": export_calico,
    "metallb": export_metallb,
    "rook": export_rook,
    "cloudflare": export_cloudflare,
    "route53": export_route53,
    "gdnsd": export_gdnsd,
    "powerdns": export_powerdns,
    "prometheus": export_prometheus,
    "alertmanager": export_alertmanager,
    "grafana": export_grafana,
    "argo_rollouts": export_argo_rollouts,
    "failover": export_failover,
    "mermaid": export_mermaid,
    "helmfile": export_helmfile,
    "secrets": export_secrets,
    "operations": export_operations,
}

TARGETS: dict[str, Export] = _OF_ANY_SCENARIO | _OF_A_PLATFORM
"""Target to what writes it. A file that two targets write, they write alike: the clusters' own
trees (`clusters`, `kubernetes`) and names (`external_dns`)."""

NEEDS_PLATFORM = frozenset(_OF_A_PLATFORM)
"""Targets that say nothing without the scenario's section ``platform``."""


@dataclass(frozen=True)
class Exported:
    """What became of each target that was asked for.

    Attributes
    ----------
    manifests : tuple of Manifest
        Files of the targets that could be written, in order of path, each path once.
    refusals : dict
        Target to why it could not.
    left_out : tuple of str
        Targets that ``all`` leaves out, because the scenario has no platform.
    """

    manifests: tuple[Manifest, ...]
    refusals: dict[str, PlannerError]
    left_out: tuple[str, ...]


def export(
    plan: Plan, targets: str | Iterable[str] = ALL, *, pin: bool = False
) -> tuple[Manifest, ...]:
    """Turn a plan into files that clusters accept.

    Parameters
    ----------
    plan : Plan
        What was decided, with its scenario.
    targets : str or iterable of str, default: "all"
        Names of `TARGETS`, or ``all``; hyphens count as underscores. Where the scenario has no
        platform, ``all`` is what needs none.
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
    done = export_each(plan, targets, pin=pin)
    refusal = first_refusal(done)
    if refusal is not None:
        raise refusal
    return done.manifests


def export_each(plan: Plan, targets: str | Iterable[str] = ALL, *, pin: bool = False) -> Exported:
    """Write what can be written, and say of each other target why not.

    Parameters
    ----------
    plan, targets, pin
        As for `export`.

    Returns
    -------
    Exported
        Files, refusals, and what was left out.

    Raises
    ------
    ValueError
        If a target is not known.
    """
    named = _known(targets)
    has_platform = plan.scenario.platform is not None
    writers = TARGETS | {"kubefed": partial(export_kubefed, pin=pin)}
    unfit = _unfit(plan)
    files: dict[PurePosixPath, Manifest] = {}
    refusals: dict[str, PlannerError] = {}
    chosen = chosen_targets(named, has_platform)
    for name in chosen:
        try:
            if unfit is not None:
                raise unfit
            written = writers[name](plan)
        except PlannerError as error:
            refusals[name] = _with_charts(plan, name, error) if "helmfile" in chosen else error
            continue
        for manifest in written:
            if files.setdefault(manifest.path, manifest) != manifest:
                raise ValueError(f"two targets write {manifest.path}, and differently")
    return Exported(
        tuple(files[path] for path in sorted(files)), refusals, left_out(named, has_platform)
    )


def first_refusal(done: Exported) -> PlannerError | None:
    """Return the error that speaks for all: whatever is missing anywhere, else the first refusal.

    Parameters
    ----------
    done : Exported
        What became of each target.
    """
    missing: dict[str, tuple[str, ...]] = {}
    for error in done.refusals.values():
        if isinstance(error, MissingInputs):
            missing |= error.missing
    if missing:
        return MissingInputs(missing)
    return next(iter(done.refusals.values()), None)


def _unfit(plan: Plan) -> PlannerError | None:
    """Return why no target may write a plan: names or texts that could leave their field."""
    try:
        naming.refuse_bad_names(naming.names_of(plan))
        refuse_bad_forms(plan)
    except PlannerError as error:
        return error
    return None


def _with_charts(plan: Plan, target: str, error: PlannerError) -> PlannerError:
    """Add to what a target lacks the repositories of its charts, which helmfile asks for then."""
    more = missing_repositories(plan, target)
    if not isinstance(error, MissingInputs) or not more:
        return error
    own = error.missing.get(target, ())
    return MissingInputs(error.missing | {target: tuple(dict.fromkeys((*own, *more)))})


def chosen_targets(targets: Iterable[str], has_platform: bool) -> tuple[str, ...]:
    """Return the targets that are meant, in the order of `TARGETS`.

    Parameters
    ----------
    targets : iterable of str
        Names of `TARGETS`, or ``all``.
    has_platform : bool
        Whether the scenario has a platform.
    """
    named = set(targets)
    some = set(TARGETS) if has_platform else set(_OF_ANY_SCENARIO)
    meant = named | some if ALL in named else named
    return tuple(name for name in TARGETS if name in meant)


def left_out(targets: Iterable[str], has_platform: bool) -> tuple[str, ...]:
    """Return the targets that ``all`` would mean if the scenario had a platform.

    Parameters
    ----------
    targets, has_platform
        As for `chosen_targets`.
    """
    named = set(targets)
    if ALL not in named or has_platform:
        return ()
    return tuple(name for name in _OF_A_PLATFORM if name not in named)


def _known(targets: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names as `TARGETS` has them."""
    given = [targets] if isinstance(targets, str) else list(targets)
    names = tuple(name.replace("-", "_") for name in given)
    unknown = [name for name in names if name not in TARGETS and name != ALL]
    if unknown:
        raise ValueError(f"`targets` must be among {', '.join(TARGETS)}; not '{unknown[0]}'")
    return names
