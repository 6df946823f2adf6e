"""secrets.md: every Secret that files refer to, who reads it, and how it comes to be."""

from __future__ import annotations

from pathlib import PurePosixPath

from planner.exporters import naming, workload
from planner.exporters.rendering import text
from planner.exporters.requirements import require
from planner.exporters.secret_notes import ON_MACHINES
from planner.exporters.secrets import secrets_of
from planner.model.manifest import Manifest
from planner.model.plan import Plan

TARGET = "secrets"


def export_secrets(plan: Plan) -> tuple[Manifest, ...]:
    """Return ``secrets.md``; it holds names only.

    Parameters
    ----------
    plan : Plan
        What was decided, with its platform.

    Returns
    -------
    tuple of Manifest
        One file.

    Raises
    ------
    MissingInputs
        If there is no platform to speak of.
    UnfaithfulExport
        If a name is none: names stand in commands.
    """
    require(plan, TARGET, ["services", "regions"])
    clusters = workload.region_of_cluster(plan.scenario)
    notes = secrets_of(plan)
    objects = [note for note in notes if note.namespace != ON_MACHINES]
    names = {f"clusters.{cluster}": cluster for cluster in clusters}
    names |= {f"secrets.{n.namespace}.{n.name}": n.name for n in objects}
    names |= {f"namespaces.{n.namespace}": n.namespace for n in objects}
    naming.refuse_bad_names(names)
    content = text(
        "secrets.md.j2",
        scenario=plan.scenario.scenario,
        objects=objects,
        files=[note for note in notes if note.namespace == ON_MACHINES],
        namespaces=list(dict.fromkeys(n.namespace for n in objects if n.made == "before")),
        written=plan.scenario.namespace,
    )
    return (Manifest(PurePosixPath("secrets.md"), content),)
