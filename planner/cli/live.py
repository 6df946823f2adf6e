"""Live objects of a cluster against the plan: `kubectl diff` on the server's side."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from planner.exporters import naming, sites
from planner.exporters.wave_parts import TABLE
from planner.exporters.waves import steps
from planner.io.manifests import write_manifests
from planner.model.manifest import Manifest
from planner.model.plan import Plan

REQUEST_TIMEOUT = "60s"
DIFFERENT = 1
"""Exit code of `kubectl diff`; 0 is no difference, anything else a failure."""


@dataclass(frozen=True)
class LiveDifference:
    """What differs in the objects of one folder.

    Attributes
    ----------
    context : str
        The cluster.
    folder : str
        Its folder below the export.
    diff : str
        From the live objects to those of the plan; empty where nothing differs.
    """

    context: str
    folder: str
    diff: str


def live_differences(
    plan: Plan, manifests: Sequence[Manifest], contexts: Sequence[str]
) -> Iterator[LiveDifference]:
    """Yield, for each folder that is applied to some clusters, what differs there.

    Parameters
    ----------
    plan : Plan
        Knows which folder is applied where.
    manifests : sequence of Manifest
        What should be there.
    contexts : sequence of str
        Contexts of kubectl.

    Raises
    ------
    typer.BadParameter
        If nothing is applied to a context.
    OSError
        If kubectl is missing or fails.

    Notes
    -----
    It is a dry run on the server: fields that others own count only where the files have them, and
    an object that somebody else edited is reported as a difference, not as a conflict.
    """
    paths = {str(manifest.path) for manifest in manifests}
    applied = [
        (context, folder)
        for context, folder in _applied(plan)
        if f"{folder}/kustomization.yaml" in paths
    ]
    known = dict.fromkeys(context for context, _ in applied)
    for context in contexts:
        if context not in known:
            there = ", ".join(known) or "none"
            raise typer.BadParameter(f"nothing is applied to '{context}'; known are {there}")
    with TemporaryDirectory(prefix="planner-live-") as root:
        write_manifests(manifests, root)
        for context, folder in applied:
            if context in contexts:
                yield LiveDifference(context, folder, _diff(context, Path(root), folder))


def _applied(plan: Plan) -> list[tuple[str, str]]:
    """List contexts and the folders that are applied to them; without a platform, whole trees."""
    if plan.scenario.platform is None:
        trees = [(naming.cluster_context(c), f"clusters/{c}") for c in sites.active(plan)]
        controllers = {"kubefed": sites.kubefed(plan), "karmada": sites.karmada(plan)}
        return trees + [(c, f"federation/{n}") for n, found in controllers.items() for c in found]
    return [
        (step.context, step.folder) for step in steps(plan, TABLE) if step.part.action == "apply"
    ]


def _diff(context: str, root: Path, folder: str) -> str:
    """Ask kubectl what would change."""
    command = ["kubectl", f"--context={context}", f"--request-timeout={REQUEST_TIMEOUT}"]
    command += ["diff", "--server-side", f"--field-manager={naming.MANAGER}", "--force-conflicts"]
    # Whatever shows differences to this user elsewhere need not be one for programs.
    environment = {k: v for k, v in os.environ.items() if k != "KUBECTL_EXTERNAL_DIFF"}
    try:
        done = subprocess.run(
            [*command, "-k", folder],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        sentence = "kubectl is not in PATH; install it, or compare files only, without --live"
        raise FileNotFoundError(sentence) from None
    if done.returncode not in (0, DIFFERENT):
        reason = done.stderr.strip() or f"exit code {done.returncode}"
        raise ConnectionError(f"{context}: kubectl cannot compare {folder}: {reason}")
    return done.stdout if done.returncode == DIFFERENT else ""
