"""What an operator does by OPERATIONS.md at one cluster, done at a real API server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.exporters import naming, workload
from planner.exporters.helmfile import namespace_of, releases
from planner.model.plan import Plan
from tests.conformance.control_plane import ControlPlane, control_plane
from tests.conformance.schemas import shared
from tests.conformance.tools import run, tool
from tests.conformance.type_schemas import interpreter_crd, typed_crds

MEMBER_CRDS = (
    "external-dns",
    "calico",
    "metallb",
    "rook",
    "prometheus-operator",
    "argo-rollouts",
    "kubefed",
)
"""What the charts of a cluster install; KubeFed's only at its host, harmless elsewhere."""


@dataclass(frozen=True)
class Site:
    """An API server that a context of kubectl leads to, and the files that were last applied."""

    plane: ControlPlane
    context: str
    applied: dict[str, dict[str, str]] = field(default_factory=dict)
    """Folder of an export to its files."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which `kubectl` in a command is ours and knows the context."""
        path = f"{Path(self.plane.kubectl).parent}:{os.environ['PATH']}"
        return os.environ | {"KUBECONFIG": str(self.plane.folder / "kubeconfig"), "PATH": path}


@contextmanager
def site(folder: Path, context: str) -> Iterator[Site]:
    """Start an API server under the name of a context, with the CRDs that charts bring there."""
    with control_plane(folder) as plane:
        config = ("--kubeconfig", folder / "kubeconfig", "config")
        known = run((tool("kubectl"), *config, "current-context")).stdout.strip()
        renamed = run((tool("kubectl"), *config, "rename-context", known, context))
        assert renamed.returncode == 0, renamed.stderr
        if context == naming.KARMADA_CONTEXT:
            plane.install(shared("crds", "karmada"))
            plane.define([interpreter_crd()])
        else:
            plane.install(*(shared("crds", name) for name in MEMBER_CRDS))
            plane.define(typed_crds())
        yield Site(plane, context)


def namespaces_of_others(plan: Plan, context: str) -> list[dict[str, Any]]:
    """Return the namespaces that charts make in a cluster, and that of the plan in a member."""
    names = {
        namespace_of(plan, release)
        for release, cluster in releases(plan)
        if naming.cluster_context(cluster) == context and not release.chosen
    }
    made = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in sorted(names)
    ]
    federation = plan.scenario.federation
    host = workload.cluster_of(plan.scenario, federation.host_region)
    applied_by_us = context == naming.KARMADA_CONTEXT or (
        federation.controller == "kubefed" and context == naming.cluster_context(host)
    )
    return made if applied_by_us else [*made, workload.namespace(plan.scenario)]


def commands(operations: str, context: str) -> Iterator[str]:
    """Yield the commands of OPERATIONS.md that make or try objects at a context, in their order.

    Waits are left out: no kubelet runs, so nothing becomes ready.
    """
    inside = False
    for line in operations.splitlines():
        if line.startswith("```"):
            inside = line == "```sh"
        makes = " apply " in line or " create " in line
        if inside and line.startswith(f"kubectl --context {context} ") and makes:
            yield line


def carry_out(site: Site, folder: Path, lines: Iterable[str]) -> None:
    """Run commands in the folder of an export; each must succeed without a warning."""
    for line in lines:
        strict = f"{line} --validate=strict" if " apply " in line else line
        done = subprocess.run(
            ["sh", "-c", strict],
            cwd=folder,
            env=site.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        quiet = "Warning" not in done.stderr or " create " in line
        assert done.returncode == 0, (site.context, line, done.stderr)
        assert quiet, (site.context, line, done.stderr)


def folder_of(line: str) -> str:
    """Return the folder that a command applies or tries; empty where it does neither."""
    return line.partition(" -k ")[2]


def files_of(folder: Path) -> dict[str, str]:
    """Return path to text of everything below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths}
