"""KubeFed by the hour: jobs that set each service's total, and the rights that this takes.

KubeFed has no autoscaler over clusters.  Its preference has one number that says how many replicas
there are, and a clock can set it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from planner.errors import UnfaithfulExport
from planner.exporters import naming, workload
from planner.exporters.agreement import must_agree
from planner.exporters.divided_states import divided_states
from planner.exporters.hours import day_totals, hour_by_hour, schedule_of
from planner.exporters.preferences import preference_key, preferences
from planner.exporters.requirements import platform_of, service_platform
from planner.exporters.schedules import settings
from planner.federation.kubefed import divide
from planner.model.manifest import Document
from planner.model.plan import Plan

CONTROLLER = "kubefed"
ACCOUNT = "replica-hours"
"""Account, Role and RoleBinding of the jobs."""

LATEST_START_S = 300
"""A job that could not start for so long is left out: the next full hour sets the total anew."""

_API = "rbac.authorization.k8s.io"
_PREFERENCES = "replicaschedulingpreferences"
_LONGEST = 52
_USER = 65532
"""Nobody in particular: the job writes nothing and reads its token only."""


def hour_inputs(plan: Plan) -> list[str]:
    """Return the paths below ``platform`` that a schedule of totals needs.

    Parameters
    ----------
    plan : Plan
        Nothing is needed where no service asks KubeFed for totals by the hour.
    """
    asked = plan.scenario.policy.replicas == "hourly" and any(_asks(plan))
    return ["images.kubectl"] if asked else []


def refuse_without_hours(plan: Plan, name: str) -> None:
    """Refuse a scaler over all clusters of KubeFed that has no schedule to follow.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name : str
        The service, its scaler 'federated'.

    Raises
    ------
    UnfaithfulExport
        If totals do not follow the day, KubeFed may not rebalance, or the plan has no schedule.
    """
    if plan.scenario.federation.controller != CONTROLLER:
        return
    asked = f"platform.services.{name}.scaler is 'federated', but KubeFed has no autoscaler over "
    if plan.scenario.policy.replicas != "hourly":
        raise UnfaithfulExport(
            f"{asked}clusters; write policy.replicas hourly, with which jobs set its totals, "
            "or 'member' or 'pinned', or federation.controller karmada"
        )
    if not plan.scenario.federation.rebalance:
        raise UnfaithfulExport(
            f"{asked}clusters and without federation.rebalance divides no total that falls; "
            "set that to true, or write 'member' or 'pinned'"
        )
    if schedule_of(plan, name, CONTROLLER) is None:
        raise UnfaithfulExport(
            f"{asked}clusters, and this plan has no totals by the hour; plan again, or write "
            "'member' or 'pinned'"
        )


def refuse_unfit_hours(plan: Plan, name: str) -> None:
    """Refuse totals that KubeFed divides otherwise than planned, or that do not fit the pools.

    Parameters
    ----------
    plan : Plan
        As `planner.exporters.hours.as_scheduled` has it.
    name : str
        The service.

    Raises
    ------
    UnfaithfulExport
        Naming hour and state.
    """
    scenario, stated = plan.scenario, preferences(plan, name)
    regions, key = workload.region_of_cluster(scenario), preference_key(plan, name)
    most = plan.services[name].max_replicas
    for hour, stands in hour_by_hour(plan, name, CONTROLLER):
        total = stands.services[name].total
        for state in divided_states(plan):
            left = [cluster for cluster, region in regions.items() if region not in state.lost]
            placed, _ = divide(total, stated, left, key=key)
            if not state.lost:
                must_agree("KubeFed", placed, stands, name)
            for cluster, count in placed.items():
                held = most.get(regions[cluster], 0)
                if count > held:
                    raise UnfaithfulExport(
                        f"KubeFed would place {count} replicas of the service '{name}' in "
                        f"'{cluster}' in the state '{state.name}'; its pools hold {held}, with the "
                        f"total {total} of {hour:02d}:00 UTC"
                    )


def hour_objects(plan: Plan) -> tuple[Document, ...]:
    """Return what sets the totals by the hour on the cluster that hosts KubeFed.

    Parameters
    ----------
    plan : Plan
        Its platform names the image.

    Returns
    -------
    tuple of dict
        Account, Role and RoleBinding, and a CronJob for each service, total and minute of the
        hour; nothing where no total follows the day.

    Notes
    -----
    Each hour sets its total anew: a cluster that was away at a change has it an hour later. The
    jobs stand in KubeFed's own namespace: that of the services lets nothing out to the API server.
    """
    followed = tuple(name for name in _asks(plan) if schedule_of(plan, name, CONTROLLER))
    if not followed or plan.hourly is None:
        return ()
    jobs = []
    for name in followed:
        startup_s = plan.scenario.services[name].startup_s
        for (minute, total), hours in settings(day_totals(plan.hourly, name), startup_s).items():
            jobs.append(_job(plan, name, minute, total, hours))
    return (_account(plan), *_rights(plan, followed), *jobs)


def _asks(plan: Plan) -> Iterator[str]:
    """Yield the services that ask KubeFed for a scaler over all clusters."""
    if plan.scenario.federation.controller == CONTROLLER:
        for name in workload.placed_services(plan):
            if service_platform(plan, name).scaler == "federated":
                yield name


def _metadata(plan: Plan, name: str, namespace: str) -> Document:
    """Return the metadata of what belongs to the schedule."""
    labels = {naming.PART_OF_LABEL: plan.scenario.scenario}
    return {"name": name, "namespace": namespace, "labels": labels}


def _account(plan: Plan) -> Document:
    """Build the account of the jobs."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(plan, ACCOUNT, naming.KUBEFED_NAMESPACE),
        "automountServiceAccountToken": False,
    }


def _rights(plan: Plan, names: tuple[str, ...]) -> tuple[Document, Document]:
    """Let the account read and change these services' preferences, and nothing else."""
    metadata = _metadata(plan, ACCOUNT, plan.scenario.namespace)
    role = {
        "apiVersion": f"{_API}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [
            {
                "apiGroups": ["scheduling.kubefed.io"],
                "resources": [_PREFERENCES],
                "resourceNames": list(names),
                "verbs": ["get", "patch"],
            }
        ],
    }
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": naming.KUBEFED_NAMESPACE}
    binding = {
        "apiVersion": f"{_API}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _API, "kind": "Role", "name": ACCOUNT},
        "subjects": [subject],
    }
    return role, binding


def _job(plan: Plan, name: str, minute: int, total: int, hours: list[int]) -> Document:
    """Build the job that sets one total, at one minute of some hours."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _metadata(plan, _job_name(name, minute, total), naming.KUBEFED_NAMESPACE),
        "spec": {
            "schedule": f"{minute} {','.join(map(str, hours))} * * *",
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Replace",
            "startingDeadlineSeconds": LATEST_START_S,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 3,
                    "activeDeadlineSeconds": LATEST_START_S,
                    "template": {"spec": _pod(plan, name, total)},
                }
            },
        },
    }


def _job_name(name: str, minute: int, total: int) -> str:
    """Name a job; those of a CronJob get eleven characters more, and 63 is the most.

    Examples
    --------
    >>> _job_name("api", 58, 87)
    'hours-58-87-api'
    """
    return naming.shortened(f"hours-{minute:02d}-{total}-{name}", _LONGEST)


def _pod(plan: Plan, name: str, total: int) -> Document:
    """Build the pod that changes one number."""
    images = platform_of(plan).images
    change = json.dumps({"spec": {"totalReplicas": total}}, separators=(",", ":"))
    return {
        "serviceAccountName": ACCOUNT,
        "automountServiceAccountToken": True,
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "kubectl",
                "image": None if images is None else images.kubectl,
                "command": [
                    "kubectl",
                    f"--namespace={plan.scenario.namespace}",
                    "--cache-dir=/tmp/cache",
                    "patch",
                    f"{_PREFERENCES}.scheduling.kubefed.io",
                    name,
                    "--type=merge",
                    f"--field-manager={ACCOUNT}",
                    f"--patch={change}",
                ],
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "cache", "mountPath": "/tmp"}],
            }
        ],
        "volumes": [{"name": "cache", "emptyDir": {}}],
    }
